"""The figures of a back-test are those of the report on the same fills and closes, point by point."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from statistics import stdev
from typing import Any

import numpy as np
import pytest

from fanfold.market.recording import Recording
from fanfold.performance import ratios
from fanfold.performance.measuring import Performance, Traded, measure
from fanfold.performance.ratios import EquityPoint
from fanfold.performance.round_trips import round_trips
from fanfold.records import Fill
from fanfold.research.figures import Curve, TradedFigures
from fanfold.research.result import AccountResult
from support.backtests import ALL, START, bars, desk_of, fast_result, instance

DAYS = 13
D = Decimal


@pytest.fixture(scope="module")
def recordings() -> list[Recording]:
    return bars(11, DAYS * 1_440)


@pytest.fixture(scope="module")
def account(recordings: list[Recording]) -> AccountResult:
    traded = desk_of(
        {
            "a": instance("sma_cross", timeframe="5m", params={"fast": 10, "slow": 40}),
            "b": instance("breakout", timeframe="5m", params={"entry": 12, "exit": 6, "atr": 4}, allocation="0.4"),
        }
    )
    return fast_result(traded, recordings, START + 60, START + DAYS * 86_400)


@pytest.fixture(scope="module")
def report(account: AccountResult, recordings: list[Recording]) -> Performance:
    closes: dict[int, dict[str, Decimal]] = {}
    for recording in recordings:
        for bar in recording.bars():
            closes.setdefault(bar.closes_at_s, {})[recording.instrument] = recording.price(bar.close)
    fills = [_fill(number, row) for number, row in enumerate(account.fills.to_pylist())]
    return measure(
        Traded(accounts=["main"], currency="USDT", cash=D(100_000), instruments=ALL, fills=fills, closes=closes), START
    )


def _fill(number: int, row: dict[str, Any]) -> Fill:
    return Fill(
        trade_id=str(number), order_id=str(number), client_order_id=str(number), account="main", venue="market",
        instance=row["instance"], instrument=row["instrument"], side="buy" if row["quantity"] > 0 else "sell",
        price=row["price"], quantity=abs(row["quantity"]), fee=row["fee"], liquidity="taker",
        at=row["at"].to_pydatetime() if hasattr(row["at"], "to_pydatetime") else row["at"],
    )  # fmt: skip


def test_each_figure_is_that_of_the_report(account: AccountResult, report: Performance) -> None:
    metrics = account.metrics
    assert metrics.fills > 100
    assert (metrics.start, metrics.equity, metrics.fees) == (report.start, report.equity, report.fees)
    assert (metrics.total_return, metrics.days) == (report.total_return, report.days)
    assert (metrics.sharpe, metrics.sortino, metrics.cagr) == (report.sharpe, report.sortino, report.cagr)
    assert metrics.sharpe is not None
    assert metrics.drawdown == report.drawdown
    assert metrics.trips == report.trips
    assert metrics.invested == pytest.approx(report.invested, abs=1e-12)
    assert metrics.gross_exposure == pytest.approx(report.gross_exposure, abs=1e-12)
    assert metrics.buy_and_hold == pytest.approx(report.buy_and_hold)


def test_round_trips_are_those_of_the_report(account: AccountResult) -> None:
    fills = [_fill(number, row) for number, row in enumerate(account.fills.to_pylist())]
    expected = [
        (
            trip.instance,
            trip.instrument,
            trip.opened_at,
            trip.closed_at,
            trip.quantity,
            trip.cost,
            trip.fees,
            trip.profit,
        )
        for trip in round_trips(fills)
    ]
    names = ("instance", "instrument", "opened_at", "at", "quantity", "cost", "fees", "profit")
    assert sorted(tuple(row[name] for name in names) for row in account.trips.to_pylist()) == sorted(expected)


def test_volatility_and_slippage_by_hand(account: AccountResult, recordings: list[Recording]) -> None:
    levels = {START: 100_000.0}
    for row in account.equity.to_pylist():
        levels[int(row["at"].timestamp())] = float(row["equity"])
    nights = [levels[START + day * 86_400] for day in range(DAYS + 1)]
    returns = [after / before - 1 for before, after in pairwise(nights)]
    assert account.metrics.volatility == pytest.approx(stdev(returns) * 365**0.5, rel=1e-9)
    opens = {
        (bar.closes_at_s, recording.instrument): recording.price(bar.open)
        for recording in recordings
        for bar in recording.bars()
    }
    paid = sum(
        row["quantity"] * (row["price"] - opens[int(row["at"].timestamp()), row["instrument"]])
        for row in account.fills.to_pylist()
    )
    assert account.metrics.slippage == paid


@pytest.mark.parametrize("seed", range(40))
def test_the_points_that_are_picked_say_what_all_points_say(seed: int) -> None:
    chance = np.random.default_rng(seed)
    count = int(chance.integers(2, 60))
    equity = 1_000 + np.cumsum(chance.integers(-3, 4, count) * chance.integers(0, 2, count)) * 10
    at = START + 3_600 * np.arange(1, count + 1)
    blank = np.zeros((0, 8), np.int64)
    curve = Curve(
        TradedFigures(2, START, 1_000, at, equity, equity, blank, blank[:, 0], blank[:, 0], blank, blank[:, 0], [])
    )
    points = [EquityPoint(START, D(10))] + [
        EquityPoint(int(moment), D(int(level)).scaleb(-2)) for moment, level in zip(at, equity, strict=True)
    ]
    assert ratios.max_drawdown(curve.points(curve.turns())) == ratios.max_drawdown(points)
    assert ratios.daily_returns(curve.points(curve.midnights())) == ratios.daily_returns(points)
    assert curve.longest_fall_s() == _longest(points)


def _longest(points: list[EquityPoint]) -> int:
    """The longest time below a peak, point by point."""
    top, since, longest, below = points[0].equity, points[0].at, 0, False
    for point in points[1:]:
        if point.equity >= top:
            longest = max(longest, point.at - since) if below else longest
            top, since, below = point.equity, point.at, False
        else:
            below = True
    return max(longest, points[-1].at - since) if below else longest


def test_times_in_tables_are_utc(account: AccountResult) -> None:
    assert account.equity.to_pylist()[0]["at"] == datetime.fromtimestamp(START, UTC) + timedelta(minutes=1)
