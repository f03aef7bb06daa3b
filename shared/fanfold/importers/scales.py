"""Floats of a file as exact integers, under the smallest decimal scale that tells all of them."""

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
    """Values as ``units / 10 ** scale``, and how many of them had to be rounded to that."""

    units: Integers
    scale: int
    rounded: int


def whole(values: Floats, rounded_max: float = ROUNDED_MAX) -> Whole:
    """The values as integers under the scale that tells all of them.

    Where none does, as for 0.1 + 0.2, they are rounded to the eighth decimal, or to a later one until no value moves by
    more than ``rounded_max`` of itself. Raises OverflowError for a value of 1e15 and more, and where more digits are
    needed than can be kept together: a double has fifteen.
    """
    size = float(np.abs(values).max())
    if size >= _WHOLE_MAX:
        raise OverflowError(f"{size:g} is too large to be exact")
    most = next(scale for scale in range(SCALE_MAX, -1, -1) if size * 10.0**scale < _WHOLE_MAX)
    scales = range(min(SCALE_USUAL, most), most + 1)
    for allowed in (0.0, rounded_max):
        for scale in scales if rounded_max < 1 else scales[:1]:
            units = np.rint(values * 10.0**scale)
            moved = _moved(values, units / 10.0**scale)
            if moved <= allowed:
                rounded = int(np.count_nonzero(units / 10.0**scale != values))
                return Whole(*_shortened(units.astype(np.int64), scale), rounded)
    least = float(np.abs(values[values != 0]).min())
    raise OverflowError(
        f"values from {least:g} to {size:g} need more than the {most} decimals that can be kept beside "
        f"each other; a value would be {moved:.2g} of itself off"
    )


def _moved(values: Floats, kept: Floats) -> float:
    """The largest share of itself by which a value moves."""
    there = values != 0
    return float(np.max(np.abs(kept[there] / values[there] - 1), initial=0.0))


def _shortened(units: Integers, scale: int) -> tuple[Integers, int]:
    while scale > 0 and not np.any(units % 10):
        units = units // 10
        scale -= 1
    return units, scale
