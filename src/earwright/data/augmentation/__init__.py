"""The kinds of augmentation, a small module for what belongs together; `data/augment.py` puts them in a row.

Each is a pure function of samples and of numbers or a generator that it is given; what a recipe says of them
is in `options`, and what must be known before batches are made (how long things become) in `lengths`.
"""
