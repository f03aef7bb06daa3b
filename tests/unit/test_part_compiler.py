"""Parts of compiled code: what they come to is what plain Python says, wherever they are taken in."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from numba import njit
from numba.core.errors import LoweringError

from fanfold.research.compiled import part
from fanfold.research.tape import piece


class Sums(NamedTuple):
    """Sums of a column, and of its slices."""

    total: Any
    of_slices: Any


@piece
def _add(column: Any, sums: Sums) -> int:
    sums.total[0] += column.sum()
    return len(column)


@piece
def _add_slices(column: Any, length: int, sums: Sums) -> tuple[int, float]:
    count, most = 0, -np.inf
    for first in range(0, len(column), length):
        inside = column[first : first + length]
        count += _add(inside, sums)
        sums.of_slices[first // length] = inside[0]
        most = max(most, inside[-1])
    return count, most


@njit
def _whole(column: Any, length: int, sums: Sums) -> tuple[int, float]:
    counted, most = _add_slices(column, length, sums)
    # The same part once more, not through another.
    return counted + _add(column, sums), most


@njit
def _other_whole(column: Any, sums: Sums) -> int:
    return _add(column, sums)


def test_parts_in_parts_do_what_plain_python_does() -> None:
    column, plain = np.arange(1.0, 11.0), Sums(np.zeros(1), np.zeros(4))
    compiled = Sums(np.zeros(1), np.zeros(4))
    assert _whole(column, 3, compiled) == (20, 10.0)
    assert _other_whole(column.astype(np.int64), compiled) == 10
    counted = sum(_add.py_func(column[first : first + 3], plain) for first in range(0, 10, 3))
    assert counted + _add.py_func(column, plain) + _add.py_func(column, plain) == 30
    assert compiled.total == plain.total == 165.0
    assert compiled.of_slices.tolist() == [1.0, 4.0, 7.0, 10.0]


def test_arrays_that_parts_were_given_are_held_as_often_as_before() -> None:
    column, sums = np.arange(1_000.0), Sums(np.zeros(1), np.zeros(200))
    for _ in range(100):
        # The slice is freed if its array is counted down once too often.
        assert _whole(column[5:].copy(), 5, sums)[1] == 999.0
    assert column.sum() == 499_500.0


def test_a_part_that_returns_an_array_is_refused() -> None:
    @part()
    def tail(column: Any) -> tuple[int, Any]:
        return 1, column[1:]

    @njit
    def whole(column: Any) -> int:
        first, _rest = tail(column)
        return first

    with pytest.raises(LoweringError, match="tail returns an array: it has to count references to it"):
        whole(np.zeros(3))
