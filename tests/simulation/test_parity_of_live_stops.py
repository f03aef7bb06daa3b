"""A live account whose stops rest at its venue beside its back-test, in which they rest in bars.

It trades at the simulated exchange, over ccxt and a socket. Planted differences are those of a log on paper, with the
fills inside their bars, that a live account is said to have made.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fanfold import desk
from fanfold.audit.parity import ParityDifference, ParityReason, ParityReport
from fanfold.audit.trading_log import TradingLog
from fanfold.desk import Desk
from fanfold.exchange.server import ManualClock, serve
from fanfold.market.recording import Recording
from fanfold.messages import (
    BarsClosed,
    ExecutionReport,
    Fill,
    Message,
    Order,
    OrdersApproved,
    OrderState,
    OrderUpdate,
)
from fanfold.simulation import market
from fanfold.simulation.full_run import full_run
from fanfold.simulation.parity_run import newest_day, on_paper, parity
from fanfold.simulation.schedules.market import START
from support.box_client import PLENTY
from support.live_box import LiveBox, rules_of

LEGS = ("BTC/USDT", "ETH/USDT")
HISTORY, MINUTES = 60, 120
DAY = date(2026, 3, 1)
PAIR = {"stop": "0.002", "take_profit": "0.004"}
D = Decimal


def live_desk(protection: dict[str, str], exchange: str = "binance", **account: str) -> Desk:
    crossing = {
        "strategy": "sma_cross", "params": {"fast": 3, "slow": 9}, "instruments": list(LEGS), "timeframe": "1m",
        "allocation": "0.9", "account": "main",
    }  # fmt: skip
    own = {"venue": "v", "kind": "spot", "mode": "live", "currency": "USDT", "cash": "30000", "stops": "bars"}
    tables = {
        "venues": {"v": {"kind": "ccxt", "exchange": exchange, "symbols": list(LEGS)}},
        "accounts": {"main": own | account},
        "strategies": {"cross": crossing | protection},
        "limits": {
            "main": {
                "order_notional_max": "100000",
                "position_notional_max": "100000",
                "daily_loss_max": "1",
                "drawdown_max": "1",
            }
        },
        "instruments": rules_of(LEGS),
    }
    return desk.build(tables, "test")


def trade_live(traded: Desk, seed: int) -> list[Message]:
    """Trade two hours at the simulated exchange, each minute of which it walks in four steps; return the log."""
    clock = ManualClock(START * 1_000)
    histories = market.market(seed, LEGS, HISTORY + MINUTES, START - HISTORY * 60)
    with serve(histories, clock=clock, deposits={"USDT": D(100_000)}, limits=PLENTY, moved=False) as box:
        run = LiveBox(traded, box, clock, histories, (4, 20, 20, 16))
        # The first poll has what the strategies look back on.
        run.minute(since=START - HISTORY * 60)
        for _ in range(MINUTES - 1):
            run.minute()
        return run.published


def exits(log: TradingLog) -> dict[Any, Order]:
    """Return, by decision, the stops of which something filled."""
    return {key: order for key, own in log.orders.items() for order in own if order.protects and log.fills_of(order)}


# The exchange takes ten basis points.
CHEAPER = live_desk(PAIR, taker_bps="8", maker_bps="8")


@pytest.fixture(scope="module")
def live() -> list[Message]:
    return trade_live(CHEAPER, 5)


def test_a_day_at_an_exchange_has_a_reason_for_each_difference(live: list[Message]) -> None:
    check(CHEAPER, live)


def test_a_day_of_trails_at_an_exchange_has_them_too() -> None:
    own = live_desk({"stop": "0.003", "trail": "0.001", "take_profit": "0.002"})
    check(own, trade_live(own, 6))


def check(own: Desk, messages: list[Message]) -> None:
    report = parity(own, messages, newest_day(messages))
    seen = {difference.reason for difference in report.differences}
    assert report.unexplained == 0
    # What it paid, and what follows from that; stops that a trail moves, which go at once there; and what filled at the
    # last close, of which no bar has come.
    later = {ParityReason.FEE, ParityReason.RESTING_STOP, ParityReason.MISSING_BAR}
    assert seen <= {ParityReason.FILL_PRICE, ParityReason.EARLIER} | later
    assert report.orders > 20
    filled = exits(TradingLog(messages, "1m"))
    assert len(filled) >= 5
    # Nothing of the stops that filled on both sides is left out.
    assert {key.at for key in filled} <= {difference.at for difference in report.differences}


def test_another_fee_of_the_exchange_is_told_whatever_the_prices_were(live: list[Message]) -> None:
    report = parity(CHEAPER, live, newest_day(live))
    fees = [difference for difference in report.differences if difference.reason is ParityReason.FEE]
    # Of purchases it takes them in coins.
    assert {fee.detail for fee in fees} == {"10.00 bps, 8.00 in the back-test"}
    assert len(fees) > 20
    assert all(fee.cost > 0 for fee in fees)


# Planted differences.


@pytest.fixture(scope="module")
def log() -> list[Message]:
    """Return the log of a live account that traded as on paper, with fills half a minute inside their bars."""
    own = on_paper(live_desk(PAIR))
    histories = market.market(5, LEGS, HISTORY + MINUTES, START - HISTORY * 60)
    published: list[Message] = []
    recordings = [Recording.of(history) for history in histories]
    full_run(own, recordings, START + 60, START + MINUTES * 60, published.append)
    return edited(published, lambda entry: _moved(entry, -30) if isinstance(entry, Fill) else entry)


def edited(messages: Sequence[Message], edit: Callable[[Any], Any]) -> list[Message]:
    """Put other orders, updates and fills in the place of those that were published; None is none."""
    after: list[Message] = []
    for message in messages:
        lists = {
            name: [new for entry in getattr(message, name) if (new := edit(entry)) is not None]
            for name in ("orders", "updates", "fills")
            if hasattr(message, name)
        }
        after.append(msgspec.structs.replace(message, **lists) if lists else message)
    return after


def of_order(order: Order, edit: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda entry: edit(entry) if entry.order_id == order.order_id else entry


def _moved(fill: Fill, seconds: int) -> Fill:
    return msgspec.structs.replace(fill, at=fill.at + timedelta(seconds=seconds))


def fills(**changes: Any) -> Callable[[Any], Any]:
    return lambda entry: msgspec.structs.replace(entry, **changes) if isinstance(entry, Fill) else entry


def unfilled(state: OrderState, reason: str = "planted") -> Callable[[Any], Any]:
    """Let nothing of an order have filled, which is in a state."""

    def edit(entry: Any) -> Any:
        if isinstance(entry, OrderUpdate):
            return msgspec.structs.replace(entry, state=state, filled=D(0), reason=reason)
        return None if isinstance(entry, Fill) else entry

    return edit


def last_exit(messages: Sequence[Message], *, by_profit: bool) -> Order:
    """Return the last stop that filled as a stop, or took its profit."""
    log = TradingLog(messages, "1m")
    own = [order for _, order in sorted(exits(log).items()) if _by_profit(log, order) is by_profit]
    return own[-1]


def _by_profit(log: TradingLog, order: Order) -> bool:
    return log.fills_of(order)[0].price == order.profit_price


def planted(messages: Sequence[Message], order: Order, edit: Callable[[Any], Any]) -> ParityReport:
    return parity(live_desk(PAIR), edited(messages, of_order(order, edit)), DAY)


def first(report: ParityReport) -> ParityDifference:
    """Return the one difference that does not follow from another."""
    (only,) = [each for each in report.differences if each.reason is not ParityReason.EARLIER]
    return only


def test_nothing_differs_but_the_time_inside_the_bar(log: list[Message]) -> None:
    report = parity(live_desk(PAIR), log, DAY)
    assert report.differences == []
    assert len(exits(TradingLog(log, "1m"))) > 8


def test_a_stop_that_sold_for_less_is_a_fill_price(log: list[Message]) -> None:
    order = last_exit(log, by_profit=False)
    (fill,) = TradingLog(log, "1m").fills_of(order)
    report = planted(log, order, fills(price=fill.price - 2, fee=(fill.price - 2) * fill.quantity / 1_000))
    assert (first(report).reason, first(report).cost) == (ParityReason.FILL_PRICE, 2 * order.quantity)
    assert report.slippage == 2 * order.quantity


def test_a_stop_that_paid_another_fee(log: list[Message]) -> None:
    order = last_exit(log, by_profit=False)
    (fill,) = TradingLog(log, "1m").fills_of(order)
    assert (first(planted(log, order, fills(fee=fill.fee + 1))).reason) is ParityReason.FEE


def test_a_profit_where_the_back_test_takes_the_stop(log: list[Message]) -> None:
    """The bar is made to reach both: the venue's price came to the profit first."""
    order = last_exit(log, by_profit=False)
    (fill,) = TradingLog(log, "1m").fills_of(order)
    profit = D(str(order.profit_price))
    wide = [_widened(message, order, fill, profit) for message in log]
    report = planted(wide, order, fills(price=profit, fee=profit * fill.quantity / 1_000))
    assert (first(report).reason, first(report).desk[:6]) == (ParityReason.RESTING_STOP, "profit")
    assert first(report).cost < 0
    assert "fills the stop" in first(report).detail


