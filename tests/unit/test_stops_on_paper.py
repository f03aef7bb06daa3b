"""Stops, profits and trails of an account on paper whose stops act inside bars, by the services' verbs and fast.

Bars have a spread of 2 basis points and no slippage, and prices have two decimals: a sale at 100 gets 99.99.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fanfold.desk import Desk
from fanfold.market.bars import Bar
from fanfold.market.recording import Recording
from fanfold.messages import Order, OrderState
from fanfold.simulation.full_run import FullRun, full_run
from support.backtests import START, desk_of, fast, instance, outcome_of
from support.core_desk import series

D = Decimal
BTC = "BTC/USDT"
# Long on a close above the highs of the two bars before, short on one below their lows.
PARAMS = {"entry": 2, "exit": 2, "atr": 1, "stop": 100.0, "short": 0.5}
Prices = tuple[float, float, float, float]
FLAT: Prices = (100, 100, 100, 100)
WARM_UP = [FLAT] * 40
EVEN: Mapping[int, int] = {}
UP: Prices = (100, 101, 100, 101)
DOWN: Prices = (100, 100, 99, 99)


def desk(stops: str = "bars", account: dict[str, Any] | None = None, **protections: str) -> Desk:
    strategy = instance("breakout", [BTC], params=PARAMS, **protections)
    built = desk_of({"a": strategy}, stops=stops, slippage_bps="0", **account or {})
    market = msgspec.structs.replace(built.venues["market"], symbols=[BTC])
    changed: Desk = msgspec.structs.replace(built, venues={"market": market})
    return changed


def bars(*rows: Prices | None, volumes: Mapping[int, int] = EVEN) -> Recording:
    """Flat bars, then from the third minute those of rows: open, high, low and close, or none.

    ``volumes`` are those of minutes that have another than 10,000.
    """
    whole = [
        Bar(START + 60 * at, *_ticks(row), volumes.get(at, 10_000) * 1_000)
        for at, row in enumerate((*WARM_UP, *rows), 3 - len(WARM_UP))
        if row is not None
    ]
    return Recording.of(series(BTC, whole))


def _ticks(row: Prices) -> tuple[int, int, int, int]:
    first, high, low, last = (round(price * 100) for price in row)
    return first, high, low, last


def traded(traded_desk: Desk, recording: Recording) -> FullRun:
    """Trade the services' verbs; a fast back-test comes to the same."""
    span = START + 60, START + 60 * 12
    run, quick = full_run(traded_desk, [recording], *span), fast(traded_desk, [recording], *span)
    whole = outcome_of(run)
    assert (quick.fills, quick.refusals) == (whole.fills, whole.refusals)
    assert quick.equity == {at: whole.equity[at] for at in quick.equity}
    return run


