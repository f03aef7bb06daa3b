"""The equity of an account between two fills: a line over the close, written without a branch a bar."""

import numpy as np

from fanfold.research.columns import Integers
from fanfold.research.tape import piece


@piece
def draw_line(equity: Integers, closes: Integers, first: int, end: int, cash: int, unit: int) -> None:
    """Write the equity of bars from ``first`` up to ``end``: ``cash``, and ``unit`` for each tick of the close."""
    # Slices and an unsigned counter, which cannot count from the end, let the processor take several bars at once.
    written, seen = equity[first:end], closes[first:end]
    for at in range(np.uint64(max(end - first, 0))):
        written[at] = cash + unit * seen[at]


@piece
def draw_long_line(equity: Integers, closes: Integers, first: int, end: int, cash: int, unit: int) -> int:
    """Write equity as ``draw_line`` does, and return the highest of the closes, 0 of none.

    One pass takes less than two where a line is long; to come to one highest from several takes a while.
    """
    written, seen, top = equity[first:end], closes[first:end], 0
    for at in range(np.uint64(max(end - first, 0))):
        written[at] = cash + unit * seen[at]
        top = max(top, seen[at])
    return top


@piece
def farthest(closes: Integers, first: int, end: int) -> tuple[int, int]:
    """Return the lowest and the highest of closes from ``first`` up to ``end``."""
    seen = closes[first:end]
    low, high = seen[0], seen[0]
    for at in range(np.uint64(end - first)):
        low, high = min(low, seen[at]), max(high, seen[at])
    return low, high
