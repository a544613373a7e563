"""A first recipe: what the data, the machine and the time allow, and what error to expect."""
