"""From recordings and texts to batches: readers, checks, synthesis, decoded audio, the order of an epoch."""
