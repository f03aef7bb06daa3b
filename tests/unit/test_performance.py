"""The performance of a run: round trips, ratios, drawdown and the parts of it."""

from collections import deque
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.ledger import positions
from fanfold.market.timeframes import DAY_S
from fanfold.messages import Fill
from fanfold.performance.equity import buy_and_hold, equity_curve
from fanfold.performance.measuring import Traded, measure, statistics_of
from fanfold.performance.ratios import Drawdown, EquityPoint, cagr, daily_returns, max_drawdown, sharpe, sortino
from fanfold.performance.round_trips import round_trips
from fanfold.records import Side

START = 1_767_225_600  # 2026-01-01, midnight UTC
BTC = "BTC/USDT"


def fill(side: Side, quantity: int | str | Decimal, price: int | str, minute: int = 0, **changed: str) -> Fill:
    names: dict[str, Any] = {"account": "main", "venue": "paper", "instance": "trend", "instrument": BTC}
    names |= {"order_id": f"{minute}", "client_order_id": "c", "trade_id": f"{minute}"} | changed
    fee = Decimal(names.pop("fee", "1"))
    at = datetime.fromtimestamp(START, UTC) + timedelta(minutes=minute)
    return Fill(side=side, quantity=Decimal(quantity), price=Decimal(price), fee=fee, liquidity="taker", at=at, **names)


def points(*levels: int, step: int = DAY_S) -> list[EquityPoint]:
    return [EquityPoint(START + number * step, Decimal(level)) for number, level in enumerate(levels)]


def test_a_partial_close_takes_the_oldest_lot_and_its_share_of_the_fees():
    first, last = round_trips(
        [fill("buy", 2, 100), fill("buy", 2, 110, 1), fill("sell", 3, 120, 2), fill("sell", 1, 90, 9)]
    )
    assert (first.quantity, first.cost, first.fees, first.profit) == (3, 310, Decimal("2.5"), Decimal("47.5"))
    assert (last.quantity, last.cost, last.fees, last.profit) == (1, 110, Decimal("1.5"), Decimal("-21.5"))
    assert (first.held_s, last.held_s) == (120, 480)


def test_a_flip_closes_one_side_and_opens_the_other():
    long, short = round_trips(
        [fill("buy", 1, 100, fee="0"), fill("sell", 3, 110, 1, fee="0"), fill("buy", 2, 120, 2, fee="0")]
    )
    assert (long.quantity, long.profit) == (1, 10)
    assert (short.quantity, short.profit, short.held_s) == (-2, -20, 60)


def test_fills_of_an_order_are_one_round_trip_and_strategies_do_not_net():
    same = {"order_id": "close"}
    trips = round_trips([fill("buy", 2, 100), fill("sell", 1, 110, 1, **same), fill("sell", 1, 120, 2, **same)])
    assert [(trip.quantity, trip.profit) for trip in trips] == [(2, 27)]
    assert round_trips([fill("buy", 1, 100), fill("sell", 1, 110, 1, instance="reversion")]) == []


orders = st.lists(st.tuples(st.sampled_from(["buy", "sell"]), st.integers(1, 6), st.integers(50, 150)), max_size=30)


def unit_by_unit(fills: list[Fill]) -> list[tuple[int, Decimal]]:
    """Quantity and profit before fees of each closing fill, with each unit a lot of its own."""
    units: deque[tuple[int, Decimal]] = deque()
    closed = []
    for traded in fills:
        sign, profits = (1 if traded.side == "buy" else -1), []
        for _ in range(int(traded.quantity)):
            if units and units[0][0] != sign:
                side, price = units.popleft()
                profits.append(side * (traded.price - price))
            else:
                units.append((sign, traded.price))
        if profits:
            closed.append((len(profits) * -sign, sum(profits, Decimal(0))))
    return closed


