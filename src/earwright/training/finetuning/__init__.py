"""Fine-tuning: starting from the weights of a bundle, and watching what they gain and what they forget."""
