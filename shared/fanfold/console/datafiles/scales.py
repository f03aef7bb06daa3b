"""Floats of a file as exact integers, under the smallest decimal scale that tells all of them."""

from typing import NamedTuple

import numpy as np

from fanfold.console.datafiles.table import Floats, Integers

SCALE_MAX = 8
# A double tells whole numbers apart up to 9e15; below this the product with a power of ten rounds to the right one.
_WHOLE_MAX = 1e15


class Whole(NamedTuple):
    """Values as ``units / 10 ** scale``, and how many of them had to be rounded to that."""

    units: Integers
    scale: int
    rounded: int


def whole(values: Floats) -> Whole:
    """The values as integers; those with more than 8 decimals, such as 0.1 + 0.2, are rounded and counted.

    Raises OverflowError for a value of 1e15 and more. Values above ten million have fewer than 8 decimals in a double,
    so fewer are kept.
    """
    size = float(np.abs(values).max())
    if size >= _WHOLE_MAX:
        raise OverflowError(f"{size:g} is too large to be exact")
    scale = SCALE_MAX
    while size * 10.0**scale >= _WHOLE_MAX:
        scale -= 1
    units = np.rint(values * 10.0**scale)
    rounded = int(np.count_nonzero(units / 10.0**scale != values))
    return Whole(*_shortened(units.astype(np.int64), scale), rounded)


def _shortened(units: Integers, scale: int) -> tuple[Integers, int]:
    while scale > 0 and not np.any(units % 10):
        units = units // 10
        scale -= 1
    return units, scale
