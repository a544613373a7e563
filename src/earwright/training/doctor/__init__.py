"""The training doctor: what a run looks like from inside, and what is wrong with it."""
