"""The loops of the network's training that numpy is slow at, compiled."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from earwright.compiling import kernel

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int32]


@kernel
def sum_of_rows(table: Floats, rows: Rows) -> Floats:
    """(B, H): of each batch item the sum of its rows (B, places) of a table (rows, H)."""
    sums = np.zeros((len(rows), table.shape[1]), np.float32)
    for item in range(len(rows)):
        for row in rows[item]:
            for column in range(table.shape[1]):
                sums[item, column] += table[row, column]
    return sums


@kernel
def add_to_rows(table: Floats, rows: Rows, errors: Floats) -> None:
    """The reverse: add the error of each item (B, H) to all its rows."""
    for item in range(len(rows)):
        for row in rows[item]:
            for column in range(table.shape[1]):
                table[row, column] += errors[item, column]


@kernel
def adam(
    weights: Floats,
    gradients: Floats,
    means: Floats,
    squares: Floats,
    rate: np.float32,
    momentum: np.float32,
    memory: np.float32,
) -> None:
    """One update of Adam, in place; the gradients are put back to 0."""
    for place in range(len(weights)):
        gradient = gradients[place]
        means[place] = momentum * means[place] + (np.float32(1) - momentum) * gradient
        squares[place] = memory * squares[place] + (np.float32(1) - memory) * gradient * gradient
        weights[place] -= rate * means[place] / (math.sqrt(squares[place]) + 1e-8)
        gradients[place] = 0
