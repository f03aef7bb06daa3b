"""The bars that a step sees: those of one instrument, or of a universe."""

from collections.abc import Sequence
from typing import NamedTuple


class Bars(NamedTuple):
    """History of one instrument up to ``now``: the close of n bars ago is ``bars.close[bars.now - n]``.

    Columns are lists live and arrays in research; ``time`` is the close in epoch seconds. In front of the first bar
    they are padded with it, as far as ``lookback`` reaches; past ``now`` there may be anything.
    """

    now: int
    time: Sequence[int]
    open: Sequence[float]
    high: Sequence[float]
    low: Sequence[float]
    close: Sequence[float]
    volume: Sequence[float]


class Universe(NamedTuple):
    """History of ``count`` instruments on common times: ``bars.close[i][bars.now - n]`` of instrument i; see Bars."""

    now: int
    me: int
    count: int  # type: ignore[assignment]  # Hides tuple.count, which a universe does not need.
    time: Sequence[int]
    open: Sequence[Sequence[float]]
    high: Sequence[Sequence[float]]
    low: Sequence[Sequence[float]]
    close: Sequence[Sequence[float]]
    volume: Sequence[Sequence[float]]
