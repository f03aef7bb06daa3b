"""The tear sheet of a back-test says what its result says, and fits its page."""

from collections.abc import Mapping
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from fanfold.local import run_plan
from fanfold.local.run_plan import RunPlan
from fanfold.market.recording import Recording
from fanfold.research import backtesting
from fanfold.research.columns import integer_bars
from fanfold.research.metric_texts import amount, share
from fanfold.research.offline_page import PAGE_BYTES_MAX
from fanfold.research.result import BacktestResult
from fanfold.research.sheet_of_account import tear_sheet_of
from fanfold.research.tear_sheet import TearSheet, page

ROOT = Path(__file__).resolve().parents[2]


class SheetOfResult(NamedTuple):
    """A back-test with its sheet, and the bars that it traded by instrument."""

    result: BacktestResult
    sheet: TearSheet
    bars: Mapping[str, Recording]


def sheet_after(minutes: int) -> SheetOfResult:
    planned: RunPlan = run_plan.plan(ROOT / "desk.toml", [], None, {}, None, None, minutes, cash=None)
    result = backtesting.of_plan(planned)
    bars = {entry.instrument: entry for entry in planned.recordings}
    return SheetOfResult(result, tear_sheet_of(result, result.account, planned.recordings, "the desk"), bars)


@pytest.fixture(scope="module")
def desk_day() -> SheetOfResult:
    """A day and a half of the shipped desk on the seeded market."""
    return sheet_after(2_000)


def figures(sheet: TearSheet) -> dict[str, str]:
    return {metric.name: metric.text for group in sheet.metrics for metric in group.metrics}


def test_figures_are_those_of_the_result(desk_day):
    metrics = desk_day.result.account.metrics
    shown = figures(desk_day.sheet)
    assert shown["Return"] == share(metrics.total_return)
    assert shown["Fills"] == f"{desk_day.result.account.fills.num_rows:,}"
    assert shown["Fees, USDT"] == amount(sum(desk_day.result.account.fills["fee"].to_pylist(), Decimal(0)))
    # A day and a half has no daily returns to speak of.
    assert (shown["CAGR"], shown["Sharpe"]) == ("-", "-")


def test_equity_ends_and_falls_as_the_result_says(desk_day):
    metrics, line = desk_day.result.account.metrics, desk_day.sheet.equity
    assert line.equity[-1] == pytest.approx(float(metrics.equity), rel=1e-6)
    assert min(line.drawdown) == pytest.approx(-float(metrics.drawdown.share), rel=1e-4)
    assert all(before < after for before, after in pairwise(line.at))
    assert line.hold[-1] == pytest.approx(float(metrics.start * (1 + metrics.buy_and_hold)), rel=1e-6)


def test_every_fill_is_on_a_chart(desk_day):
    fills = desk_day.result.account.fills.to_pylist()
    drawn = {(chart.instrument, mark.at, mark.side) for chart in desk_day.sheet.candles for mark in chart.trades}
    expected = {
        (fill["instrument"], int(fill["at"].timestamp()), "buy" if fill["quantity"] > 0 else "sell") for fill in fills
    }
    assert drawn == expected
    assert sum(chart.fills for chart in desk_day.sheet.candles) == len(fills)


def test_candles_span_the_bars(desk_day):
    for chart in desk_day.sheet.candles:
        bars = desk_day.bars[chart.instrument]
        assert chart.at[-1] == bars.closes_at_s(-1)
        assert chart.close[-1] == pytest.approx(integer_bars(bars, 0, chart.at[-1]).close[-1] / 10.0**bars.price_scale)


def test_instruments_sum_up_to_the_account(desk_day):
    table = desk_day.sheet.tables[0]
    assert table.name == "Instruments"
    fees = sum(Decimal(row[3].replace(",", "")) for row in table.rows)
    assert abs(fees - desk_day.result.account.metrics.fees) < len(table.rows) * Decimal("0.01")
    assert sum(int(row[-1].replace(",", "")) for row in table.rows) == desk_day.result.account.metrics.fills


def test_refusals_are_counted_by_code(desk_day):
    tables = {table.name: table for table in desk_day.sheet.tables}
    counted = sum(int(row[-1].replace(",", "")) for row in tables["Refused orders"].rows)
    assert counted == desk_day.result.account.refusals.num_rows > 0


@pytest.mark.parametrize("minutes", [100, 30_000])
def test_the_page_fits_into_its_bytes(minutes):
    text = page(sheet_after(minutes).sheet)
    assert len(text.encode()) <= PAGE_BYTES_MAX
    assert "src=" not in text
