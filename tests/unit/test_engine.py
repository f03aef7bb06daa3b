"""The matching engine by example: one rule a test."""

from decimal import Decimal
from typing import Any

import pytest

from fanfold.matching.engine import MatchingEngine, OrderEvent
from fanfold.matching.order_book import BookOrder, Level, Trigger
from fanfold.matching.wallets import Balance, FeeCharge, FeeRates, Wallets

AT = 1_767_225_600_000


def dec(text: str | int) -> Decimal:
    return Decimal(text)


def order(order_id: int, side: Any, quantity: str, limit: str | None = None, **fields: Any) -> BookOrder:
    price = None if limit is None else dec(limit)
    owner = fields.pop("owner", f"owner {order_id}")
    return BookOrder(order_id=order_id, owner=owner, side=side, quantity=dec(quantity), limit=price, **fields)


@pytest.fixture
def engine() -> MatchingEngine:
    """An engine with two asks at 101, one at 102 and a bid at 99."""
    filled = MatchingEngine(dec("0.1"))
    for resting in (
        order(1, "sell", "1", "101"),
        order(2, "sell", "2", "101"),
        order(3, "sell", "5", "102"),
        order(4, "buy", "4", "99"),
    ):
        filled.submit(resting, at_ms=AT)
    filled.take_trades()
    return filled


def kinds(events: list[OrderEvent]) -> list[tuple[str, int]]:
    return [(event.kind, event.order.order_id) for event in events]


def last(events: list[OrderEvent], order_id: int) -> BookOrder:
    return [event.order for event in events if event.order.order_id == order_id][-1]


def test_the_older_order_trades_first_and_at_its_own_price(engine: MatchingEngine) -> None:
    events = engine.submit(order(9, "buy", "2", "105"), at_ms=AT)
    assert [(trade.maker_id, trade.price, trade.quantity) for trade in engine.take_trades()] == [
        (1, 101, 1),
        (2, 101, 1),
    ]
    assert kinds(events) == [("new", 9), ("trade", 9), ("trade", 1), ("trade", 9), ("trade", 2)]
    assert engine.book.levels("sell", 2) == [Level(dec(101), dec(1)), Level(dec(102), dec(5))]


def test_the_unfilled_part_of_a_limit_order_rests(engine: MatchingEngine) -> None:
    taker = last(engine.submit(order(9, "buy", "4", "101"), at_ms=AT), 9)
    assert (taker.status, taker.filled, taker.quote_filled) == ("partially_filled", 3, 303)
    assert engine.book.best("buy") == 101


def test_the_unfilled_part_of_ioc_and_market_orders_expires(engine: MatchingEngine) -> None:
    ioc = engine.submit(order(8, "buy", "4", "101", time_in_force="ioc"), at_ms=AT)[-1]
    assert (ioc.kind, ioc.order.filled, ioc.reason) == ("expired", 3, "unfilled ioc")
    market = engine.submit(order(9, "buy", "9"), at_ms=AT)[-1]
    assert (market.kind, market.order.filled, market.reason) == ("expired", 5, "no liquidity")


@pytest.mark.parametrize(("quantity", "state"), [("8", "filled"), ("8.1", "expired")])
def test_fok_trades_whole_or_not_at_all(engine: MatchingEngine, quantity: str, state: str) -> None:
    taker = last(engine.submit(order(9, "buy", quantity, "102", time_in_force="fok"), at_ms=AT), 9)
    assert (taker.status, taker.filled) == (state, dec(quantity) if state == "filled" else 0)


def test_maker_only_is_rejected_where_it_would_take(engine: MatchingEngine) -> None:
    (event,) = engine.submit(order(9, "buy", "1", "101", maker_only=True), at_ms=AT)
    assert (event.kind, event.reason, engine.live(9)) == ("rejected", "would take", None)
    assert kinds(engine.submit(order(10, "buy", "1", "100.9", maker_only=True), at_ms=AT)) == [("new", 10)]


