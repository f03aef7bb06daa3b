"""The probability of back-test overfitting, by combinatorially symmetric cross-validation.

From Bailey, Borwein, Lopez de Prado and Zhu, "The Probability of Backtest Overfitting" (2015).
"""

from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
# 12,870 ways to choose a half of them.
PARTS = 16
# Combinations that are computed at once.
_CHUNK = 2_000


class Overfitting(NamedTuple):
    """The outcome of a cross-validation.

    ``probability`` is the share of splits in which the best of one half is below the median in the other, ``loss`` the
    share in which it has a Sharpe ratio below 0 there; ``slope`` is that of its ratio there on its ratio here.
    """

    probability: float
    loss: float
    slope: float
    splits: int


def overfitting(returns: Matrix, parts: int = PARTS) -> Overfitting:
    """Return the outcome for returns, a row a time, a column a configuration.

    The time is cut into an even number of equal parts; what is left of it at the end is not used.
    """
    if parts % 2 or parts < 2:
        raise ValueError(f"{parts} parts have no halves; take an even number")
    if returns.shape[1] < 2 or returns.shape[0] < 2 * parts:
        raise ValueError(f"{returns.shape[1]} configurations of {returns.shape[0]} returns are too few to split")
    length = returns.shape[0] // parts
    blocks = returns[: length * parts].reshape(parts, length, -1)
    sums, squares = blocks.sum(axis=1), (blocks**2).sum(axis=1)
    halves = np.array(list(combinations(range(parts), parts // 2)))
    here, there, below = zip(*(_split(sums, squares, halves[n : n + _CHUNK], length)
                               for n in range(0, len(halves), _CHUNK)), strict=True)  # fmt: skip
    inside, outside = np.concatenate(here), np.concatenate(there)
    spread = inside - inside.mean()
    scale = float(spread @ spread)
    return Overfitting(
        float(np.concatenate(below).mean()),
        float((outside < 0).mean()),
        float(spread @ (outside - outside.mean())) / scale if scale else 0.0,
        len(halves),
    )


def _split(sums: Matrix, squares: Matrix, halves: NDArray[np.int64], length: int) -> tuple[Matrix, Matrix, Matrix]:
    """Return the best ratio of each half, the same configuration's in the other, and if that is in the lower half."""
    chosen = np.zeros((len(halves), len(sums)))
    np.put_along_axis(chosen, halves, 1.0, axis=1)
    inside = _ratios(chosen @ sums, chosen @ squares, length * halves.shape[1])
    outside = _ratios((1 - chosen) @ sums, (1 - chosen) @ squares, length * halves.shape[1])
    best = inside.argmax(axis=1)[:, None]
    there = np.take_along_axis(outside, best, axis=1)
    # Those that did as well count half, or columns that are alike would be ranks apart.
    rank = (outside < there).sum(axis=1) + ((outside == there).sum(axis=1) + 1) / 2
    relative = rank / (outside.shape[1] + 1)
    lower = np.where(relative < 0.5, 1.0, np.where(relative == 0.5, 0.5, 0.0))
    return np.take_along_axis(inside, best, axis=1)[:, 0], there[:, 0], lower


def _ratios(sums: Matrix, squares: Matrix, count: int) -> Matrix:
    """Return Sharpe ratios of sums and sums of squares; 0 where returns do not differ."""
    variance = (squares - sums**2 / count) / (count - 1)
    spread = np.sqrt(np.where(variance > 0, variance, 1.0))
    ratios: Matrix = np.where(variance > 1e-18, sums / count / spread, 0.0)
    return ratios
