"""The matching engine against a slow one, and what holds after every order: funds, priority, no crossed book."""

from decimal import Decimal
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from fanfold.matching.engine import MatchingEngine, OrderEvent
from fanfold.matching.order_book import BookOrder, Trigger
from fanfold.matching.wallets import FeeRates, Wallets
from support.slow_engine import SlowEngine

LOT = Decimal("0.001")
OWNERS = ("ann", "bob", "cyd")
RATES = FeeRates(Decimal("7.5"), Decimal(10))
CASH, COINS = Decimal(1_000_000), Decimal(1_000)


class Cancel(NamedTuple):
    order_id: int


def price(ticks: int) -> Decimal:
    return Decimal(ticks).scaleb(-2)


@st.composite
def limits(draw: st.DrawFn, order_id: int) -> BookOrder:
    """An order of any kind within forty ticks, so that many meet."""
    kind = draw(st.sampled_from(["limit", "limit", "limit", "market", "maker", "stop", "stop-limit"]))
    side = draw(st.sampled_from(["buy", "sell"]))
    fields: dict[str, Any] = {"order_id": order_id, "owner": draw(st.sampled_from(OWNERS)), "side": side}
    fields["quantity"] = draw(st.integers(1, 50)) * LOT
    fields["prevention"] = draw(st.sampled_from(["none", "expire_taker", "expire_maker", "expire_both"]))
    if kind in {"limit", "maker", "stop-limit"}:
        fields["limit"] = price(draw(st.integers(980, 1020)))
    if kind == "limit":
        fields["time_in_force"] = draw(st.sampled_from(["gtc", "gtc", "gtc", "ioc", "fok"]))
    if kind.startswith("stop"):
        fields["trigger"] = Trigger(price(draw(st.integers(980, 1020))), draw(st.booleans()))
    return BookOrder(**fields, maker_only=kind == "maker")


@st.composite
def pairs(draw: st.DrawFn, order_id: int) -> tuple[BookOrder, BookOrder]:
    """A sale with a target above and a stop below, of which one ends the other."""
    fields: dict[str, Any] = {"owner": draw(st.sampled_from(OWNERS)), "side": "sell", "pair": order_id}
    fields["quantity"] = draw(st.integers(1, 50)) * LOT
    stop = BookOrder(order_id=order_id, trigger=Trigger(price(draw(st.integers(980, 1005))), rises=False), **fields)
    target = price(draw(st.integers(995, 1020)))
    return stop, BookOrder(order_id=order_id + 1, limit=target, maker_only=True, **fields)


@st.composite
def streams(draw: st.DrawFn) -> list[Any]:
    """The requests that arrive: single orders, pairs and cancels."""
    steps: list[Any] = []
    for n in range(draw(st.integers(1, 40))):
        kind = draw(st.sampled_from(["order"] * 6 + ["pair", "cancel"]))
        if kind == "cancel":
            steps.append(Cancel(draw(st.integers(1, 2 * n + 2))))
        else:
            steps.append(draw(pairs(2 * n + 1)) if kind == "pair" else (draw(limits(2 * n + 1)),))
    return steps


def submit(engine: MatchingEngine, step: Any) -> list[OrderEvent]:
    if isinstance(step, Cancel):
        return engine.cancel(step.order_id, at_ms=0)
    return engine.submit(*step, at_ms=0)


def bounded(order: BookOrder, engine: MatchingEngine) -> BookOrder:
    """A purchase at market with what it would cost now as its bound, or a bound of its trigger."""
    if order.side == "sell" or order.limit is not None:
        return order
    if order.trigger is not None:
        bound = order.trigger.price * order.quantity
    else:
        _, bound = engine.book.quote_of("buy", order.quantity)
    return BookOrder(**{name: getattr(order, name) for name in order.__struct_fields__} | {"quote_max": bound})


