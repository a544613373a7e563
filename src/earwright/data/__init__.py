"""From recordings and texts to batches: corpus readers, checks, synthesis, decoded audio, the order of an epoch."""
