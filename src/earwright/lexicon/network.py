"""A small network that has a second look at the guesses of the n-gram model.

For each letter of a word it says how probable each of the phones is that a letter can stand for, seeing the
letters around it on both sides and what the letters before it stand for. The n-gram model sees what was said
and not what is to come, and so the two go wrong in different places: weighed together they are better than
either. Two hidden layers, trained with Adam (Kingma & Ba 2015) and dropout in numpy: the runtime has no more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

AROUND = 6  # letters that are seen on either side
BEFORE = 4  # letters before, of which it is seen what they stand for
HIDDEN = 384
BATCH = 512  # letters an update
LEARNING_RATE = 2e-3  # at the start; it falls to 0 in a straight line
DROPOUT = 0.15
MOMENTUM, MEMORY = 0.9, 0.99  # Adam's beta 1 and beta 2


@dataclass(frozen=True)
class Network:
    """The trained numbers, float32.

    Attributes:
        letters, classes: how many letters there are, and how many ways to say one.
        weights: of the first layer a row for each letter at each place around, then for each class at each
            place before, (rows, H), and its bias (H,); of the second layer (H, H), (H,); of the last
            (H, classes), (classes,).
    """

    letters: int
    classes: int
    weights: tuple[Floats, ...]

    def score(self, letters: IntArray, paths: IntArray) -> npt.NDArray[np.float64]:
        """Natural log-probabilities of ways to say a word.

        Args:
            letters: (L,) of the word.
            paths: (K, L) the class of each letter, K times.
        """
        count, length = paths.shape
        begins = np.arange(count + 1) * length
        inputs = look_around(np.tile(letters, count), paths.reshape(-1), begins, self.letters, self.classes)
        log_probs = self.log_probs(inputs)[np.arange(count * length), paths.reshape(-1)]
        sums: npt.NDArray[np.float64] = log_probs.reshape(count, length).sum(axis=1, dtype=np.float64)
        return sums

    def log_probs(self, inputs: IntArray) -> Floats:
        """(N, classes) of inputs from `look_around` (N, places)."""
        first, first_bias, second, second_bias, last, last_bias = self.weights
        offsets = row_offsets(self.letters, self.classes)
        hidden = np.maximum(first[inputs + offsets].sum(axis=1) + first_bias, 0)  # (N, H)
        hidden = np.maximum(hidden @ second + second_bias, 0)
        return _log_softmax(hidden @ last + last_bias)


def row_offsets(letters: int, classes: int) -> IntArray:
    """Where the rows of each place begin in the first layer; each place has a row more, for none."""
    sizes = [letters + 1] * (2 * AROUND + 1) + [classes + 1] * BEFORE
    return np.cumsum([0, *sizes[:-1]], dtype=np.int64)


def layer_shapes(letters: int, classes: int, hidden: int = HIDDEN) -> list[tuple[int, ...]]:
    """The shapes of a network's weights."""
    rows = (letters + 1) * (2 * AROUND + 1) + (classes + 1) * BEFORE
    return [(rows, hidden), (hidden,), (hidden, hidden), (hidden,), (hidden, classes), (classes,)]


def look_around(
    letters: IntArray, said: IntArray, begins: IntArray, no_letter: int, no_class: int
) -> IntArray:
    """What the network sees at each letter of some words.

    Args:
        letters: (N,) of all words, one after another.
        said: (N,) the class of each letter.
        begins: word i is letters[begins[i]:begins[i + 1]].
        no_letter, no_class: the numbers that stand for a place outside the word.

    Returns:
        (N, places): the letters around, from left to right, then the classes before.
    """
    lengths = np.diff(begins)
    start, end = np.repeat(begins[:-1], lengths), np.repeat(begins[1:], lengths)
    here = np.arange(len(letters))
    columns = []
    for offset in range(-AROUND, AROUND + 1):
        place = here + offset
        inside = (place >= start) & (place < end)
        columns.append(np.where(inside, letters[np.clip(place, 0, len(letters) - 1)], no_letter))
    for offset in range(-BEFORE, 0):
        place = here + offset
        columns.append(np.where(place >= start, said[np.maximum(place, 0)], no_class))
    return np.stack(columns, axis=1)


