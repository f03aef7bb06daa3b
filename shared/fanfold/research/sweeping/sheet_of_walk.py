"""The page of a walk forward: its tests joined, each beside its training, and which params were chosen how often."""

from collections import Counter

import msgspec
import pyarrow as pa

from fanfold.performance.texts import moment
from fanfold.research import chart_series
from fanfold.research.metric_texts import NONE, amount, share
from fanfold.research.offline_page import page_of
from fanfold.research.sweeping.sheet_texts import figure_text, label_of, params_text, provenance_of
from fanfold.research.sweeping.walking import WalkedFold, WalkForwardResult
from fanfold.research.tear_sheet import Metric, MetricGroup, TextTable

# Spans of the joined curve, and rows, that fit into the bytes of a page.
BUCKETS, TESTS_MAX = 500, 500


class JoinedTests(msgspec.Struct, frozen=True, kw_only=True):
    """The growth of 1 in the tests, one after the other, and how far that was below its highest close."""

    at: list[int]
    level: list[float | None]
    drawdown: list[float | None]


class WalkedTests(msgspec.Struct, frozen=True, kw_only=True):
    """A row of texts a test, and its returns in training and in the test."""

    columns: list[str]
    rows: list[list[str]]
    returns: list[tuple[float, float]]


class WalkSheet(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a walk's page."""

    title: str
    facts: list[str]
    metrics: list[MetricGroup]
    equity: JoinedTests
    tests: WalkedTests
    tables: list[TextTable]
    provenance: list[str]


def page(sheet: WalkSheet) -> str:
    """Return the page: one HTML text that holds its data, styles and scripts, and loads nothing."""
    return page_of("walk_sheet.js", sheet.title, msgspec.json.encode(sheet))


def sheet_of(result: WalkForwardResult) -> WalkSheet:
    """Return the page of a walk."""
    at = result.equity["at"].cast(pa.int64()).to_numpy()
    level = result.equity["level"].to_numpy()
    fall = chart_series.drawdown(level)
    places = chart_series.places_to_draw([level, fall], BUCKETS)
    return WalkSheet(
        title=f"Walk forward of {result.strategy}",
        facts=_facts(result),
        metrics=[_metrics(result, float(fall.min()))],
        equity=JoinedTests(
            at=at[places].tolist(), level=chart_series.shown(level[places]), drawdown=chart_series.shown(fall[places])
        ),
        tests=_tests(result),
        tables=[_chosen(result)],
        provenance=provenance_of(result.run, result.rows),
    )


def _facts(result: WalkForwardResult) -> list[str]:
    first, last = result.folds[0].test, result.folds[-1].test
    more = len(result.folds) - TESTS_MAX
    return [
        f"{len(result.folds):,} tests from {moment(first.since)} to {moment(last.until)} UTC",
        f"params chosen by {label_of(result.rank)} in training, each test from the desk's cash",
        *([f"{more:,} tests more are in the JSON of the command alone"] if more > 0 else []),
        *result.notes,
    ]


def _metrics(result: WalkForwardResult, fall: float) -> MetricGroup:
    won = sum(fold.test_return > 0 for fold in result.folds)
    return MetricGroup(
        "Out of sample",
        [
            Metric("Return", share(result.total_return), "of all tests joined, none of which was trained on"),
            Metric(
                "Sharpe", amount(result.sharpe), "of the daily returns of the tests joined, a year; from 10 days on"
            ),
            Metric("Efficiency", _efficiency(result.efficiency), "what a year of tests earned over one of training"),
            Metric("Tests that earned", f"{won:,} of {len(result.folds):,}"),
            Metric("Drawdown", share(fall), "deepest fall of the tests joined from a peak"),
        ],
    )


def _tests(result: WalkForwardResult) -> WalkedTests:
    shown, label = result.folds[:TESTS_MAX], label_of(result.rank)
    figures = [] if result.rank == "total_return" else [f"train {label}", f"test {label}"]
    columns = ["Test from", "through", "params", *figures, "train return", "test return", "efficiency"]
    return WalkedTests(
        columns=columns,
        rows=[_row(fold, result.rank if figures else "") for fold in shown],
        returns=[(fold.train_return, fold.test_return) for fold in shown],
    )


def _row(fold: WalkedFold, rank: str) -> list[str]:
    figures = [figure_text(rank, figure) for figure in (fold.train_figure, fold.test_figure)] if rank else []
    return [
        moment(fold.test.since),
        moment(fold.test.until),
        params_text(fold.params),
        *figures,
        share(fold.train_return),
        share(fold.test_return),
        _efficiency(fold.efficiency),
    ]


def _efficiency(value: float | None) -> str:
    return NONE if value is None else f"{value * 100:,.0f} %"


def _chosen(result: WalkForwardResult) -> TextTable:
    """Return how often each configuration was chosen: an edge that is one stays where it is."""
    counts = Counter(params_text(fold.params) for fold in result.folds).most_common(TESTS_MAX)
    return TextTable("Params that were chosen", ["Params", "Tests"], [[name, f"{count:,}"] for name, count in counts])
