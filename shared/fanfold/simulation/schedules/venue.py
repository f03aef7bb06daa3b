"""A real venue in memory, with Binance's rules for ids and windows, and every fault of a network."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from fanfold.desk import Instrument
from fanfold.errors import VenueUnavailable
from fanfold.matching.prices import Quote
from fanfold.messages import Order
from fanfold.records import Charge
from fanfold.simulation.schedules.at_venue import AtVenue
from fanfold.trading.answers import (
    Outcome,
    Placed,
    Rejected,
    Unknown,
    VenueOrder,
    VenueOrderState,
    VenueTrade,
)
from fanfold.trading.terms import VenueTerms
from fanfold.trading.venue import OrderRequest

PRICE = Decimal(100)
TERMS = VenueTerms(
    exchange="box",
    client_id_scope="open",
    client_id_length_max=36,
    fence="timestamp and window",
    window_s=5,
    margin_s=30,
    rejections=frozenset({"-2010"}),
    duplicates=frozenset(),
    sandbox=False,
    cancels_all_after=True,
)
# What may become of a request, and of a read.
PLACING = ("", "lost before", "lost after", "late", "error after", "rejected", "partly", "rests", "slow")
RATE = 0.5


class RealVenue:
    """The venue. ``faults`` are what becomes of the next requests; with a ``random`` each draws its own.

    What is ``listed`` is traded, by the rules there.
    """

    def __init__(self, clock: Callable[[], datetime], random: Random | None = None, terms: VenueTerms = TERMS) -> None:
        self.terms = terms
        self.orders: list[AtVenue] = []
        self.traded: list[tuple[datetime, VenueTrade]] = []
        self.requests: list[OrderRequest] = []
        self.late: list[tuple[datetime, OrderRequest]] = []
        self.faults: list[str] = []
        self.silent = False
        self.lag_s, self.late_s = 0, 3
        self.fee_currency = "base"
        self.named = True
        self.armed: list[int] = []
        self.holdings: dict[str, Decimal] = {
            "BTC": Decimal(5),
            "ETH": Decimal(5),
            "USDT": Decimal(10_000),
            "BNB": Decimal(3),
        }
        self.random = random
        self.listed: dict[str, Instrument] = {}
        # Of a currency, in another one.
        self.worths: dict[tuple[str, str], Decimal] = {}
        # Of an instrument: all of its trades are at this price, once one is set.
        self.prices: dict[str, Decimal] = {}
        # Sales of a leg with which it offered more than it held.
        self.clashes: list[str] = []
        self._clock = clock

    # The port.

    def place(self, request: OrderRequest) -> Outcome:
        self.settle()
        self.requests.append(request)
        fault = self._fault()
        if fault == "lost before":
            return Unknown(why="the request was lost")
        if fault == "late":
            self.late.append((self._clock() + timedelta(seconds=self.late_s), request))
            return Unknown(why="no answer in time")
        if fault == "rejected" or self._is_unfit(request.order):
            code = "-2010" if fault == "rejected" else "-1013"
            return Rejected(code=code, detail="as the venue says", unfit=code == "-1013")
        accepted = self._accept(request, fault)
        if isinstance(accepted, str):
            late = Rejected(code=accepted, lapsed=True)
            return late if accepted == "-1021" else Unknown(why="it exists already")
        if fault in ("lost after", "error after"):
            return Unknown(why=fault)
        trades = tuple(
            trade
            for _, trade in self.traded
            if (trade.instrument, trade.venue_order_id) == (request.order.instrument, f"v{accepted.number}")
        )
        return Placed(order=accepted.stated(), trades=() if fault == "slow" else trades)

    def find(self, order: Order, venue_order_id: str = "") -> VenueOrder | None:
        self._read()
        seen = self._clock() - timedelta(seconds=self.lag_s)
        mine = [placed for placed in self.orders if placed.order.client_order_id == order.client_order_id]
        return mine[-1].stated() if mine and mine[-1].accepted_at <= seen else None

    def cancel(self, order: Order, venue_order_id: str) -> VenueOrder | Unknown:
        self.request_cancel(order, venue_order_id)
        try:
            self._read()
        except VenueUnavailable:
            return Unknown(why="no answer to the cancel, nor to the look-up")
        # Whatever became of the cancel, the look-up after it says how the order stands.
        mine = self._named(order, venue_order_id)
        return mine.stated() if mine else Unknown(why="it does not know the order")

    def request_cancel(self, order: Order, venue_order_id: str) -> str:
        self.settle()
        mine = self._named(order, venue_order_id)
        fault = self._fault()
        if mine is None:
            return "it does not know the order"
        if mine.state is VenueOrderState.OPEN and fault != "lost before":
            mine.state = VenueOrderState.CANCELED
            if fault == "partly":
                self.fill(mine, mine.order.quantity / 2)  # It was on its way when the cancel came.
        return "no answer" if fault == "lost before" else ""

    def _named(self, order: Order, venue_order_id: str) -> AtVenue | None:
        known = {(placed.order.instrument, f"v{placed.number}"): placed for placed in self.orders}
        return known.get((order.instrument, venue_order_id))

    def open_orders(self) -> Sequence[VenueOrder]:
        self._read()
        return [placed.stated() for placed in self.orders if placed.state is VenueOrderState.OPEN]

    def trades(self, instrument: str, since: datetime) -> Sequence[VenueTrade]:
        self._read()
        seen = self._clock() - timedelta(seconds=self.lag_s)
        seen_trades = [
            trade for at, trade in self.traded if trade.instrument == instrument and trade.at >= since and at <= seen
        ]
        if self.random:
            self.random.shuffle(seen_trades)
        return seen_trades

    def trades_of_all(
        self, instruments: Collection[str], since: datetime
    ) -> Mapping[str, Sequence[VenueTrade] | VenueUnavailable]:
        return {instrument: self.trades(instrument, since) for instrument in instruments}

    def balances(self) -> Mapping[str, Decimal]:
        self._read()
        return dict(self.holdings)

    def quote(self, instrument: str) -> Quote:
        return Quote(bid=PRICE, ask=PRICE, at=self._clock())

    def rules(self, instrument: str, since: datetime) -> Instrument | None:
        self._read()
        return self.listed.get(instrument)

    def worth(self, currency: str, quote: str) -> Decimal | None:
        return self.worths.get((currency, quote))

    def arm_cancel_all(self, within_s: int) -> bool:
        self.armed.append(within_s)
        return True

    # What happens there.

    def settle(self) -> None:
        """Let late requests arrive."""
        now = self._clock()
        due = [(at, request) for at, request in self.late if at <= now]
        self.late = [(at, request) for at, request in self.late if at > now]
        for at, request in due:
            self._accept(request, "", at)

    def fill(self, placed: AtVenue, quantity: Decimal) -> None:
        """Trade a part of an order."""
        quantity = min(quantity, placed.order.quantity - placed.filled)
        if not quantity:
            return
        placed.filled += quantity
        if placed.filled == placed.order.quantity:
            placed.state = VenueOrderState.FILLED
        base, quote = placed.order.instrument.split("/")
        price = self.prices.get(placed.order.instrument) or placed.order.limit_price or PRICE
        signed = quantity if placed.order.side == "buy" else -quantity
        fee = {"base": base, "quote": quote}.get(self.fee_currency, self.fee_currency)
        amount = quantity * (Decimal(1) if fee == base else price) / 1000
        for currency, change in ((base, signed), (quote, -signed * price), (fee, -amount)):
            self.holdings[currency] = self.holdings.get(currency, Decimal(0)) + change
        trade = VenueTrade(
            trade_id=str(1 + sum(trade.instrument == placed.order.instrument for _, trade in self.traded)),
            venue_order_id=f"v{placed.number}",
            client_order_id=placed.order.client_order_id if self.named else "",
            instrument=placed.order.instrument,
            side=placed.order.side,
            price=price,
            quantity=quantity,
            charges=(Charge(currency=fee, amount=amount),),
            liquidity="taker",
            at=self._clock(),
        )
        self.traded.append((self._clock(), trade))

    def price(self, instrument: str, price: Decimal) -> None:
        """Let an instrument trade at a price: stops that it reaches fill, if it is within their limit, and profits."""
        self.prices[instrument] = price
        for placed in self.orders:
            order = placed.order
            if (order.kind, order.instrument, placed.state) != ("stop", instrument, VenueOrderState.OPEN):
                continue
            reached = (order.limit_price or price) <= price <= (order.stop_price or price)
            if reached or price >= (order.profit_price or price + 1):
                self.fill(placed, order.quantity)

    def open_stops(self, instance: str, instrument: str) -> list[AtVenue]:
        """Return the stops that rest for a leg."""
        live = [placed for placed in self.orders if placed.state is VenueOrderState.OPEN]
        return [placed for placed in live if placed.order.protects and placed.order.leg == (instance, instrument)]

    def _free(self, leg: tuple[str, str]) -> Decimal:
        """Return what a leg holds beyond what its open sales lock."""
        free = Decimal(0)
        for placed in self.orders:
            if placed.order.leg == leg:
                sold = placed.order.quantity if placed.state is VenueOrderState.OPEN else placed.filled
                free += placed.filled if placed.order.side == "buy" else -sold
        return free

    def move(self) -> None:
        """Let what rests fill a little, or be canceled by the venue."""
        self.settle()
        for placed in self.orders:
            if placed.state is VenueOrderState.OPEN and self.random is not None:
                chance = self.random.random()
                if chance < 0.3:
                    self.fill(placed, placed.order.quantity / 2)
                elif chance < 0.4:
                    placed.state = VenueOrderState.CANCELED

    def _accept(self, request: OrderRequest, fault: str, at: datetime | None = None) -> AtVenue | str:
        now, order = at or self._clock(), request.order
        if self.terms.fence and now > request.deadline:
            return "-1021"
        # Unique among open orders only: what has ended does not stand in the way of a second one.
        if any(
            placed.order.client_order_id == order.client_order_id and placed.state is VenueOrderState.OPEN
            for placed in self.orders
        ):
            return "duplicate"
        if order.side == "sell" and order.quantity > self._free(order.leg):
            self.clashes.append(order.order_id)
        number = 1 + sum(placed.order.instrument == order.instrument for placed in self.orders)
        accepted = AtVenue(number, order, now, request.claimed_at)
        self.orders.append(accepted)
        if fault != "rests" and order.kind != "stop":
            self.fill(accepted, order.quantity / 2 if fault == "partly" else order.quantity)
        if order.time_in_force == "ioc" and accepted.state is VenueOrderState.OPEN:
            accepted.state = VenueOrderState.EXPIRED
        return accepted

    def _is_unfit(self, order: Order) -> bool:
        rules = self.listed.get(order.instrument)
        if rules is None:
            return bool(self.listed)
        return bool((order.limit_price or Decimal(0)) % rules.tick or order.quantity % rules.lot)

    def _fault(self) -> str:
        if self.faults:
            return self.faults.pop(0)
        if self.random is not None and self.random.random() < RATE:
            return self.random.choice(PLACING)
        return ""

    def _read(self) -> None:
        self.settle()
        if self.silent or (self.random is not None and not self.faults and self.random.random() < RATE / 10):
            raise VenueUnavailable("box: no answer")