def train_network(
    letters: IntArray,
    said: IntArray,
    begins: IntArray,
    letter_count: int,
    class_count: int,
    *,
    epochs: int,
    seed: int = 0,
    report: Callable[[float], None] = lambda share: None,
) -> Network:
    """Train a network on words whose letters are aligned with what they stand for.

    Args:
        letters, said, begins: as for `look_around`.
        letter_count, class_count: how many of each there are.
        epochs: times that each letter is seen.
        seed: of the first weights, the order and the dropout.
        report: called with the share of the updates that are done.
    """
    from earwright.lexicon.network_kernels import adam

    generator = np.random.default_rng(seed)
    weights = _first_weights(generator, letter_count, class_count)
    means, squares, gradients = ([np.zeros_like(each) for each in weights] for _ in range(3))
    offsets = row_offsets(letter_count, class_count)
    rows = (look_around(letters, said, begins, letter_count, class_count) + offsets).astype(np.int32)
    updates = max(1, len(rows) // BATCH)
    for done in range(updates * epochs):
        if done % updates == 0:
            order = generator.permutation(len(rows))
        chosen = order[done % updates * BATCH :][:BATCH]
        _add_gradients(weights, gradients, rows[chosen], said[chosen], generator)
        rate = LEARNING_RATE * (1 - done / (updates * epochs))
        unbiased = rate * (1 - MEMORY ** (done + 1)) ** 0.5 / (1 - MOMENTUM ** (done + 1))
        for each, gradient, mean, square in zip(weights, gradients, means, squares, strict=True):
            adam(each.reshape(-1), gradient.reshape(-1), mean.reshape(-1), square.reshape(-1),
                 np.float32(unbiased), np.float32(MOMENTUM), np.float32(MEMORY))  # fmt: skip
        if done % 100 == 99:
            report((done + 1) / (updates * epochs))
    return Network(letter_count, class_count, tuple(weights))


def _first_weights(generator: np.random.Generator, letters: int, classes: int) -> list[Floats]:
    """Drawn so that each layer hands on about the variance that it gets (He et al. 2015)."""
    shapes = layer_shapes(letters, classes)
    places = 2 * AROUND + 1 + BEFORE
    spreads = [(1 / places) ** 0.5, 0, (2 / HIDDEN) ** 0.5, 0, (1 / HIDDEN) ** 0.5, 0]
    return [
        (generator.standard_normal(shape) * spread).astype(np.float32)
        for shape, spread in zip(shapes, spreads, strict=True)
    ]


def _add_gradients(
    weights: list[Floats],
    gradients: list[Floats],
    rows: npt.NDArray[np.int32],
    wanted: IntArray,
    generator: np.random.Generator,
) -> None:
    """Forward and backward through one batch: rows (B, places) of the first layer, wanted (B,) classes."""
    from earwright.lexicon.network_kernels import add_to_rows, sum_of_rows

    first, first_bias, second, second_bias, last, last_bias = weights
    hidden: Floats = sum_of_rows(first, rows) + first_bias  # (B, H)
    first_kept = _kept(hidden, generator)
    hidden *= first_kept
    upper: Floats = hidden @ second + second_bias  # (B, H)
    second_kept = _kept(upper, generator)
    upper *= second_kept
    error: Floats = np.exp(_log_softmax(upper @ last + last_bias))  # (B, classes)
    error[np.arange(len(wanted)), wanted] -= 1
    error /= np.float32(len(wanted))
    gradients[4] += upper.T @ error
    gradients[5] += error.sum(axis=0)
    error = (error @ last.T) * second_kept
    gradients[2] += hidden.T @ error
    gradients[3] += error.sum(axis=0)
    error = (error @ second.T) * first_kept
    gradients[1] += error.sum(axis=0)
    add_to_rows(gradients[0], rows, error)


def _kept(values: Floats, generator: np.random.Generator) -> Floats:
    """What ReLU and dropout multiply each value by."""
    drawn = generator.random(values.shape, dtype=np.float32)
    return ((values > 0) & (drawn >= DROPOUT)).astype(np.float32) / np.float32(1 - DROPOUT)


def _log_softmax(values: Floats) -> Floats:
    values = values - values.max(axis=1, keepdims=True)
    shifted: Floats = values - np.log(np.exp(values).sum(axis=1, keepdims=True))
    return shifted
