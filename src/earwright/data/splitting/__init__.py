"""One prepared folder becomes train, dev and test: `earwright split`."""
