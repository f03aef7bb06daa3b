"""A sweep for people: the best trials, what could not be traded, and heat maps over two params."""

from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import msgspec

from fanfold.cli.output import Grid, cell
from fanfold.cli.trial_text import COLUMNS, figure_text, trial_cells
from fanfold.research.sweeping.heat_maps import HeatMap
from fanfold.research.sweeping.sweep_result import SweepResult

SHOWN, REASONS_SHOWN = 10, 5
# The most values that fit a terminal, across and down.
ACROSS_MAX, DOWN_MAX, MAPS_MAX = 12, 24, 3
# The share of cells that a draw has to have filled.
FILLED_MIN = 1 / 3


def blocks_of(result: SweepResult, rank: str) -> list[str | Grid]:
    """Return the text of a sweep, its trials ranked by a figure."""
    failed = result.failed()
    traded = result.table.num_rows - failed.num_rows
    count = "1 trial" if traded == 1 else f"{traded:,} trials"
    lines: list[str | Grid] = [f"{count} of {result.job.instance.strategy}, run {result.run}"]
    if traded and not result.ranked(rank, 1).num_rows:
        lines.append(f"no trial has a {rank.replace('_', ' ')}, which takes more data; ranked by total return")
        rank = "total_return"
    if traded:
        lines += [_best(result, rank), *_maps(result, rank)]
    reasons = Counter(failed["error"].to_pylist()).most_common(REASONS_SHOWN)
    lines += [f"{count:,} not traded: {reason}" for reason, count in reasons]
    return lines + [f"note          {note}" for note in result.notes]


def _best(result: SweepResult, rank: str) -> Grid:
    best = result.ranked(rank, SHOWN)
    shown = list(dict.fromkeys([rank, *COLUMNS]))
    where = [*(["instruments"] if len(result.job.markets) > 1 else [])]
    where += ["since"] if len(result.job.windows) > 1 else []
    rows = []
    for row in best.to_pylist():
        params = tuple(cell(row[f"param_{name}"]) for name in result.varied)
        rows.append((*params, *(cell(row[name]) for name in where), *trial_cells(row, shown)))
    headings = (*result.varied, *where, *(name.replace("_", " ") for name in shown))
    title = f"best {len(rows)} by {rank.replace('_', ' ')}"
    return Grid(title, headings, rows, frozenset(range(len(headings))))


def _maps(result: SweepResult, rank: str) -> Iterator[Grid]:
    """Yield the heat maps of pairs of params; of many params the first pairs, and none that is mostly empty."""
    for pair in list(combinations(result.varied, 2))[:MAPS_MAX]:
        heat = result.heat_map(*pair, rank)
        if heat.filled >= FILLED_MIN:
            yield heat_grid(heat)


def heat_grid(heat: HeatMap) -> Grid:
    """Return a heat map as a table; of more values than a terminal shows, evenly chosen ones."""
    down, across = _chosen(len(heat.rows), DOWN_MAX), _chosen(len(heat.columns), ACROSS_MAX)
    rows = [
        (cell(heat.rows[row]), *(figure_text(heat.figure, float(heat.values[row, column])) for column in across))
        for row in down
    ]
    headings = (f"{heat.down} \\ {heat.across}", *(cell(heat.columns[column]) for column in across))
    part = "" if len(down) == len(heat.rows) and len(across) == len(heat.columns) else ", not every value shown"
    title = f"median {heat.figure.replace('_', ' ')} by {heat.down} and {heat.across}{part}"
    return Grid(title, headings, rows, frozenset(range(len(headings))))


def _chosen(count: int, most: int) -> list[int]:
    return sorted({round(place * (count - 1) / max(min(count, most) - 1, 1)) for place in range(min(count, most))})


def document_of(result: SweepResult, rank: str) -> dict[str, Any]:
    """Return a sweep for programs: all its trials, the best first, then those that have no such figure."""
    ranked = result.ranked(rank).to_pylist()
    ranks = {row["trial"] for row in ranked}
    rest = [row for row in result.table.to_pylist() if row["trial"] not in ranks]
    return {
        "run": result.run,
        "strategy": result.job.instance.strategy,
        "rank": rank,
        "varied": result.varied,
        "trials": [_trial(row) for row in ranked + rest],
        "heat_maps": [_heat(result.heat_map(*pair, rank)) for pair in combinations(result.varied, 2)],
        "notes": result.notes,
    }


def _trial(row: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if not name.startswith("param_")}
    return kept | {"params": msgspec.json.decode(row["params"])}


def _heat(heat: HeatMap) -> dict[str, Any]:
    return heat._asdict() | {"values": [[None if value != value else value for value in row]  # noqa: PLR0124 - as above
                                        for row in heat.values.tolist()]}  # fmt: skip