def _widened(message: Message, order: Order, fill: Fill, high: Decimal) -> Message:
    """Return a message whose bar of a fill went up to a price."""
    if not isinstance(message, BarsClosed) or abs((message.at - fill.at).total_seconds() - 30) > 1:
        return message
    frames = []
    for frame in message.frames:
        place = frame.instruments.index(order.instrument)
        ticks = int(high.scaleb(frame.price_scale[place])) + 1 - frame.open[place]
        highs = [ticks if at == place else own for at, own in enumerate(frame.high)]
        frames.append(msgspec.structs.replace(frame, high=highs))
    return msgspec.structs.replace(message, frames=frames)


def test_a_part_of_a_stop_that_filled(log: list[Message]) -> None:
    order = last_exit(log, by_profit=False)
    half = order.quantity / 2

    def edit(entry: Any) -> Any:
        if isinstance(entry, OrderUpdate):
            return msgspec.structs.replace(entry, filled=half, state=OrderState.CANCELED, reason="it fell")
        return msgspec.structs.replace(entry, quantity=half, fee=entry.fee / 2) if isinstance(entry, Fill) else entry

    reasons = {(each.reason, each.detail) for each in planted(log, order, edit).differences}
    assert (ParityReason.PARTIAL_FILL, "it fell") in reasons
    assert {reason for reason, _ in reasons} <= {ParityReason.PARTIAL_FILL, ParityReason.EARLIER}


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (OrderState.REJECTED, ParityReason.REFUSED),
        (OrderState.STALE, ParityReason.STALE),
        (OrderState.OPEN, ParityReason.UNEXPLAINED),
    ],
)
def test_a_stop_that_did_not_fill(state: OrderState, reason: ParityReason, log: list[Message]) -> None:
    """A bar reached the stop of both sides: it rests there no more, or nobody can say why it does."""
    order = last_exit(log, by_profit=False)
    assert first(planted(log, order, unfilled(state))).reason is reason


