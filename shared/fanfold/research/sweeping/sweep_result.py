"""The result of a sweep: its rows, ranked, and as heat maps over two params."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fanfold.errors import BadInput, near
from fanfold.research.columns import Floats
from fanfold.research.library import COSTS, check_figure
from fanfold.research.sweeping.sweep_job import SweepJob


class HeatMap(NamedTuple):
    """The mean of a figure over all trials that have a value of ``down`` and of ``across``; NaN where none has it."""

    figure: str
    down: str
    across: str
    rows: list[int | float]
    columns: list[int | float]
    values: Floats

    @property
    def filled(self) -> float:
        """Return the share of cells that have a value."""
        return float(np.isfinite(self.values).mean())


class SweepResult:
    """A sweep that is done: ``table`` has a row a trial, see ``trial_rows.row_schema``, in the order of their numbers.

    In front of its columns each param has its own, ``param_fast`` for a param ``fast``.
    """

    def __init__(self, job: SweepJob, rows: pa.Table, run: str, notes: Sequence[str] = ()) -> None:
        self.job = job
        self.run = run
        self.notes = [*notes, *stopped_notes(job, rows)]
        self.table = _with_params(rows)

    @property
    def varied(self) -> list[str]:
        """Return the params of which more than one value was tried."""
        names = self.job.configurations[0]
        return [name for name in names if len({each[name] for each in self.job.configurations}) > 1]

    def ranked(self, figure: str = "sharpe", count: int | None = None) -> pa.Table:
        """Return the trials that have a figure, the best first; of costs and falls the least is best."""
        check_figure(figure)
        known = self.table.filter(self.table[figure].is_valid())
        order = "ascending" if figure in COSTS else "descending"
        return known.sort_by([(figure, order), ("trial", "ascending")]).slice(0, count)

    def failed(self) -> pa.Table:
        """Return the trials that could not be traded, with their reasons."""
        return self.table.filter(self.table["error"].is_valid())

    def heat_map(self, down: str, across: str, figure: str = "sharpe") -> HeatMap:
        """Return the mean of a figure by the values of two params."""
        check_figure(figure)
        for name in (down, across):
            if name not in self.varied:
                known = ", ".join(self.varied) or "none"
                raise BadInput(f"{name!r} was not varied{near(name, self.varied)}; there are {known}")
        places = [np.unique(self.table[f"param_{name}"].to_numpy(), return_inverse=True) for name in (down, across)]
        (rows, row), (columns, column) = places
        figures = self.table[figure].cast(pa.float64()).to_numpy()
        known = ~np.isnan(figures)
        shape, cells = (rows.size, columns.size), (row * columns.size + column)[known]
        count = np.bincount(cells, minlength=rows.size * columns.size)
        total = np.bincount(cells, figures[known], rows.size * columns.size)
        means = np.divide(total, count, out=np.full(total.size, np.nan), where=count > 0)
        return HeatMap(figure, down, across, rows.tolist(), columns.tolist(), means.reshape(shape))


def stopped_notes(job: SweepJob, rows: pa.Table) -> list[str]:
    """Return how many trials their drawdown kept from entries, where there is one: they rank by a part of the bars."""
    if job.terms.quantity is not None:
        return []
    limit = job.desk.limits[job.instance.account].drawdown_max
    stopped = pc.sum(pc.greater_equal(rows["drawdown"], float(limit))).as_py()
    if not stopped:
        return []
    fell = f"{stopped:,} of {rows.num_rows:,} trials fell by drawdown_max = {limit} or more"
    then = "opened nothing from then on, as live until someone re-arms the account; --ignore-loss-limits trades on"
    return [f"{fell}, and {then}"]


def _with_params(rows: pa.Table) -> pa.Table:
    """Return rows with a column a param in front."""
    params: list[dict[str, Any]] = [msgspec.json.decode(text) for text in rows["params"].to_pylist()]
    names = list(params[0]) if params else []
    columns = {f"param_{name}": pa.array([each[name] for each in params]) for name in names}
    return pa.table({**columns, **{name: rows[name] for name in rows.column_names}})