@pytest.mark.parametrize(
    ("prevention", "taker", "maker", "next_maker"),
    [
        ("expire_taker", "expired_in_match", "new", "new"),
        ("expire_maker", "filled", "expired_in_match", "partially_filled"),
        ("expire_both", "expired_in_match", "expired_in_match", "new"),
        ("none", "filled", "filled", "new"),
    ],
)
def test_an_owner_does_not_trade_with_itself(
    engine: MatchingEngine, prevention: Any, taker: str, maker: str, next_maker: str
) -> None:
    events = engine.submit(order(9, "buy", "1", "101", owner="owner 1", prevention=prevention), at_ms=AT)
    states = {event.order.order_id: event.order.status for event in events}
    assert (states[9], states.get(1, "new"), states.get(2, "new")) == (taker, maker, next_maker)


def test_a_stop_waits_for_the_last_price_and_then_takes_at_market(engine: MatchingEngine) -> None:
    stop = order(9, "sell", "1", trigger=Trigger(dec(100), rises=False))
    assert kinds(engine.submit(stop, at_ms=AT)) == [("new", 9)]
    assert engine.record(dec("100.1"), dec(1), "sell", at_ms=AT) == []
    events = engine.record(dec(100), dec(1), "sell", at_ms=AT)
    assert kinds(events) == [("triggered", 9), ("trade", 9), ("trade", 4)]
    assert last(events, 9).quote_filled == 99


def test_a_trigger_that_would_be_reached_at_once_is_rejected(engine: MatchingEngine) -> None:
    engine.record(dec(100), dec(1), "buy", at_ms=AT)
    (event,) = engine.submit(order(9, "sell", "1", trigger=Trigger(dec(100), rises=False)), at_ms=AT)
    assert (event.kind, event.reason) == ("rejected", "would trigger immediately")


def test_one_stop_sets_off_the_next(engine: MatchingEngine) -> None:
    engine.submit(order(9, "sell", "4", trigger=Trigger(dec(100), rises=False)), at_ms=AT)
    engine.submit(order(10, "sell", "1", "90", trigger=Trigger(dec(99), rises=False)), at_ms=AT)
    events = engine.record(dec(100), dec(1), "sell", at_ms=AT)
    assert [event for event in kinds(events) if event[0] == "triggered"] == [("triggered", 9), ("triggered", 10)]
    assert engine.book.best("sell") == 90


@pytest.mark.parametrize("first_to_go", ["trade", "trigger", "cancel"])
def test_an_order_of_a_pair_that_ends_ends_the_other(engine: MatchingEngine, first_to_go: str) -> None:
    target = order(10, "sell", "1", "103", maker_only=True, pair=7, owner="ann")
    stop = order(9, "sell", "1", trigger=Trigger(dec(95), rises=False), pair=7, owner="ann")
    assert kinds(engine.submit(stop, target, at_ms=AT)) == [("new", 9), ("new", 10)]
    if first_to_go == "trade":
        events = engine.submit(order(20, "buy", "8.5", "103"), at_ms=AT)
        assert (last(events, 10).status, last(events, 9).status) == ("partially_filled", "expired")
    elif first_to_go == "trigger":
        events = engine.record(dec(95), dec(1), "sell", at_ms=AT)
        assert (last(events, 9).status, last(events, 10).status) == ("filled", "expired")
    else:
        events = engine.cancel(9, at_ms=AT)
        assert (last(events, 9).status, last(events, 10).status) == ("canceled", "canceled")


def test_a_pair_is_taken_in_whole_or_not_at_all(engine: MatchingEngine) -> None:
    target = order(10, "sell", "1", "98", maker_only=True, pair=7, owner="ann")
    stop = order(9, "sell", "1", trigger=Trigger(dec(95), rises=False), pair=7, owner="ann")
    assert kinds(engine.submit(stop, target, at_ms=AT)) == [("rejected", 9), ("rejected", 10)]
    assert (engine.live(9), engine.live(10)) == (None, None)