def sold(run: FullRun) -> list[tuple[int, str, Decimal]]:
    """Minute, liquidity and price of each fill but the first, which opens the position."""
    return [(int(fill.at.timestamp() - START) // 60, fill.liquidity, fill.price) for fill in run.fills[1:]]


# Bought at 101.02 in the fourth minute: the stop of 2 % is at 99.00, the profit of 3 % at 104.06.
LONG = (UP, (101, 101, 101, 101))
# Sold at 98.99 in the fourth minute: the stop of 2 % is at 100.96, the profit of 3 % at 96.02.
SHORT = (DOWN, (99, 99, 99, 99))


@pytest.mark.parametrize(
    ("before", "bar", "exit_"),
    [
        (LONG, (101, 101.5, 98.9, 101.2), ("taker", "98.99")),
        (LONG, (97, 97.5, 96.5, 97.2), ("taker", "96.99")),
        (LONG, (101, 104.5, 100.9, 101.2), ("maker", "104.06")),
        (LONG, (106, 106.5, 105.9, 106.2), ("maker", "104.06")),
        (LONG, (101, 104.5, 98.9, 101.2), ("taker", "98.99")),
        (SHORT, (99, 101.5, 98.9, 99.2), ("taker", "100.98")),
        (SHORT, (103, 103.5, 102.5, 103.2), ("taker", "103.02")),
        (SHORT, (99, 99.3, 95.9, 99.2), ("maker", "96.02")),
        (SHORT, (99, 101.5, 95.9, 99.2), ("taker", "100.98")),
    ],
    ids=["stop", "a gap through the stop", "profit", "a gap beyond the profit", "both", "short: stop", "short: gap",
         "short: profit", "short: both"],
)  # fmt: skip
def test_a_stop_fills_at_the_worse_of_its_price_and_the_open_and_before_a_profit(
    before: tuple[Prices, Prices], bar: Prices, exit_: tuple[str, str]
) -> None:
    run = traded(desk(stop="0.02", take_profit="0.03"), bars(*before, bar, bar))
    assert sold(run) == [(5, exit_[0], D(exit_[1]))]


def test_the_same_bars_with_stops_at_closes_sell_at_the_next_open_or_not_at_all() -> None:
    recording = bars(*LONG, (101, 104.5, 98.9, 101.2), (101, 101, 101, 101))
    assert sold(traded(desk("closes", stop="0.02", take_profit="0.03"), recording)) == []


def test_a_profit_rests_without_a_stop() -> None:
    run = traded(desk(take_profit="0.03"), bars(*LONG, (101, 104.5, 90, 101.2), (101, 101, 101, 101)))
    assert sold(run) == [(5, "maker", D("104.06"))]


def test_a_stop_does_not_act_in_the_bar_in_which_its_position_was_opened() -> None:
    """It is placed at the close of that bar; at the close risk holds the level itself."""
    run = traded(desk(stop="0.02"), bars(UP, (101, 101, 90, 101), (101, 101, 98, 99.5), FLAT))
    assert sold(run) == [(5, "taker", D("98.99"))]
    under = traded(desk(stop="0.02"), bars(UP, (101, 101, 90, 98), FLAT, FLAT))
    assert sold(under)[0] == (5, "taker", D("99.99"))


def test_a_trail_follows_the_best_close_and_acts_inside_the_bar_after() -> None:
    """It moves by a stop that is withdrawn after the next bar; the one before rests until then."""
    rise = ((101, 105, 101, 105), (105, 110, 105, 110), (110, 110, 110, 110))
    run = traded(desk(trail="0.02"), bars(*LONG, *rise, (110, 110, 107, 109)))
    # The best close is 110: 2 % below it is 107.80.
    assert sold(run) == [(8, "taker", D("107.78"))]
    stops = [order for order in run.orders if order.protects]
    assert [order.stop_price for order in stops] == [D("99.00"), D("107.80")]


def test_what_a_stop_leaves_is_closed_by_risk_in_its_place() -> None:
    """A tenth of a bar's volume fills: a part in the bar that touches the stop, the rest in the next."""
    recording = bars(*LONG, (101, 101, 98, 99), (99, 99, 99, 99), volumes={5: 3_000})
    run = traded(desk(stop="0.02"), recording)
    assert [(minute, price) for minute, _, price in sold(run)] == [(5, D("98.99")), (6, D("98.99"))]
    assert _left(run) == 0
    stop, exit_ = run.orders[1:]
    assert (exit_.replaces.order_id, exit_.replaces.filled) == (stop.order_id, 300)
    assert _state(run, stop) is OrderState.CANCELED


def test_an_exit_of_the_strategy_takes_the_place_of_the_stop() -> None:
    run = traded(desk(stop="0.05"), bars(*LONG, (101, 101, 99, 99), (99, 99, 50, 99), (99, 99, 99, 99)))
    (stop,) = [order for order in run.orders if order.protects and order.side == "sell"]
    assert _state(run, stop) is OrderState.CANCELED
    # The order turns the position to its other side, at the open, before the bar falls through the stop.
    assert sold(run)[0] == (6, "taker", D("98.99"))


@pytest.mark.parametrize("bar", [None, (101, 101, 98, 101)], ids=["no bar", "no volume"])
def test_a_minute_without_a_bar_or_without_trades_leaves_the_stop_resting(bar: Prices | None) -> None:
    run = traded(desk(stop="0.02"), bars(*LONG, bar, (101, 101, 98.5, 99), FLAT, volumes={5: 0}))
    assert sold(run) == [(6, "taker", D("98.99"))]


def test_an_account_on_spot_is_protected_too() -> None:
    run = traded(desk(account={"kind": "spot"}, stop="0.02"), bars(*LONG, (101, 101.5, 98.9, 101.2), FLAT))
    assert sold(run) == [(5, "taker", D("98.99"))]
    assert _left(run) == 0


def _left(run: FullRun) -> Decimal:
    return sum((fill.quantity if fill.side == "buy" else -fill.quantity for fill in run.fills), D(0))


def _state(run: FullRun, order: Order) -> OrderState:
    return [update.state for update in run.updates if update.order_id == order.order_id][-1]
