"""The venue of the simulator answers as the simulated exchange does through the adapter, real ccxt and a socket.

Random requests of one key go to both, with the faults of a network. Which orders fill is chosen alike, by their price;
what is compared is what the order protocol rests on: outcomes, look-ups, open orders, trades and coins.
"""

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from random import Random
from typing import Any

import pytest

from fanfold import ids, money
from fanfold.exchange import server
from fanfold.exchange.server import ManualClock, ServedExchange
from fanfold.messages import Order
from fanfold.simulation import market
from fanfold.simulation.schedules.venue import RealVenue
from fanfold.trading.answers import Placed, Rejected, VenueOrder
from fanfold.trading.terms import TERMS
from fanfold.trading.venue import OrderRequest, TradingVenue
from fanfold.venues.ccxt.keyed import KeyedClient
from fanfold.venues.ccxt.trading import ExchangeTrading
from support import keyed_exchange
from support.box_admin import ask_box
from support.box_client import PLENTY

BTC = "BTC/USDT"
COINS = Decimal(5)
DEPOSITS = {"USDT": Decimal(10_000_000), "BTC": COINS}
START, HISTORY, FUTURE = 1_767_225_600, 60, 120
TICK = market.catalogue()[BTC].tick
# Of the venue in memory, and of the exchange.
FAULTS = {"lost before": "reply_lost_before", "lost after": "reply_lost_after", "error after": "server_error_after"}
LATE_S = 10
# For so long the adapter leaves an exchange alone that answers with 503.
PAUSE_S = 6
PACE_S = 5
STEPS = 60
SEQUENCES = int(os.environ.get("CONFORM_SEQUENCES", "4"))


