"""The adapter on the simulated exchange: what each fault makes of an order, and that trades and balances agree."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from fanfold import ids, money
from fanfold.exchange import server
from fanfold.exchange.faults import LAG_MS
from fanfold.exchange.server import ServedExchange
from fanfold.matching.prices import Quote
from fanfold.messages import Order
from fanfold.simulation import market
from fanfold.trading.answers import Outcome, Placed, Rejected, Unknown, VenueOrder, VenueOrderState
from fanfold.trading.terms import TERMS
from fanfold.trading.venue import OrderRequest
from fanfold.venues.ccxt.keyed import KeyedClient
from fanfold.venues.ccxt.trading import ExchangeTrading
from support import keyed_exchange
from support.box_admin import ask_box

BTC = "BTC/USDT"
BARS = 700
DEPOSITS = {"USDT": Decimal(100_000), "BTC": Decimal(2)}
TICK, LOT = market.catalogue()[BTC].tick, market.catalogue()[BTC].lot


@pytest.fixture(scope="module")
def steady() -> Iterator[ServedExchange]:
    """An exchange whose faults meet one request each."""
    with _served() as served:
        yield served


@pytest.fixture
def fresh() -> Iterator[ServedExchange]:
    """An exchange for one test, because its fault lasts."""
    with _served() as served:
        yield served


def _served() -> Any:
    start = int(time.time()) // 60 * 60 - BARS * 60
    return server.serve(market.market(7, [BTC], BARS, start), deposits=DEPOSITS)


def trading(served: ServedExchange) -> ExchangeTrading:
    client = KeyedClient(TERMS["binance"], {"api_key": served.key, "secret": served.secret}, served.origin)
    return ExchangeTrading(TERMS["binance"], client, _now)


def box(served: ServedExchange, subject: str, document: object = None) -> Any:
    """Ask the box for its state, or arm a fault."""
    return ask_box(served.origin, subject, document)


def at_the_box(served: ServedExchange, order: Order) -> int:
    return sum(each["clientOrderId"] == order.client_order_id for each in box(served, "orders"))


def request(name: str, price: Decimal, quantity: str = "0.01", **changes: Any) -> OrderRequest:
    own = ids.client_order_id(ids.derive("order", name))
    changes = {"quantity": Decimal(quantity), "limit_price": price, "client_order_id": own} | changes
    now = _now()
    order = keyed_exchange.order(**changes, decided_at=now - timedelta(seconds=1))
    return OrderRequest(order=order, claimed_at=now, deadline=now + timedelta(seconds=TERMS["binance"].window_s))


def low(venue: ExchangeTrading) -> Decimal:
    """A price at which nothing fills."""
    return money.floor_to(venue.quote(BTC).bid * Decimal("0.9"), TICK)


def _now() -> datetime:
    return datetime.now(UTC)


def placed_under(served: ServedExchange, fault: str) -> tuple[Outcome, Order, ExchangeTrading]:
    venue = trading(served)
    price = low(venue)
    box(served, "faults", {"fault": fault})
    claimed = request(fault, price, time_in_force="gtc")
    return venue.place(claimed), claimed.order, venue


@pytest.mark.parametrize(
    ("fault", "expected", "orders"),
    [
        ("reply_lost_before", Unknown, [0]),
        ("reply_lost_after", Unknown, [1]),
        ("late_arrival", Unknown, [0, 1]),
        ("server_error_after", Unknown, [1]),
        ("empty_answer", Unknown, [1]),
        ("truncated_answer", Unknown, [1]),
        ("html_403", Unknown, [0]),
        ("unexpected_response", Unknown, [0, 1]),
        ("backend_timeout", Unknown, [0, 1]),
        ("duplicate_reject", Unknown, [1]),
        ("fill_before_ack", Placed, [1]),
    ],
)
def test_an_injected_fault_gives_its_true_outcome_and_a_lookup_resolves_it(
    steady: ServedExchange, fault: str, expected: type[Outcome], orders: Sequence[int]
) -> None:
    outcome, order, venue = placed_under(steady, fault)
    assert isinstance(outcome, expected), outcome
    held = at_the_box(steady, order)
    assert held in orders
    if fault != "late_arrival":
        assert (venue.find(order) is not None) is (held == 1)


def test_a_look_up_that_lags_finds_the_order_only_later(steady: ServedExchange) -> None:
    outcome, order, venue = placed_under(steady, "query_lag")
    assert isinstance(outcome, Placed)
    assert venue.find(order) is None
    time.sleep(LAG_MS / 1_000 + 0.1)
    known = venue.find(order)
    assert known is not None
    assert known.venue_order_id == outcome.order.venue_order_id


@pytest.mark.parametrize(
    ("fault", "code", "lapsed"),
    [("rate_limit_storm", "-1003", True), ("symbol_halt", "-1013", False), ("precision_change", "-1013", False)],
)
def test_a_temporary_refusal_is_definitive_for_its_request(
    fresh: ServedExchange, fault: str, code: str, lapsed: bool
) -> None:
    venue = trading(fresh)
    price = low(venue) + TICK
    box(fresh, "faults", {"fault": fault})
    # Off the steps that are ten times as large.
    claimed = request(fault, price if price % (10 * TICK) else price + TICK, time_in_force="gtc")
    outcome = venue.place(claimed)
    assert isinstance(outcome, Rejected), outcome
    assert (outcome.code, outcome.lapsed) == (code, lapsed)
    assert at_the_box(fresh, claimed.order) == 0


def test_an_order_off_a_changed_step_is_unfit_and_the_rules_that_are_read_then_are_the_new_ones(
    fresh: ServedExchange,
) -> None:
    venue = trading(fresh)
    before = venue.rules(BTC, _now())
    assert before is not None
    assert (before.tick, before.lot) == (TICK, LOT)
    price = low(venue) + TICK
    box(fresh, "faults", {"fault": "precision_change"})
    claimed = request("off", price if price % (10 * TICK) else price + TICK, time_in_force="gtc")
    outcome = venue.place(claimed)
    assert isinstance(outcome, Rejected)
    assert outcome.unfit
    assert venue.rules(BTC, before_claim := claimed.claimed_at - timedelta(hours=1)) == before
    after = venue.rules(BTC, claimed.claimed_at)
    assert after is not None
    assert (after.tick, after.lot) == (10 * TICK, 10 * LOT)
    # A process that starts now knows them before it sends anything.
    cold = trading(fresh)
    assert cold.rules(BTC, before_claim) == after
    outcome = cold.place(request("off again", claimed.order.limit_price or price, time_in_force="gtc"))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.unfit) == ("UNFIT", True)
    assert at_the_box(fresh, claimed.order) == 0
    assert cold.rules("XYZ/USDT", before_claim) is None


def test_a_currency_is_worth_the_mean_of_its_market_either_way_round_and_nothing_where_it_has_none(
    steady: ServedExchange,
) -> None:
    venue = trading(steady)
    worth, back = venue.worth("BTC", "USDT"), venue.worth("USDT", "BTC")
    assert worth is not None
    assert back is not None
    quote = venue.quote(BTC)
    assert quote.bid * Decimal("0.99") < worth < quote.ask * Decimal("1.01")
    assert abs(worth * back - 1) < Decimal("0.01")
    assert venue.worth("BTC", "USDT") == worth
    assert venue.worth("BNB", "USDT") is None


def test_maintenance_leaves_the_outcome_unknown(fresh: ServedExchange) -> None:
    outcome, order, _ = placed_under(fresh, "maintenance")
    assert isinstance(outcome, Unknown)
    assert at_the_box(fresh, order) == 0


def test_the_exchange_refuses_a_claim_whose_window_is_over(steady: ServedExchange) -> None:
    venue: Any = trading(steady)
    claimed = request("frozen", low(venue))
    old = claimed.claimed_at - timedelta(seconds=6)
    venue._now = lambda: old
    late = OrderRequest(order=claimed.order, claimed_at=old, deadline=old + timedelta(seconds=5))
    outcome = venue.place(late)
    assert isinstance(outcome, Rejected), outcome
    assert (outcome.code, outcome.lapsed) == ("-1021", True)
    assert at_the_box(steady, claimed.order) == 0


def test_trades_and_balances_agree_to_the_last_digit(fresh: ServedExchange) -> None:
    venue = trading(fresh)
    start = _now() - timedelta(minutes=1)
    sides: list[tuple[str, Callable[[Quote], Decimal]]] = [
        ("buy", lambda quote: money.ceil_to(quote.ask * Decimal("1.01"), TICK)),
        ("sell", lambda quote: money.floor_to(quote.bid * Decimal("0.99"), TICK)),
    ]
    for side, price in sides:
        outcome = venue.place(request(side, price(venue.quote(BTC)), side=side))
        assert isinstance(outcome, Placed), outcome
        assert outcome.whole
        assert outcome.order.state is VenueOrderState.FILLED
        own = [trade for trade in venue.trades(BTC, start) if trade.venue_order_id == outcome.order.venue_order_id]
        answered = {(trade.trade_id, trade.price, trade.quantity, trade.charges) for trade in outcome.trades}
        assert {(trade.trade_id, trade.price, trade.quantity, trade.charges) for trade in own} == answered
    held = dict(DEPOSITS)
    for trade in venue.trades(BTC, start):
        sign = 1 if trade.side == "buy" else -1
        held["BTC"] += sign * trade.quantity
        held["USDT"] -= sign * trade.quantity * trade.price
        for charge in trade.charges:
            held[charge.currency] -= charge.amount
    assert dict(venue.balances()) == held


def test_an_open_order_is_listed_and_found_until_it_is_cancelled(fresh: ServedExchange) -> None:
    venue = trading(fresh)
    claimed = request("rests", low(venue), time_in_force="gtc")
    outcome = venue.place(claimed)
    assert isinstance(outcome, Placed)
    assert [each.client_order_id for each in venue.open_orders()] == [claimed.order.client_order_id]
    cancelled = venue.cancel(claimed.order, outcome.order.venue_order_id)
    assert isinstance(cancelled, VenueOrder)
    assert cancelled.state is VenueOrderState.CANCELED
    assert venue.open_orders() == []
    assert venue.find(claimed.order) == cancelled


def test_a_stop_rests_until_it_is_reached_and_locks_what_it_sells(fresh: ServedExchange) -> None:
    venue = trading(fresh)
    level = money.floor_to(venue.quote(BTC).bid * Decimal("0.95"), TICK)
    stop = {"side": "sell", "kind": "stop", "stop_price": level, "reduce_only": True, "time_in_force": "gtc"}
    claimed = request("stop", low(venue), quantity="2", **stop)
    outcome = venue.place(claimed)
    assert isinstance(outcome, Placed), outcome
    assert [each.client_order_id for each in venue.open_orders()] == [claimed.order.client_order_id]
    beside = venue.place(request("beside", low(venue), side="sell"))
    assert isinstance(beside, Rejected)
    assert beside.code == "-2010"
    cancelled = venue.cancel(claimed.order, outcome.order.venue_order_id)
    assert isinstance(cancelled, VenueOrder)
    assert (cancelled.state, cancelled.filled) == (VenueOrderState.CANCELED, 0)
    after = venue.place(request("after", low(venue), side="sell"))
    assert isinstance(after, Placed)
    assert after.order.state is VenueOrderState.FILLED


def test_a_post_only_order_that_would_take_is_refused_for_good_and_one_that_rests_is_placed(
    fresh: ServedExchange,
) -> None:
    venue = trading(fresh)
    crossing = money.ceil_to(venue.quote(BTC).ask * Decimal("1.01"), TICK)
    taken = venue.place(request("crosses", crossing, time_in_force="gtc", post_only=True))
    assert isinstance(taken, Rejected)
    assert (taken.code, taken.lapsed) == ("-2010", False)
    assert isinstance(venue.place(request("waits", low(venue), time_in_force="gtc", post_only=True)), Placed)


def test_the_key_of_the_box_may_trade_and_not_withdraw(steady: ServedExchange) -> None:
    assert trading(steady).check_key() == ""
