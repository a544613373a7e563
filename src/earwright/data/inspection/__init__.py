"""Looking into prepared data, and listening to it: `earwright inspect`."""
