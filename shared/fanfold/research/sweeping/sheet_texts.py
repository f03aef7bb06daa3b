"""The texts that the pages of sweeps and walks share: figures of trials, times, and what a run was made of."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from fanfold.performance.texts import brief
from fanfold.research.metric_texts import NONE, amount, share
from fanfold.research.sweeping.trial_rows import FIGURES, LENGTHS, SHARES, TrialHashes

FigureKind = Literal["share", "seconds", "amount", "count"]
_LABELS = {"average_held_s": "average held", "drawdown_longest_s": "longest drawdown"}


def kind_of(figure: str) -> FigureKind:
    """Return how a figure of trials is shown."""
    if figure in SHARES:
        return "share"
    if figure in LENGTHS:
        return "seconds"
    return "count" if figure in ("fills", "round_trips", "days") else "amount"


def label_of(figure: str) -> str:
    """Return a figure's name for people."""
    return _LABELS.get(figure, figure.replace("_", " "))


def figure_text(figure: str, value: Decimal | float | None) -> str:
    """Return a figure of a trial for people; a dash where there is none."""
    if value is None or value != value:  # noqa: PLR0124 - a float that is no number
        return NONE
    kind = kind_of(figure)
    if kind == "seconds":
        return brief(int(value))
    return share(value) if kind == "share" else f"{value:,}" if kind == "count" else amount(value)


def params_text(params: Mapping[str, Any]) -> str:
    """Return params as they are named on the command line."""
    return " ".join(f"{name}={value_text(value)}" for name, value in params.items())


def value_text(value: object) -> str:
    """Return a value of a param."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def figures_with_values(rows: pa.Table) -> list[str]:
    """Return the figures that are not the same for all trials."""
    return [name for name in FIGURES if pc.count_distinct(rows[name], mode="only_valid").as_py() > 1]


def provenance_of(run: str, rows: pa.Table) -> list[str]:
    """Return what made the trials of a run: versions, and hashes of data, code and desk."""
    known = {name: sorted(set(rows[name].drop_null().to_pylist())) for name in TrialHashes._fields}
    made_of = [
        f"{name} {known[name][0]}"
        if len(known[name]) == 1
        else f"{len(known[name]):,} hashes of {name}, a row of the library each"
        for name in ("data", "code", "desk")
        if known[name]
    ]
    return [
        f"Fanfold {', '.join(known['version'])}, run {run}. The same data, code and desk give the same result.",
        *made_of,
    ]