@given(orders)
def test_round_trips_are_those_of_single_units_and_lose_no_fee(drawn):
    fills = [fill(side, quantity, price, minute) for minute, (side, quantity, price) in enumerate(drawn)]
    trips, booked = round_trips(fills), positions.fold(fills)
    assert [(trip.quantity, trip.profit + trip.fees) for trip in trips] == unit_by_unit(fills)
    assert sum(trip.profit + trip.fees for trip in trips) == booked.realised
    closed_all = [*fills, fill("sell" if booked.quantity > 0 else "buy", abs(booked.quantity), 100, 99)]
    flat = round_trips(closed_all if booked.quantity else fills)
    assert sum(trip.fees for trip in flat) == (len(closed_all) if booked.quantity else len(fills))


def test_statistics_of_round_trips():
    fills = [fill("buy" if minute % 2 == 0 else "sell", 1, price, minute) for minute, price in
             enumerate([100, 112, 100, 97, 100, 108])]  # fmt: skip
    figures = statistics_of(round_trips(fills))
    assert (figures.round_trips, figures.best, figures.worst, figures.average_held_s) == (3, 10, -5, 60)
    ratios = (figures.win_rate, figures.profit_factor, figures.expectancy)
    assert [ratio and round(ratio, 4) for ratio in ratios] == [
        Decimal("0.6667"), Decimal("3.2"), Decimal("3.6667")]  # fmt: skip


def test_where_nothing_was_closed_or_lost_there_is_no_figure():
    nothing = statistics_of([])
    assert (nothing.win_rate, nothing.profit_factor, nothing.expectancy, nothing.worst) == (None,) * 4
    assert statistics_of(round_trips([fill("buy", 1, 100), fill("sell", 1, 120, 1)])).profit_factor is None


def walk(seed: int, days: int) -> list[int]:
    """Levels of a random walk by steps that any language can repeat."""
    state, level, levels = seed, 100_000, [100_000]
    for _ in range(days):
        state = (state * 1_103_515_245 + 12_345) % 2**31
        level += (state >> 16) % 4_001 - 1_950
        levels.append(level)
    return levels


# Of empyrical-reloaded 0.7.1 over daily returns, annualization=365: sharpe_ratio, sortino_ratio, cagr, max_drawdown.
EMPYRICAL = [
    (1, 10, -3.0467340576140276, -3.9648859706968023, None, 0.035464967651859275),
    (2, 45, -0.7172206271293392, -1.0200235046543074, -0.17371059593988314, 0.07123392409033874),
    (3, 365, -0.0717069557593517, -0.10347544621332105, -0.04858999999999858, 0.24032674966950068),
    (4, 730, 0.6943224170793637, 1.017866336315254, 0.1328150775832726, 0.221142131096182),
]


@pytest.mark.parametrize(("seed", "days", "sharpe_ratio", "sortino_ratio", "growth", "fall"), EMPYRICAL)
def test_ratios_are_those_of_empyrical(seed, days, sharpe_ratio, sortino_ratio, growth, fall):
    curve = points(*walk(seed, days))
    returns = daily_returns(curve)
    drawdown = max_drawdown(curve)
    assert len(returns) == days
    assert sharpe(returns) == pytest.approx(sharpe_ratio, rel=1e-9)
    assert sortino(returns) == pytest.approx(sortino_ratio, rel=1e-9)
    assert cagr(curve) == (growth if growth is None else pytest.approx(growth, rel=1e-9))
    assert drawdown is not None
    assert float(drawdown.share) == pytest.approx(fall, rel=1e-9)


def test_ratios_need_enough_days_that_differ():
    assert (sharpe([0.01, 0.02] * 4), sortino([0.01, -0.02] * 4)) == (None, None)
    assert (sharpe([0.0] * 20), sortino([0.01, 0.02] * 10)) == (None, None)
    assert (cagr(points(100, 200)), cagr(points(*[100] * 40, 0)), cagr([])) == (None, None, None)


def test_daily_returns_are_of_whole_utc_days():
    hourly = points(*range(100, 161), step=3_600)
    assert daily_returns(hourly) == pytest.approx([124 / 100 - 1, 148 / 124 - 1])
    late = [EquityPoint(point.at + 60, point.equity) for point in hourly]
    assert daily_returns(late) == pytest.approx([147 / 123 - 1])


