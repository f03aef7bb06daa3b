"""Views of the bars for steps that run as plain Python."""

from collections.abc import Iterator
from functools import partial
from itertools import repeat
from typing import Any

import numpy as np

from fanfold.research.columns import Floats, StepColumns
from fanfold.research.compiled import attributes_read
from fanfold.strategy.bars import Bars, Universe
from fanfold.strategy.contract import Strategy


class _Moved:
    """A view with the fields of Bars or of a Universe, whose ``now`` moves on: a tuple for each bar takes longer."""

    __slots__ = Universe._fields


class StepViews:
    """Views of columns as lists, as in live trading; ``me`` and ``count`` are those of a Universe."""

    def __init__(self, strategy: Strategy, columns: StepColumns, me: int, count: int) -> None:
        kind, read = (Universe if strategy.cross_sectional else Bars), attributes_read(strategy.step)
        # Only what a step reads the fields of, and does not keep, may be the same at each bar.
        self._moved = _Moved() if read.issubset(kind._fields) else None
        # A column that the step does not read is another one, or no list: each is listed once.
        names = read.intersection(columns._fields) if self._moved else columns._fields
        wanted = {id(getattr(columns, name)) for name in names if name}
        each = {id(column): column for column in columns}
        listed = {key: column.tolist() if key in wanted else [] for key, column in each.items()}
        self._columns: list[Any] = [(listed[key], each[key]) for key in wanted if each[key].dtype == np.float64]
        self._fixed = [*([me, count] if kind is Universe else []), *(listed[id(column)] for column in columns)]
        self._made: Any = partial(tuple.__new__, kind)
        for name, figure in zip(kind._fields[1:] if self._moved else (), self._fixed, strict=False):
            setattr(self._moved, name, figure)

    def columns(self) -> Iterator[tuple[list[float], Floats]]:
        """Yield each column of figures as the views have it, beside its array: of a universe, those of each member."""
        for listed, column in self._columns:
            yield from zip(listed, column, strict=False) if column.ndim > 1 else [(listed, column)]

    def at(self, row: int) -> Any:
        """Return the view at a row of the columns."""
        return self._made((row, *self._fixed))

    def over(self, rows: range) -> Iterator[Any]:
        """Return the views at rows. Take the next only when done with one: they may be the same object."""
        if self._moved:
            return _over(self._moved, rows)
        return map(self._made, zip(rows, *map(repeat, self._fixed), strict=False))


def _over(view: Any, rows: range) -> Iterator[Any]:
    for row in rows:
        view.now = row
        yield view