class Sides:
    """Both venues under one clock, and the orders that were sent to them."""

    def __init__(self, served: ServedExchange, clock: ManualClock, seed: int) -> None:
        self.random = Random(seed)
        self.orders: list[Order] = []
        # Those that the venues may take, however often.
        self.fit: list[Order] = []
        self._served, self._clock, self._numbers = served, clock, count()
        keys = {"api_key": served.key, "secret": served.secret}
        client = KeyedClient(TERMS["binance"], keys, served.origin, clock=self.now, sleep=self.wait)
        self.box = ExchangeTrading(TERMS["binance"], client, self.now)
        self.memory = RealVenue(self.now, terms=TERMS["binance"])
        self.memory.holdings |= {"BTC": COINS}
        self.memory.listed = {BTC: market.catalogue()[BTC]}
        self.near = Decimal(str(client.touch(BTC)[0]))

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now_ms / 1_000, UTC)

    def step(self) -> None:
        """Do one thing at both, and hold the answers against each other."""
        steps = [self.send, self.send, self.send_again, self.send_late, self.send_unfit, self.send_too_much]
        self.random.choice([*steps, self.cancel, self.arrive_late, self.wait, self.look])()
        self.compare()

    def request(self, order: Order, age_s: float = 0) -> OrderRequest:
        claimed = self.now() - timedelta(seconds=age_s)
        return OrderRequest(order=order, claimed_at=claimed, deadline=claimed + timedelta(seconds=5))

    def order(self, *, rests: bool = False, **changes: Any) -> Order:
        side = self.random.choice(("buy", "sell"))
        away = Decimal("0.1") if rests == (side == "sell") else Decimal("-0.1")
        price = money.floor_to(self.near * (1 + away), TICK)
        own = ids.client_order_id(f"{self._clock.now_ms} {next(self._numbers)}")
        lots = Decimal(self.random.randint(1, 9)).scaleb(-3)
        terms = {"side": side, "limit_price": price, "quantity": lots, "client_order_id": own, "decided_at": self.now()}
        order = keyed_exchange.order(**{**terms, "time_in_force": "gtc", **changes})
        self.orders.append(order)
        return order

    def place(self, request: OrderRequest, fault: str = "", *, rests: bool = False) -> None:
        if fault:
            self._arm(FAULTS[fault], "POST")
        at_box = self.box.place(request)
        self.memory.faults = [fault or ("rests" if rests else "")]
        if fault in ("lost after", "error after") and rests:
            # The venue in memory has one word for each fault, so an order that rests is put there by hand.
            self.memory.faults = ["rests"]
            self.memory.place(request)
            assert _kind(at_box) == "Unknown"
        else:
            assert _outcome(self.memory.place(request)) == _outcome(at_box), request
        if fault == "error after":
            self.wait(PAUSE_S)

    def send(self) -> None:
        rests = self.random.random() < 0.4
        kind = self.random.choice(("gtc", "ioc"))
        fault = self.random.choice(["", "", "", *FAULTS])
        self.fit.append(self.order(rests=rests, time_in_force=kind))
        self.place(self.request(self.fit[-1]), fault, rests=rests)

    def send_again(self) -> None:
        """Send an order once more under a later claim, as nobody may: both take it, unless it is open."""
        order = self.random.choice(self.fit) if self.fit else self.order()
        away = order.limit_price is not None and (order.limit_price < self.near) == (order.side == "buy")
        self.place(self.request(order), rests=away)

    def send_late(self) -> None:
        self.place(self.request(self.order(), age_s=self.random.choice((5.5, 60))))

    def send_unfit(self) -> None:
        price = money.floor_to(self.near, TICK) + TICK / 2
        self.place(self.request(self.order(limit_price=price)))

    def send_too_much(self) -> None:
        request = self.request(self.order(side="sell", quantity=COINS * 10))
        self.memory.faults = ["rejected"]
        assert _outcome(self.memory.place(request)) == _outcome(self.box.place(request))

    def arrive_late(self) -> None:
        """Send a request that arrives after its answer was given up."""
        request = self.request(self.order(time_in_force="ioc"))
        self._arm("late_arrival", "POST")
        assert _kind(self.box.place(request)) == "Unknown"
        before = self._clock.now_ms
        self.wait(LATE_S)
        arrived = [entry for entry in self._admin("journal") if entry.get("arrived")][-1]
        after, self._clock.now_ms = self._clock.now_ms, before
        # Only the exchange knows when the request came: inside its window, or too late.
        self.memory.faults = ["late" if arrived["status"] == 200 else "lost before"]
        assert _kind(self.memory.place(request)) == "Unknown"
        self._clock.now_ms = after

    def cancel(self) -> None:
        """Cancel an order that both know, open or ended."""
        known = [order for order in self.orders if self.box.find(order) is not None]
        if not known:
            return
        order = self.random.choice(known)
        fault = self.random.choice(["", "", "lost before", "lost after"])
        if fault:
            self._arm(FAULTS[fault], "DELETE")
            self.memory.faults = [fault]
        results = [venue.cancel(order, self._own_id(venue, order)) for venue in (self.memory, self.box)]
        memory, at_box = (_stated(result) if isinstance(result, VenueOrder) else "Unknown" for result in results)
        assert memory == at_box, order

    def wait(self, seconds: float = 0) -> None:
        ms = int((seconds or self.random.choice((0.1, 1, 4))) * 1_000)
        self._admin("clock", {"ms": self._clock.now_ms + ms})

    def look(self) -> None:
        """Look up an order that was never sent."""
        never = self.order()
        self.orders.remove(never)
        assert self.memory.find(never) is None
        assert self.box.find(never) is None

    def compare(self) -> None:
        memory, at_box = (self._state(venue) for venue in (self.memory, self.box))
        assert memory == at_box
        # The reads above are many: the adapter spares an exchange whose weight of a minute is used up.
        self.wait(PACE_S)

    def _state(self, venue: TradingVenue) -> Any:
        since = datetime.fromtimestamp(START, UTC)
        traded = {side: Decimal(0) for side in ("buy", "sell")}
        for trade in venue.trades(BTC, since):
            traded[trade.side] += trade.quantity
        known = {order.client_order_id: venue.find(order) for order in self.orders}
        opened = sorted((order.client_order_id, order.filled) for order in venue.open_orders())
        return {name: _stated(order) for name, order in known.items() if order}, opened, traded

    def _own_id(self, venue: TradingVenue, order: Order) -> str:
        known = venue.find(order)
        return known.venue_order_id if known else ""

    def _arm(self, fault: str, method: str) -> None:
        self._admin("faults", {"fault": fault, "method": method})

    def _admin(self, subject: str, document: Mapping[str, Any] | None = None) -> Any:
        return ask_box(self._served.origin, subject, document)


def _kind(outcome: Any) -> str:
    return type(outcome).__name__


def _stated(order: VenueOrder) -> Any:
    return order.side, order.quantity, order.filled, order.state


def _outcome(outcome: Any) -> Any:
    if isinstance(outcome, Placed):
        return "Placed", _stated(outcome.order), sum((trade.quantity for trade in outcome.trades), Decimal(0))
    if isinstance(outcome, Rejected):
        # What the adapter itself refuses to send has a code of its own.
        local = outcome.unfit or outcome.lapsed
        return "Rejected", outcome.lapsed, outcome.unfit, "" if local else outcome.code
    return _kind(outcome)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START * 1_000)


@pytest.fixture
def served(clock: ManualClock) -> Iterator[ServedExchange]:
    series = market.market(7, [BTC], HISTORY + FUTURE, START - HISTORY * 60)
    with server.serve(series, clock=clock, deposits=DEPOSITS, limits=PLENTY, moved=False) as exchange:
        yield exchange


@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_the_venue_in_memory_answers_as_the_exchange_in_the_box(
    served: ServedExchange, clock: ManualClock, seed: int
) -> None:
    sides = Sides(served, clock, seed)
    for _ in range(STEPS):
        sides.step()
    assert len(sides.orders) > STEPS / 3