def test_a_drawdown_has_its_peak_its_low_and_its_recovery():
    day = [START + number * DAY_S for number in range(9)]
    curve = points(100, 120, 90, 110, 120, 115, 130, 128)
    assert max_drawdown(curve) == Drawdown(share=Decimal("0.25"), peak=day[1], low=day[2], recovered=day[4])
    assert max_drawdown([*curve, EquityPoint(day[8], Decimal(65))]) == Drawdown(
        share=Decimal("0.5"), peak=day[6], low=day[8], recovered=None)  # fmt: skip
    assert max_drawdown(points(100, 100, 101)) is None


@given(st.lists(st.integers(1, 1_000), min_size=2, max_size=40))
def test_the_deepest_fall_is_that_of_every_pair(levels):
    peaks = list(accumulate(levels, max))
    deepest = max(Decimal(peak - level) / peak for peak, level in zip(peaks, levels, strict=True))
    drawdown = max_drawdown(points(*levels))
    assert (drawdown.share if drawdown else 0) == pytest.approx(deepest)


def test_equity_counts_fees_and_what_is_held_at_each_close():
    closes = {START + 60: {BTC: Decimal(100)}, START + 120: {BTC: Decimal(110)}, START + 180: {BTC: Decimal(90)}}
    curve = equity_curve(START, Decimal(1_000), [fill("buy", 5, 100, 1), fill("sell", 5, 90, 3)], closes)
    assert [point.equity for point in curve.points] == [1_000, 999, 1_049, 948]
    assert curve.invested == pytest.approx(2 / 3)
    assert curve.gross == pytest.approx((500 / 999 + 550 / 1_049) / 3)


def test_what_fills_after_the_last_close_counts_at_that_close():
    curve = equity_curve(START, Decimal(1_000), [fill("buy", 1, 95, 2)], {START + 60: {BTC: Decimal(100)}})
    assert curve.points[-1] == EquityPoint(START + 120, Decimal(1_004))


def test_buying_and_holding_takes_equal_shares_from_the_first_close_of_the_run():
    closes = {START: {BTC: Decimal(1)}, START + 60: {BTC: Decimal(100), "ETH/USDT": Decimal(10)},
              START + 120: {BTC: Decimal(150)}}  # fmt: skip
    assert buy_and_hold(START, closes, [BTC, "ETH/USDT", "SOL/USDT"]) == Decimal("0.25")
    assert buy_and_hold(START, closes, ["SOL/USDT"]) is None


def test_parts_add_up_to_the_whole():
    closes = {
        START + minute * 60: {BTC: Decimal(100 + minute % 7), "ETH/USDT": Decimal(50)} for minute in range(1, 3_000)
    }
    fills = [fill("buy" if number % 2 == 0 else "sell", 2, 100 + number, number * 300 + 1,
                  instance=("trend", "channel")[number % 4 // 2], instrument=(BTC, "ETH/USDT")[number % 3 // 2])
             for number in range(9)]  # fmt: skip
    whole = measure(Traded(accounts=["main"], currency="USDT", cash=Decimal(10_000), instruments=[BTC, "ETH/USDT"],
                           fills=fills, closes=closes), START)  # fmt: skip
    for parts in (whole.by_strategy, whole.by_instrument, whole.by_day):
        assert sum(part.profit for part in parts) == whole.equity - whole.start
        assert sum(part.fees for part in parts) == whole.fees == 9
        assert sum(part.trips.round_trips for part in parts) == whole.trips.round_trips
        assert sum(part.fills for part in parts) == 9
    assert [part.name for part in whole.by_day] == ["2026-01-01", "2026-01-02", "2026-01-03"]
    assert whole.total_return == (whole.equity - 10_000) / 10_000
    assert (len(whole.curve), whole.curve[0].at, whole.curve[-1].at) == (240, START, START + 2_999 * 60)


def test_what_has_no_close_yet_is_worth_what_it_paid():
    fills = [fill("buy", 1, 95, 1, fee="0"), fill("buy", 1, 105, 2, fee="0")]
    for closes in ({}, {START + 30: {}}, {START + 300: {"ETH/USDT": Decimal(3)}}):
        curve = equity_curve(START, Decimal(1_000), fills, closes)
        assert curve.points[-1].equity == 1_000 - 95 - 105 + 2 * 95
