"""The page of a sweep: heat maps over pairs of its params by every figure, its best trials, and what was not traded."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations

import msgspec
import numpy as np

from fanfold.errors import BadInput
from fanfold.performance.texts import moment
from fanfold.research import chart_series
from fanfold.research.library import COSTS
from fanfold.research.offline_page import page_of
from fanfold.research.sweeping.heat_maps import MapCells, ParamGroups, grouped, most_varying
from fanfold.research.sweeping.sheet_texts import (
    FigureKind,
    figure_text,
    figures_with_values,
    kind_of,
    label_of,
    provenance_of,
    value_text,
)
from fanfold.research.sweeping.sweep_result import SweepResult, check_varied
from fanfold.research.tear_sheet import Metric, MetricGroup, TextTable

# What fits into the bytes of a page: groups of values of a map, and the values of all maps together.
DOWN_MAX, ACROSS_MAX = 40, 24
VALUES_MAX = 30_000
BEST_MAX, REASONS_MAX = 20, 10
SHOWN = ("total_return", "sharpe", "drawdown", "fills", "round_trips", "fees")


class ShownFigure(msgspec.Struct, frozen=True):
    """A figure that the maps can be of."""

    name: str
    label: str
    kind: FigureKind
    less_is_best: bool


class SheetMap(msgspec.Struct, frozen=True, kw_only=True):
    """The medians of each figure, and the numbers of trials, by groups of values down and across; None is no trial.

    Of one param alone ``down`` is "", and there is one row.
    """

    down: str
    across: str
    rows: list[str]
    columns: list[str]
    about: str
    trials: list[list[int]]
    values: dict[str, list[list[float | None]]]


class SweepSheet(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a sweep's page; ``figure`` is the one that is shown first."""

    title: str
    facts: list[str]
    metrics: list[MetricGroup]
    figure: str
    figures: list[ShownFigure]
    maps: list[SheetMap]
    tables: list[TextTable]
    provenance: list[str]


def page(sheet: SweepSheet) -> str:
    """Return the page: one HTML text that holds its data, styles and scripts, and loads nothing."""
    return page_of("sweep_sheet.js", sheet.title, msgspec.json.encode(sheet))


def sheet_of(result: SweepResult, rank: str, pair: Sequence[str] = ()) -> SweepSheet:
    """Return the page of a sweep that is ranked by a figure; the first map is over a pair of params.

    Without a pair it is over the two over whose values the figure varies the most. Raises BadInput for params that were
    not varied.
    """
    rank = rank if result.ranked(rank, 1).num_rows else "total_return"
    figures = figures_with_values(result.table)
    return SweepSheet(
        title=f"Sweep of {result.job.instance.strategy}",
        facts=_facts(result),
        metrics=[_metrics(result, rank)],
        figure=rank,
        figures=[ShownFigure(name, label_of(name), kind_of(name), name in COSTS) for name in figures],
        maps=list(_maps(result, rank, figures, pair)),
        tables=[table for table in (_best(result, rank), _failed(result)) if table.rows],
        provenance=provenance_of(result.run, result.table),
    )


def _facts(result: SweepResult) -> list[str]:
    job = result.job
    windows = sorted({(window.since, window.until) for window in job.windows})
    counts = (len(job.configurations), "configurations"), (len(job.markets), "markets"), (len(windows), "windows")
    number, markets, spans = (f"{count:,} {name if count > 1 else name[:-1]}" for count, name in counts)
    return [
        f"{number} on {markets} in {spans}: {', '.join(sorted({name for market in job.markets for name in market}))}",
        f"{moment(windows[0][0])} to {moment(windows[-1][1])} UTC",
        "The best of many trials is good by luck, too: `fanfold verdict` corrects for their number.",
        *result.notes,
    ]


def _metrics(result: SweepResult, rank: str) -> MetricGroup:
    figures, failed = result.figures(rank), result.failed().num_rows
    known, label = figures[np.isfinite(figures)], label_of(rank)
    returns = result.figures("total_return")
    won = float((returns > 0).sum()) / max(int(np.isfinite(returns).sum()), 1)
    best = None if not known.size else float(known.min() if rank in COSTS else known.max())
    return MetricGroup(
        "All trials",
        [
            Metric("Trials", f"{result.table.num_rows:,}", "configurations, each on every market and in every window"),
            *([Metric("Not traded", f"{failed:,}", "refused by the strategy, or it raised")] if failed else []),
            Metric(f"Best {label}", figure_text(rank, best)),
            Metric(f"Median {label}", figure_text(rank, float(np.median(known)) if known.size else None)),
            Metric(
                "Trials that earned",
                figure_text("win_rate", won),
                "trials with a return above 0, of those that were traded",
            ),
        ],
    )


