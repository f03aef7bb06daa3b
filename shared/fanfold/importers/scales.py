"""Floats of a file as exact integers, under the smallest decimal scale that tells all of them."""

from collections.abc import Sequence
from decimal import Decimal
from math import inf
from typing import NamedTuple

import numpy as np

from fanfold.importers.table import Floats, Integers

# What prices and volumes usually have; further digits are most often a float's own.
SCALE_USUAL = 8
# What a record holds.
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
    for allowed in (0.0, rounded_max):
        for scale in scales if rounded_max < 1 else scales[:1]:
            moved = max(_moved(values, scale) for values in columns)
            if moved <= allowed:
                return _shortened(columns, scale)
    least = min(float(np.abs(values[values != 0]).min(initial=inf)) for values in columns)
    raise OverflowError(
        f"values from {least:g} to {size:g} need more than the {most} decimals that can be kept beside "
        f"each other; a value would be {moved:.2g} of itself off"
    )


def _moved(values: Floats, scale: int) -> float:
    """Return the largest share of itself by which a value moves when it is rounded."""
    kept = np.rint(values * 10.0**scale) / 10.0**scale
    moved = np.flatnonzero(kept != values)
    return float(np.max(np.abs(kept[moved] / values[moved] - 1), initial=0.0)) if moved.size else 0.0


def _shortened(columns: Sequence[Floats], scale: int) -> Whole:
    """Return the columns without decimals that none of them needs."""
    units = [np.rint(values * 10.0**scale).astype(np.int64) for values in columns]
    pairs = zip(units, columns, strict=True)
    rounded = sum(int(np.count_nonzero(column / 10.0**scale != values)) for column, values in pairs)
    while scale > 0 and not any(np.any(column % 10) for column in units):
        units = [column // 10 for column in units]
        scale -= 1
    return Whole(units, scale, rounded)
