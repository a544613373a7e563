"""From a corpus to a prepared folder: `earwright prepare`."""
