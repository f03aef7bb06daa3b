"""Times of bars, which ascend without repeating, against one another.

Most often the times of one series are a run of those of another, which two comparisons of memory tell; a search for
each takes a hundred times as long.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
# Ascending rows, as a slice where none is left out between them: arrays are cut faster than picked.
Rows = slice | Integers


def union_of(series: Sequence[Integers]) -> Integers:
    """Return the times that any series has."""
    times = max(series, key=lambda own: own.size)
    if all(_begins(own, times) is not None for own in series):
        return np.ascontiguousarray(times)
    # Series that are sorted each are sorted together by merging them.
    every: Integers = np.sort(np.concatenate(series), kind="stable")
    return every[np.diff(every, prepend=every[:1] - 1) > 0]


def rows_of(times: Integers, within: Integers) -> Integers:
    """Return the row of each time in a series, -1 where it is not there."""
    rows = np.full(times.size, -1)
    if not within.size:
        return rows
    first, last = np.searchsorted(times, within[0]), np.searchsorted(times, within[-1], side="right")
    inner = times[first:last]
    begin = _begins(inner, within)
    if begin is not None:
        rows[first:last] = np.arange(begin, begin + inner.size)
        return rows
    places = np.searchsorted(within, inner)
    rows[first:last] = np.where(within[places] == inner, places, -1)
    return rows


def span_of(rows: Integers) -> Rows:
    """Return ascending rows as a slice where none is left out between them."""
    if rows.size and int(rows[-1]) - int(rows[0]) == rows.size - 1:
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows


def places_of(rows: Rows) -> Integers:
    """Return rows one by one."""
    return np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows


def shared_rows(times: Integers, within: Integers) -> tuple[Rows, Rows]:
    """Return the rows of a series whose times another has, and the rows of these in that one."""
    first, last = np.searchsorted(times, within[0]), np.searchsorted(times, within[-1], side="right")
    begin = _begins(times[first:last], within)
    if begin is not None:
        return slice(begin, begin + int(last - first)), slice(int(first), int(last))
    rows = rows_of(times, within)
    places = np.flatnonzero(rows >= 0)
    return rows[places], places


def _begins(times: Integers, within: Integers) -> int | None:
    """Return the row from which on a series has these times, one after the other; None where it has not."""
    if not times.size:
        return 0
    begin = int(np.searchsorted(within, times[0]))
    return begin if np.array_equal(within[begin : begin + times.size], times) else None
