"""Floats of a file as exact integers, under the smallest decimal scale that tells all of them."""

from collections.abc import Sequence
from decimal import Decimal
from math import inf
from typing import NamedTuple

import numpy as np

from fanfold.importers.table import Floats, Integers, blocks_of

# What prices and volumes usually have; further digits are most often a float's own.
SCALE_USUAL = 8
# The largest scale of a record.
SCALE_MAX = 18
# A value may move by this share of itself when its further digits go.
ROUNDED_MAX = 1e-9
# A double tells whole numbers apart up to 9e15; below this the product with a power of ten rounds to the right one.
_WHOLE_MAX = 1e15


class Whole(NamedTuple):
    """Columns as ``units / 10 ** scale``, and how many of their values had to be rounded to that."""

    columns: list[Integers]
    scale: int
    rounded: int

    def value(self, column: int, row: int) -> Decimal:
        """Return a value as the decimal that it was read as."""
        return Decimal(int(self.columns[column][row])).scaleb(-self.scale)


def whole(columns: Sequence[Floats], rounded_max: float = ROUNDED_MAX) -> Whole:
    """Return columns as integers under the scale that tells all of their values.

    Where none does, as for 0.1 + 0.2, they are rounded to the eighth decimal, or to a later one until no value moves by
    more than ``rounded_max`` of itself. Raises OverflowError for a value of 1e15 and more, and where more digits are
    needed than can be kept together: a double has fifteen.
    """
    size = max(float(np.abs(values).max()) for values in columns)
    if size >= _WHOLE_MAX:
        raise OverflowError(f"{size:g} is too large to be exact")
    most = next(scale for scale in range(SCALE_MAX, -1, -1) if size * 10.0**scale < _WHOLE_MAX)
    scales = range(min(SCALE_USUAL, most), most + 1)
    if rounded_max >= 1:
        return _shortened(columns, scales[0])
    for scale in scales:
        if all(_are_kept(values, scale) for values in columns):
            return _shortened(columns, scale)
    for scale in scales:
        moved = max(_moved(values, scale) for values in columns)
        if moved <= rounded_max:
            return _shortened(columns, scale)
    least = min(float(np.abs(values[values != 0]).min(initial=inf)) for values in columns)
    raise OverflowError(
        f"values from {least:g} to {size:g} need more than the {most} decimals that can be kept beside "
        f"each other; a value would be {moved:.2g} of itself off"
    )


def _are_kept(values: Floats, scale: int) -> bool:
    """Return whether no value moves when it is rounded."""
    unit = 10.0**scale
    return all(np.array_equal(np.rint(block * unit) / unit, block) for block in blocks_of(values))


def _moved(values: Floats, scale: int) -> float:
    """Return the largest share of itself by which a value moves when it is rounded."""
    unit, most = 10.0**scale, 0.0
    for block in blocks_of(values):
        kept = np.rint(block * unit) / unit
        moved = np.flatnonzero(kept != block)
        if moved.size:
            most = max(most, float(np.max(np.abs(kept[moved] / block[moved] - 1))))
    return most


def _shortened(columns: Sequence[Floats], scale: int) -> Whole:
    """Return the columns without decimals that none of them needs."""
    unit, rounded = 10.0**scale, 0
    units = [np.empty(values.size, dtype=np.int64) for values in columns]
    for column, values in zip(units, columns, strict=True):
        for whole_block, block in zip(blocks_of(column), blocks_of(values), strict=True):
            kept = np.rint(block * unit)
            whole_block[:] = kept
            rounded += int(np.count_nonzero(kept / unit != block))
    spare = _spare(units, scale)
    return Whole([column // 10**spare for column in units] if spare else units, scale - spare, rounded)


def _spare(units: Sequence[Integers], most: int) -> int:
    """Return how many last decimals, at most so many, are 0 in every value."""
    for column in units:
        for block in blocks_of(column):
            # To divide and multiply by a number that is known takes a fraction of a remainder's time.
            while most and np.any(block // 10**most * 10**most != block):
                most -= 1
            if not most:
                return 0
    return most