def test_a_canceled_order_trades_no_more(engine: MatchingEngine) -> None:
    assert kinds(engine.cancel(1, at_ms=AT)) == [("canceled", 1)]
    assert engine.cancel(1, at_ms=AT) == []
    engine.submit(order(9, "buy", "1", "101"), at_ms=AT)
    assert [trade.maker_id for trade in engine.take_trades()] == [2]


def test_a_sum_in_quote_buys_whole_lots(engine: MatchingEngine) -> None:
    assert engine.book.quantity_of("buy", dec(350), dec("0.1")) == dec("3.4")
    assert engine.book.quote_of("buy", dec("3.4")) == (dec("3.4"), dec("343.8"))
    taker = last(engine.submit(order(9, "buy", "5", quote_max=dec(350)), at_ms=AT), 9)
    assert (taker.filled, taker.status) == (dec("3.4"), "expired")


RATES = FeeRates(maker_bps=dec("7.5"), taker_bps=dec(10))


def settled(engine: MatchingEngine, wallets: Wallets, *orders: BookOrder) -> list[FeeCharge | None]:
    assert wallets.lock("BTC", "USDT", *orders)
    return [wallets.apply(event, "BTC", "USDT", RATES) for event in engine.submit(*orders, at_ms=AT)]


def test_a_fee_is_taken_from_what_a_trade_brings() -> None:
    engine, wallets = MatchingEngine(dec("0.1")), Wallets()
    wallets.deposit("ann", "USDT", dec(1000))
    wallets.deposit("bob", "BTC", dec(3))
    assert settled(engine, wallets, order(1, "sell", "3", "100", owner="bob")) == [None]
    charges = settled(engine, wallets, order(2, "buy", "1", "110", owner="ann"))
    assert charges == [None, FeeCharge(dec("0.001"), "BTC"), FeeCharge(dec("0.075"), "USDT")]
    assert wallets.balances("ann") == {"USDT": Balance(dec(900)), "BTC": Balance(dec("0.999"))}
    assert wallets.balances("bob") == {"BTC": Balance(dec(0), dec(2)), "USDT": Balance(dec("99.925"))}


def test_a_locked_balance_cannot_be_locked_again() -> None:
    wallets = Wallets()
    wallets.deposit("ann", "USDT", dec(1000))
    assert wallets.lock("BTC", "USDT", order(1, "buy", "6", "100", owner="ann"))
    assert not wallets.lock("BTC", "USDT", order(2, "buy", "5", "100", owner="ann"))
    assert wallets.balance("ann", "USDT") == Balance(dec(400), dec(600))


def test_a_pair_locks_the_larger_need_once() -> None:
    engine, wallets = MatchingEngine(dec("0.1")), Wallets()
    wallets.deposit("ann", "BTC", dec(1))
    stop = order(1, "sell", "1", trigger=Trigger(dec(90), rises=False), pair=5, owner="ann")
    settled(engine, wallets, stop, order(2, "sell", "1", "110", pair=5, owner="ann"))
    assert wallets.balance("ann", "BTC") == Balance(dec(0), dec(1))
    for event in engine.cancel(2, at_ms=AT):
        wallets.apply(event, "BTC", "USDT", RATES)
    assert wallets.balance("ann", "BTC") == Balance(dec(1), dec(0))


def test_triggers_are_held_for_a_block_alone_also_where_it_fails(engine: MatchingEngine) -> None:
    engine.record(dec(100), dec(1), "sell", AT)
    stop = order(9, "sell", "1", trigger=Trigger(dec(99), rises=False))
    engine.submit(stop, at_ms=AT)

    def fail() -> None:
        with engine.triggers_held():
            engine.record(dec(98), dec(1), "sell", AT)
            assert engine.live(9) is not None
            raise ValueError("no quotes")

    with pytest.raises(ValueError, match="no quotes"):
        fail()
    engine.record(dec(98), dec(1), "sell", AT)
    assert engine.live(9) is None
