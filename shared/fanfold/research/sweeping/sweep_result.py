"""The result of a sweep: its rows, ranked, and as heat maps over two params."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from fanfold.errors import BadInput, near
from fanfold.research.arguments import whole
from fanfold.research.columns import Floats
from fanfold.research.library import COSTS, check_figure
from fanfold.research.sweeping.heat_maps import HeatMap, MapCells, grouped
from fanfold.research.sweeping.sweep_job import SweepJob


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
        return self.job.varied

    def ranked(self, figure: str = "sharpe", count: int | None = None) -> pa.Table:
        """Return the trials that have a figure, the best first; of costs and falls the least is best."""
        check_figure(figure)
        most = None if count is None else whole("count", count, 0)
        known = self.table.filter(self.table[figure].is_valid())
        order = "ascending" if figure in COSTS else "descending"
        return known.sort_by([(figure, order), ("trial", "ascending")]).slice(0, most)

    def failed(self) -> pa.Table:
        """Return the trials that could not be traded, with their reasons."""
        return self.table.filter(self.table["error"].is_valid())

    def heat_map(self, down: str, across: str, figure: str = "sharpe") -> HeatMap:
        """Return the median of a figure by the values of two params."""
        check_figure(figure)
        check_varied([down, across], self.varied)
        rows, columns = (grouped(self.table[f"param_{name}"], self.table.num_rows) for name in (down, across))
        medians = MapCells(rows, columns).medians(self.figures(figure))
        first = [[group[0] for group in params.groups] for params in (rows, columns)]
        return HeatMap(figure, down, across, first[0], first[1], medians)

    def figures(self, figure: str) -> Floats:
        """Return a figure of all trials; NaN where one has none."""
        figures: Floats = self.table[figure].cast(pa.float64()).to_numpy()
        return figures


def check_varied(names: Sequence[str], varied: Sequence[str]) -> None:
    """Raise BadInput for a param that is not among those that are varied."""
    for name in names:
        if name not in varied:
            raise BadInput(f"{name!r} is not varied{near(name, varied)}; there are {', '.join(varied) or 'none'}")


def stopped_notes(job: SweepJob, rows: pa.Table) -> list[str]:
    """Return a note of how many trials drawdown_max kept from entries, if any: those rank by a part of the bars."""
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
