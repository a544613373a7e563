"""Training data out of texts: `earwright synthesize`."""