def test_a_stop_whose_limit_the_price_fell_through(log: list[Message]) -> None:
    order = last_exit(log, by_profit=False)

    def edit(entry: Any) -> Any:
        limit = D(str(order.stop_price)) - D("0.01")
        return msgspec.structs.replace(entry, limit_price=limit) if isinstance(entry, Order) else rests(entry)

    rests = unfilled(OrderState.OPEN)
    difference = first(planted(log, order, edit))
    assert (difference.reason, difference.detail[:27]) == (ParityReason.PARTIAL_FILL, "the price fell through its ")


def test_a_stop_that_was_withdrawn_first(log: list[Message]) -> None:
    order = last_exit(log, by_profit=False)
    gone = unfilled(OrderState.CANCELED, "its position wants another stop, or none")
    assert first(planted(log, order, gone)).detail.startswith("it was withdrawn first: its position wants")


def test_a_stop_that_filled_in_a_bar_that_did_not_reach_it(log: list[Message]) -> None:
    order = last_exit(log, by_profit=False)
    later = planted(log, order, lambda entry: _moved(entry, 120) if isinstance(entry, Fill) else entry)
    difference = first(later)
    assert (difference.reason, difference.desk[-14:]) == (ParityReason.UNEXPLAINED, ", 2 bars later")


def test_a_stop_that_filled_alone(log: list[Message]) -> None:
    """Its level is as in the back-test, and no bar reached it."""
    known = TradingLog(log, "1m")
    stops = [order for _, own in sorted(known.orders.items()) for order in own if order.protects]
    order = [stop for stop in stops if not known.fills_of(stop)][-2]
    (approval,) = [message for message in log if isinstance(message, OrdersApproved) and order in message.orders]
    at = approval.at + timedelta(seconds=60)
    template = known.fills_of(last_exit(log, by_profit=False))[0]
    fill = msgspec.structs.replace(
        template, trade_id="planted", order_id=order.order_id, instrument=order.instrument,
        client_order_id=order.client_order_id, price=order.stop_price, quantity=order.quantity,
        at=approval.at + timedelta(seconds=30), fee=D(0),
    )  # fmt: skip
    report = ExecutionReport(id="planted", cause="c", at=at, account="main", venue="v", fills=[fill])
    differences = parity(live_desk(PAIR), [*log, report], DAY).differences
    assert differences[0].reason is ParityReason.UNEXPLAINED
    assert differences[0].desk.startswith(f"filled {order.quantity:f}")


