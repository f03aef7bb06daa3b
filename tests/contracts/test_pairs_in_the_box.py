"""A stop and a profit beside it on the simulated exchange: one order of ours, of which one half ends the other."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from fanfold import ids, money
from fanfold.errors import VenueUnavailable
from fanfold.exchange.faults import LAG_MS
from fanfold.exchange.server import ManualClock, ServedExchange, serve
from fanfold.simulation import market
from fanfold.trading.answers import Outcome, Placed, Rejected, Unknown, VenueOrder, VenueOrderState
from fanfold.trading.terms import TERMS
from fanfold.trading.venue import OrderRequest
from fanfold.venues.ccxt.keyed import KeyedClient
from fanfold.venues.ccxt.trading import ExchangeTrading
from support import keyed_exchange
from support.box_admin import ask_box

BTC = "BTC/USDT"
START = 1_772_366_400
DEPOSITS = {"USDT": Decimal(100_000), "BTC": Decimal(2)}
TICK = market.catalogue()[BTC].tick
PLACES = {"method": "POST", "path": "/api/v3/orderList/oco"}
CANCELS = {"method": "DELETE", "path": "/api/v3/orderList"}


class Pairs(NamedTuple):
    """The exchange, its clock, and the adapter under its key."""

    served: ServedExchange
    clock: ManualClock
    venue: ExchangeTrading

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock() / 1_000, UTC)

    def pass_time(self, milliseconds: int) -> None:
        self.box("clock", {"ms": self.clock() + milliseconds})

    def box(self, subject: str, document: object = None) -> Any:
        """Return what the box tells of itself, or set a part of it."""
        return ask_box(self.served.origin, subject, document)

    def claimed(self, quantity: str = "2", *, stop: str = "0.95", profit: str = "1.05", **changes: Any) -> OrderRequest:
        """A pair around the price; stop and profit are shares of the best bid."""
        bid = self.venue.quote(BTC).bid
        level, above = (money.floor_to(bid * Decimal(share), TICK) for share in (stop, profit))
        fields = {
            "side": "sell", "kind": "stop", "time_in_force": "gtc", "reduce_only": True, "stop_price": level,
            "limit_price": level - TICK, "profit_price": above, "quantity": Decimal(quantity),
        } | changes  # fmt: skip
        own = ids.client_order_id(ids.derive("order", quantity, stop, profit))
        order = keyed_exchange.order(client_order_id=own, **fields, decided_at=self.now() - timedelta(seconds=1))
        window = timedelta(seconds=TERMS["binance"].window_s)
        return OrderRequest(order=order, claimed_at=self.now(), deadline=self.now() + window)


@pytest.fixture
def pairs() -> Iterator[Pairs]:
    clock = ManualClock(START * 1_000)

    def now() -> datetime:
        return datetime.fromtimestamp(clock() / 1_000, UTC)

    series = market.market(7, [BTC], 600, START - 3_600)
    with serve(series, clock=clock, moved=False, deposits=DEPOSITS) as served:
        credentials = {"api_key": served.key, "secret": served.secret}
        client = KeyedClient(TERMS["binance"], credentials, served.origin, clock=now, sleep=lambda _seconds: None)
        yield Pairs(served, clock, ExchangeTrading(TERMS["binance"], client, now))


def test_a_pair_rests_as_one_order_and_locks_what_it_sells_once(pairs: Pairs) -> None:
    venue, claimed = pairs.venue, pairs.claimed()
    outcome = venue.place(claimed)
    assert isinstance(outcome, Placed), outcome
    assert (outcome.order.state, outcome.order.filled) == (VenueOrderState.OPEN, 0)
    own = claimed.order.client_order_id
    halves = {each["clientOrderId"]: (each["type"], Decimal(each["origQty"])) for each in pairs.box("orders")}
    assert halves == {f"{own}-stop": ("STOP_LOSS_LIMIT", 2), f"{own}-profit": ("LIMIT_MAKER", 2)}
    assert [outcome.order] == venue.open_orders() == [venue.find(claimed.order)]
    assert outcome.order.client_order_id == own
    again = venue.place(claimed)
    assert isinstance(again, Unknown | Rejected)
    assert len(pairs.box("orders")) == 2
    cancelled = venue.cancel(claimed.order, outcome.order.venue_order_id)
    assert isinstance(cancelled, VenueOrder)
    assert (cancelled.state, cancelled.filled) == (VenueOrderState.CANCELED, 0)
    assert (venue.open_orders(), dict(venue.balances())) == ([], DEPOSITS)


@pytest.mark.parametrize(("stop", "profit", "half"), [("0.5", "1.0005", "profit"), ("0.9995", "2", "stop")])
def test_what_either_half_fills_is_of_the_one_order_and_the_other_ends(
    pairs: Pairs, stop: str, profit: str, half: str
) -> None:
    venue, start = pairs.venue, pairs.now()
    low = {"limit_price": money.floor_to(venue.quote(BTC).bid / 2, TICK) - TICK}
    claimed = pairs.claimed("0.01", stop=stop, profit=profit, **low)
    outcome = venue.place(claimed)
    assert isinstance(outcome, Placed), outcome
    known: VenueOrder | None = outcome.order
    for _ in range(300):
        pairs.pass_time(30_000)
        known = venue.find(claimed.order)
        if known is None or known.state is not VenueOrderState.OPEN:
            break
    assert known is not None
    assert (known.state, known.filled) == (VenueOrderState.FILLED, claimed.order.quantity)
    trades = venue.trades(BTC, start)
    assert {trade.venue_order_id for trade in trades} == {outcome.order.venue_order_id}
    assert sum(trade.quantity for trade in trades) == claimed.order.quantity
    states = {each["clientOrderId"].rpartition("-")[2]: each["status"] for each in pairs.box("orders")}
    assert states.pop(half) == "FILLED"
    assert set(states.values()) <= {"CANCELED", "EXPIRED"}
    assert venue.open_orders() == []


@pytest.mark.parametrize(
    ("fault", "expected", "orders"),
    [
        ("reply_lost_before", Unknown, 0),
        ("reply_lost_after", Unknown, 2),
        ("server_error_after", Unknown, 2),
        ("empty_answer", Unknown, 2),
        ("truncated_answer", Unknown, 2),
        ("html_403", Unknown, 0),
        ("duplicate_reject", Unknown, 2),
    ],
)
def test_a_pair_of_unknown_outcome_is_found_whole_or_not_at_all(
    pairs: Pairs, fault: str, expected: type[Outcome], orders: int
) -> None:
    claimed = pairs.claimed()
    pairs.box("faults", {"fault": fault} | PLACES)
    assert isinstance(pairs.venue.place(claimed), expected)
    assert len(pairs.box("orders")) == orders
    assert (pairs.venue.find(claimed.order) is not None) is (orders == 2)


def test_of_a_pair_of_which_one_half_is_told_nothing_is_said_until_both_are(pairs: Pairs) -> None:
    claimed = pairs.claimed()
    pairs.box("faults", {"fault": "query_lag"} | PLACES)
    outcome = pairs.venue.place(claimed)
    assert isinstance(outcome, Placed), outcome
    with pytest.raises(VenueUnavailable, match="one of the two"):
        pairs.venue.find(claimed.order)
    pairs.pass_time(LAG_MS + 1)
    assert pairs.venue.find(claimed.order) == outcome.order


def test_a_cancel_without_an_answer_says_what_the_look_up_then_finds(pairs: Pairs) -> None:
    claimed = pairs.claimed()
    outcome = pairs.venue.place(claimed)
    assert isinstance(outcome, Placed), outcome
    pairs.box("faults", {"fault": "reply_lost_after"} | CANCELS)
    cancelled = pairs.venue.cancel(claimed.order, outcome.order.venue_order_id)
    assert isinstance(cancelled, VenueOrder)
    assert cancelled.state is VenueOrderState.CANCELED


def test_a_profit_that_the_price_has_passed_is_refused_with_its_stop(pairs: Pairs) -> None:
    outcome = pairs.venue.place(pairs.claimed(profit="0.99"))
    assert isinstance(outcome, Rejected), outcome
    assert (outcome.code, pairs.box("orders")) == ("-2010", [])


@pytest.mark.parametrize("change", [{"side": "buy"}, {"kind": "limit"}, {"limit_price": None}])
def test_only_a_stop_with_a_limit_that_sells_takes_a_profit_beside_it(pairs: Pairs, change: dict[str, Any]) -> None:
    outcome = pairs.venue.place(pairs.claimed(**change))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, pairs.box("orders")) == ("UNFIT", [])


def test_a_profit_off_the_tick_is_rejected_before_anything_is_sent(pairs: Pairs) -> None:
    order = pairs.claimed().order
    assert order.profit_price
    outcome = pairs.venue.place(pairs.claimed(profit_price=order.profit_price + TICK / 2))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, pairs.box("orders")) == ("UNFIT", [])
