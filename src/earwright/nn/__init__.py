"""Blocks that models are made of: features, subsampling, attention, convolution, masks."""