def test_a_level_that_no_cost_accounts_for(log: list[Message]) -> None:
    order = last_exit(log, by_profit=False)
    lower = D(str(order.stop_price)) - 5

    def edit(entry: Any) -> Any:
        return msgspec.structs.replace(entry, stop_price=lower) if isinstance(entry, Order) else entry

    difference = first(planted(log, order, edit))
    assert (difference.reason, difference.desk) == (ParityReason.UNEXPLAINED, f"stop {lower:f}")


def test_venues_that_take_no_pair_or_no_stop(log: list[Message]) -> None:
    def without_profit(entry: Any) -> Any:
        return msgspec.structs.replace(entry, profit_price=msgspec.UNSET) if _is_stop(entry) else entry

    def without_stop(entry: Any) -> Any:
        return None if _is_stop(entry) or getattr(entry, "order_id", "") in stops else entry

    stops = {order.order_id for own in TradingLog(log, "1m").orders.values() for order in own if order.protects}
    kraken = parity(live_desk(PAIR, "kraken"), edited(log, without_profit), DAY)
    okx = parity(live_desk(PAIR, "okx"), edited(log, without_stop), DAY)
    assert {each.detail for each in _resting(kraken)} == {
        "its venue takes no profit beside a stop: risk holds it against closes"
    }
    assert {each.detail for each in _resting(okx)} == {"no stop rests at its venue: risk holds it against closes"}
    assert kraken.unexplained == okx.unexplained == 0


def _is_stop(entry: Any) -> bool:
    return isinstance(entry, Order) and entry.protects


def _resting(report: ParityReport) -> Iterator[ParityDifference]:
    return (each for each in report.differences if each.reason is ParityReason.RESTING_STOP)