def _maps(result: SweepResult, rank: str, figures: Sequence[str], pair: Sequence[str]) -> Iterator[SheetMap]:
    """Yield the map over a pair, then those over other pairs, as many as fit."""
    if pair:
        check_pair(pair, result.varied)
    params = {name: grouped(result.table[f"param_{name}"], DOWN_MAX) for name in result.varied}
    ordered = most_varying(list(params.items()), result.figures(rank))
    pairs = [tuple(ordered[:1])] if len(ordered) == 1 else list(combinations(ordered, 2))
    if pair:
        pairs = [tuple(pair), *(each for each in pairs if set(each) != set(pair))]
    room = VALUES_MAX
    for names in pairs:
        made = _map(result, figures, names if pair and names == tuple(pair) else _laid_out(params, names))
        room -= len(made.rows) * len(made.columns) * (len(figures) + 1)
        if room < 0:
            return
        yield made


def check_pair(pair: Sequence[str], varied: Sequence[str]) -> None:
    """Raise BadInput for what is no two of the params that are varied."""
    check_varied(pair, varied)
    if len(set(pair)) != 2:
        raise BadInput(f"a heat map is over two params, as in --heat-map fast,slow, not {','.join(pair)!r}")


def _laid_out(params: dict[str, ParamGroups], names: Sequence[str]) -> Sequence[str]:
    """Return params with that of more values first, which goes down: a page is longer than it is wide."""
    return sorted(names, key=lambda name: -len(params[name].groups))


def _map(result: SweepResult, figures: Sequence[str], names: Sequence[str]) -> SheetMap:
    across = grouped(result.table[f"param_{names[-1]}"], ACROSS_MAX)
    down = grouped(result.table[f"param_{names[0]}"], DOWN_MAX if len(names) > 1 else 1)
    cells, alone = MapCells(down, across), len(names) == 1
    return SheetMap(
        down="" if alone else names[0],
        across=names[-1],
        rows=["median"] if alone else down.names,
        columns=across.names,
        about=_about(result, names, [down, across]),
        trials=cells.counts().tolist(),
        values={name: list(map(chart_series.shown, cells.medians(result.figures(name)))) for name in figures},
    )


def _about(result: SweepResult, names: Sequence[str], groups: Sequence[ParamGroups]) -> str:
    """Return what a cell is a median over."""
    others = [name for name in result.varied if name not in names]
    over = [*others, *(["markets"] if len(result.job.markets) > 1 else []),
            *(["windows"] if len(result.job.windows) > 1 else [])]  # fmt: skip
    if any(len(group) > 1 for each in groups[-len(names) :] for group in each.groups):
        over.append("neighbouring values")
    return f"A cell is the median over {', '.join(over)}." if over else "A cell is one trial."


def _best(result: SweepResult, rank: str) -> TextTable:
    best = result.ranked(rank, BEST_MAX)
    shown = [name for name in dict.fromkeys([rank, *SHOWN]) if best[name].null_count < best.num_rows]
    where = ["instruments"] * (len(result.job.markets) > 1) + ["since"] * (len(result.job.windows) > 1)
    rows = [
        [
            str(place),
            *(value_text(row[f"param_{name}"]) for name in result.varied),
            *(_place(row[name]) for name in where),
            *(figure_text(name, row[name]) for name in shown),
        ]
        for place, row in enumerate(best.to_pylist(), 1)
    ]
    return TextTable(f"Best trials by {label_of(rank)}", ["", *result.varied, *where, *map(label_of, shown)], rows)


def _place(value: object) -> str:
    """Return instruments, or the begin of a window in UTC."""
    return str(value).removesuffix("+00:00")


def _failed(result: SweepResult) -> TextTable:
    reasons = Counter(result.failed()["error"].to_pylist()).most_common(REASONS_MAX)
    return TextTable("Not traded", ["Reason", "Trials"], [[reason, f"{count:,}"] for reason, count in reasons])
