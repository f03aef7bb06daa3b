"""Heat maps of a sweep: the median of a figure over all trials that have a value, or neighbours, of two params."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from fanfold.research.columns import Floats, Integers
from fanfold.research.sweeping.sheet_texts import value_text

Value = int | float | str | bool


class HeatMap(NamedTuple):
    """The median of a figure over all trials that have a value of ``down`` and of ``across``; NaN where none has it."""

    figure: str
    down: str
    across: str
    rows: list[Value]
    columns: list[Value]
    values: Floats

    @property
    def filled(self) -> float:
        """Return the share of cells that have a value."""
        return float(np.isfinite(self.values).mean())


class ParamGroups(NamedTuple):
    """The values of a param, in order, in groups of neighbours; ``of_trial`` has the group of each trial."""

    groups: list[list[Value]]
    of_trial: Integers

    @property
    def names(self) -> list[str]:
        """Return each group as its value, or its first and last."""
        texts = [(value_text(group[0]), value_text(group[-1])) for group in self.groups]
        return [first if first == last else f"{first} to {last}" for first, last in texts]


def grouped(column: pa.ChunkedArray, most: int) -> ParamGroups:
    """Return the values of a param, as a column of trials, in at most so many groups."""
    values, place = np.unique(column.to_numpy(), return_inverse=True)
    parts = np.array_split(np.arange(values.size), min(values.size, most))
    of_value = np.repeat(np.arange(len(parts)), [part.size for part in parts])
    return ParamGroups([values[part].tolist() for part in parts], of_value[place])


class MapCells:
    """The cells of a map over two params, row by row, and the trials in each."""

    def __init__(self, down: ParamGroups, across: ParamGroups) -> None:
        self._shape = len(down.groups), len(across.groups)
        self._of_trial = down.of_trial * self._shape[1] + across.of_trial

    def counts(self) -> Integers:
        """Return how many trials each cell has."""
        return np.bincount(self._of_trial, minlength=self._shape[0] * self._shape[1]).reshape(self._shape)

    def medians(self, figures: Floats) -> Floats:
        """Return the median of a figure of all trials in each cell; NaN where none has it."""
        return cell_medians(self._of_trial, figures, self._shape[0] * self._shape[1]).reshape(self._shape)


def cell_medians(cells: Integers, figures: Floats, count: int) -> Floats:
    """Return the median of each of so many cells, ``cells`` being those of the figures; NaN where one has none."""
    known = np.isfinite(figures)
    order = np.lexsort((figures[known], cells[known]))
    ordered, cell = figures[known][order], cells[known][order]
    sizes = np.bincount(cell, minlength=count)
    first = np.cumsum(sizes) - sizes
    filled = np.flatnonzero(sizes)
    medians = np.full(count, np.nan)
    low, high = first[filled] + (sizes[filled] - 1) // 2, first[filled] + sizes[filled] // 2
    medians[filled] = (ordered[low] + ordered[high]) / 2
    return medians


def spread(groups: ParamGroups, figures: Floats) -> float:
    """Return how far the medians of a figure by a param's values are apart; 0 where there are none."""
    medians = cell_medians(groups.of_trial, figures, len(groups.groups))
    known = medians[np.isfinite(medians)]
    return float(np.ptp(known)) if known.size else 0.0


def most_varying(params: Sequence[tuple[str, ParamGroups]], figures: Floats) -> list[str]:
    """Return params by how much a figure varies over their values, then by how many those are, the first of both."""
    ordered = sorted(params, key=lambda each: (-spread(each[1], figures), -len(each[1].groups), each[0]))
    return [name for name, _ in ordered]