@settings(max_examples=200, deadline=None)
@given(streams())
def test_the_engine_trades_as_the_slow_one(steps: list[Any]) -> None:
    engine, slow = MatchingEngine(LOT), SlowEngine()
    states: dict[int, tuple[str, Decimal]] = {}
    trades = []
    for step in steps:
        if isinstance(step, tuple) and len(step) == 2 and any(map(slow.reached, step)):
            continue
        if isinstance(step, tuple) and len(step) == 2 and slow.rivals(step[1]):
            continue
        events = submit(engine, step)
        if isinstance(step, Cancel):
            slow.cancel(step.order_id)
        else:
            accepted = [slow.submit(order) for order in step]
            assert all(accepted) == all(event.kind != "rejected" for event in events)
        states |= {
            event.order.order_id: (event.order.status, event.order.filled)
            for event in events
            if event.kind != "rejected"
        }
        trades += [(trade.taker_id, trade.maker_id, trade.price, trade.quantity) for trade in engine.take_trades()]
        assert trades == slow.trades
        assert {key: _named(*value) for key, value in states.items()} == {
            key: _named(*value) for key, value in slow.states().items()
        }


def _named(state: str, filled: Decimal) -> tuple[str, Decimal]:
    """One name for all that lives."""
    live = {"new", "partially_filled", "resting", "waiting"}
    return ("live" if state in live else state), filled


@settings(max_examples=150, deadline=None)
@given(streams())
def test_no_book_is_crossed_and_no_order_waits_behind_a_later_one(steps: list[Any]) -> None:
    engine = MatchingEngine(LOT)
    for step in steps:
        submit(engine, step)
        bid, ask = engine.book.best("buy"), engine.book.best("sell")
        assert bid is None or ask is None or bid < ask
        for side, best in (("buy", -1), ("sell", 1)):
            queue = [best * (order.limit or 0) for order in engine.book.orders(side)]  # type: ignore[arg-type]
            assert queue == sorted(queue)
            levels = engine.book.levels(side, 100)  # type: ignore[arg-type]
            assert all(level.quantity > 0 for level in levels)


@settings(max_examples=150, deadline=None)
@given(streams())
def test_no_trade_is_worse_than_a_limit_and_fills_add_up(steps: list[Any]) -> None:
    engine = MatchingEngine(LOT)
    filled: dict[int, Decimal] = {}
    for step in steps:
        for event in submit(engine, step):
            order, trade = event.order, event.trade
            if trade is not None:
                assert order.accepts(trade.price)
                filled[order.order_id] = filled.get(order.order_id, Decimal(0)) + trade.quantity
            assert order.filled == filled.get(order.order_id, Decimal(0)) <= order.quantity
            assert order.filled + order.prevented + order.remaining == order.quantity


@settings(max_examples=150, deadline=None)
@given(streams())
def test_assets_are_conserved_to_the_last_digit_and_ended_orders_lock_nothing(steps: list[Any]) -> None:
    engine, wallets = MatchingEngine(LOT), Wallets()
    for owner in OWNERS:
        wallets.deposit(owner, "USDT", CASH)
        wallets.deposit(owner, "BTC", COINS)
    live: set[int] = set()
    for step in steps:
        orders = step if isinstance(step, Cancel) else tuple(bounded(order, engine) for order in step)
        if not isinstance(orders, Cancel):
            assert wallets.lock("BTC", "USDT", *orders)
        for event in submit(engine, orders):
            wallets.apply(event, "BTC", "USDT", RATES)
            (live.add if event.order.is_live else live.discard)(event.order.order_id)
        assert wallets.total("USDT") == CASH * len(OWNERS)
        assert wallets.total("BTC") == COINS * len(OWNERS)
    for order_id in sorted(live):
        for event in engine.cancel(order_id, at_ms=1):
            wallets.apply(event, "BTC", "USDT", RATES)
    assert all(wallets.balance(owner, asset).locked == 0 for owner in OWNERS for asset in ("BTC", "USDT"))
