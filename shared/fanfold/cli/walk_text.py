"""A walk forward for people: a row a test, and what the tests earned together."""

from typing import Any

import msgspec

from fanfold.cli.output import Grid, cell, pairs, share
from fanfold.cli.report_text import SPARK_WIDTH, sparkline
from fanfold.cli.trial_text import figure_text
from fanfold.money import decimal_of
from fanfold.performance.ratios import EquityPoint
from fanfold.performance.texts import moment
from fanfold.research.sweeping.walking import WalkedFold, WalkForwardResult


def blocks_of(result: WalkForwardResult) -> list[str | Grid]:
    """Return the text of a walk."""
    figure = result.rank.replace("_", " ")
    ranked = () if result.rank == "total_return" else (f"train {figure}", f"test {figure}")
    columns = ("test from", "through", "params", *ranked, "train return", "test return", "efficiency")
    table = Grid("", columns, [_row(fold, result.rank) for fold in result.folds], frozenset(range(3, len(columns))))
    sharpe = "- (needs 10 days)" if result.sharpe is None else f"{result.sharpe:.2f}"
    return [
        f"{len(result.folds)} tests of {result.strategy}, params chosen by {figure}, run {result.run}",
        table,
        f"joined        {sparkline(_points(result), SPARK_WIDTH)}",
        f"return        {share(result.total_return, sign=True)} out of sample, Sharpe {sharpe}",
        f"efficiency    {_efficiency(result.efficiency) or '-'} of what training earned in a year",
        *(f"note          {note}" for note in result.notes),
    ]


def _row(fold: WalkedFold, rank: str) -> tuple[str, ...]:
    figures = () if rank == "total_return" else (fold.train_figure, fold.test_figure)
    return (
        moment(fold.test.since),
        moment(fold.test.until),
        pairs({name: cell(value) for name, value in fold.params.items()}),
        *(figure_text(rank, figure) for figure in figures),
        share(fold.train_return, sign=True),
        share(fold.test_return, sign=True),
        _efficiency(fold.efficiency),
    )


def _efficiency(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def _points(result: WalkForwardResult) -> list[EquityPoint]:
    """Return as many points of the joined curve as a line shows."""
    count = result.equity.num_rows
    places = sorted({(number + 1) * count // SPARK_WIDTH - 1 for number in range(SPARK_WIDTH)} - {-1})
    rows = result.equity.take(places).to_pylist()
    return [EquityPoint(int(row["at"].timestamp()), decimal_of(row["level"])) for row in rows]


def document_of(result: WalkForwardResult) -> dict[str, Any]:
    """Return a walk for programs: all but the joined curve and the trials."""
    kept = ("run", "strategy", "rank", "total_return", "sharpe", "efficiency", "notes")
    return {name: getattr(result, name) for name in kept} | {"folds": msgspec.to_builtins(result.folds)}
