"""The exchange itself: orders, trades and balances of one account over a matching engine a symbol. It does no I/O."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from itertools import count

import msgspec

from fanfold.errors import BadInput
from fanfold.exchange.listings import ALGO_ORDERS_MAX, ORDERS_MAX, Listing
from fanfold.exchange.order_request import SpotOrder
from fanfold.exchange.refusals import ExchangeRefusal, rejected
from fanfold.matching.engine import EngineTrade, MatchingEngine, OrderEvent
from fanfold.matching.order_book import BookOrder, SelfTradePrevention
from fanfold.matching.wallets import FeeCharge, FeeRates, Wallets
from fanfold.messages import Side
from fanfold.money import EXACT, ZERO

# The account that keys belong to, and who quotes and trades on the other side.
OWNER, QUOTES, FLOW = "account", "quotes", "flow"
TAPE_MAX = 5_000
# A purchase at market that waits for a trigger may pay so much more than the trigger.
STOP_ROOM = Decimal("1.05")
REASONS = {
    "would take": "Order would immediately match and take.",
    "would trigger immediately": "Order would trigger immediately.",
}


class PlacedOrder(msgspec.Struct, kw_only=True):
    """An order of the account as it is now, with what the exchange tells of it.

    Queries do not find it before ``visible_at_ms``; until ``shown_until_ms`` they see ``shown``.
    """

    listing: Listing
    order: BookOrder
    type: str
    client_order_id: str
    placed_at_ms: int
    updated_at_ms: int
    list_client_id: str = ""
    cancel_id: str = ""
    quote_quantity: Decimal = ZERO
    labels: tuple[tuple[str, int], ...] = ()
    working_at_ms: int = -1
    expiry_reason: str = ""
    visible_at_ms: int = 0
    shown: BookOrder | None = None
    shown_until_ms: int = 0

    def seen(self, now_ms: int) -> BookOrder:
        """Return the order as a query sees it."""
        return self.shown if self.shown is not None and now_ms < self.shown_until_ms else self.order


class OwnTrade(msgspec.Struct, frozen=True, kw_only=True):
    """A trade of the account; queries find it from ``visible_at_ms`` on."""

    placed: PlacedOrder
    trade: EngineTrade
    fee: FeeCharge
    is_maker: bool
    visible_at_ms: int = 0


class SpotExchange:
    """All state of the exchange. Every change is told to ``listeners``, with the order and the fee of a trade."""

    def __init__(self, listings: Iterable[Listing], deposits: Mapping[str, Decimal], rates: FeeRates) -> None:
        self.listings = {listing.symbol: listing for listing in listings}
        self.engines = {symbol: MatchingEngine(listing.lot) for symbol, listing in self.listings.items()}
        self.tapes: dict[str, deque[EngineTrade]] = {symbol: deque(maxlen=TAPE_MAX) for symbol in self.listings}
        self.wallets = Wallets(frozenset({QUOTES, FLOW}))
        self.rates = rates
        # Where the account pays fees in the exchange's coin, its name.
        self.fee_coin = ""
        self.orders: dict[int, PlacedOrder] = {}
        self.trades: list[OwnTrade] = []
        self.listeners: list[Callable[[OrderEvent, PlacedOrder, FeeCharge | None], None]] = []
        self.trade_delay_ms = 0
        self._ids, self._pairs = count(1), count(1)
        self._by_client_id: dict[str, list[int]] = {}
        for asset, amount in deposits.items():
            self.wallets.deposit(OWNER, asset, amount)

    def deposit(self, asset: str, amount: Decimal) -> None:
        """Add to the account's free balance; below zero is a withdrawal. Raises BadInput for more than is free."""
        free = self.wallets.balance(OWNER, asset).free
        if not amount.is_finite() or EXACT.add(free, amount) < 0:
            raise BadInput(f"{amount} {asset}: the account has {free} free")
        self.wallets.deposit(OWNER, asset, amount)

    def listing(self, symbol: str | None) -> Listing:
        listing = self.listings.get(symbol or "")
        if listing is None:
            raise ExchangeRefusal(-1121, "Invalid symbol.")
        return listing

    def last(self, symbol: str) -> Decimal | None:
        return self.engines[symbol].last

    def place(self, request: SpotOrder, at_ms: int) -> PlacedOrder:
        """Take in an order of the account. Raises ExchangeRefusal where it is rejected."""
        return self._submit([self._placed(request, at_ms)], at_ms)[0]

    def place_pair(self, requests: tuple[SpotOrder, SpotOrder], list_client_id: str, at_ms: int) -> list[PlacedOrder]:
        """Take in an OCO: both orders or none."""
        pair = next(self._pairs)
        placed = [self._placed(request, at_ms, pair) for request in requests]
        for order in placed:
            order.list_client_id = list_client_id
        is_open = any(order.list_client_id == list_client_id for order in self.open_orders())
        if is_open or placed[0].client_order_id == placed[1].client_order_id:
            raise rejected("Duplicate order sent.")
        return self._submit(placed, at_ms)

    def find(self, symbol: str, order_id: str | None, client_order_id: str | None) -> PlacedOrder | None:
        """Return an order by its id, or the newest of a client order id, whichever was sent."""
        if order_id:
            order = self.orders.get(int(order_id)) if order_id.isdecimal() else None
            wrong_name = order is not None and client_order_id and order.client_order_id != client_order_id
            return None if order is None or order.listing.symbol != symbol or wrong_name else order
        ids = self._by_client_id.get(client_order_id or "", [])
        orders = [self.orders[number] for number in reversed(ids) if self.orders[number].listing.symbol == symbol]
        return next((order for order in orders if order.order.is_live), orders[0] if orders else None)

    def list_of(self, placed: PlacedOrder) -> list[PlacedOrder]:
        """Return the orders of an order's list; none where it is in no list."""
        pair = placed.order.pair
        return [] if pair is None else [order for order in self.orders.values() if order.order.pair == pair]

    def cancel(self, placed: PlacedOrder, cancel_id: str, at_ms: int) -> None:
        """End an order, and the other of its pair. Raises ExchangeRefusal where it has ended."""
        symbol = placed.listing.symbol
        if not placed.order.is_live:
            raise ExchangeRefusal(-2011, "Unknown order sent.")
        for leg in self.list_of(placed) or [placed]:
            leg.cancel_id = cancel_id
        self.apply(symbol, self.engines[symbol].cancel(placed.order.order_id, at_ms))

    def open_orders(self, symbol: str | None = None) -> list[PlacedOrder]:
        live = (order for order in self.orders.values() if order.order.is_live)
        return [order for order in live if symbol is None or order.listing.symbol == symbol]

    def delist(self, symbol: str, at_ms: int) -> None:
        """Take a symbol off: its open orders expire."""
        ids = [order.order.order_id for order in self.open_orders(symbol)]
        self.apply(symbol, self.engines[symbol].expire(ids, at_ms, "EXCHANGE_CANCELED"))
        del self.listings[symbol]

    def market_order(self, symbol: str, owner: str, side: Side, at_ms: int, **fields: Decimal) -> BookOrder:
        """Submit an order of the market's own: a quote where it has no ``take``, else one that takes."""
        take = owner == FLOW
        order = BookOrder(
            order_id=next(self._ids), owner=owner, side=side, quantity=fields["quantity"], limit=fields["price"],
            time_in_force="ioc" if take else "gtc", maker_only=not take, prevention="none",
        )  # fmt: skip
        self.apply(symbol, self.engines[symbol].submit(order, at_ms=at_ms))
        return order

    def apply(self, symbol: str, events: list[OrderEvent]) -> None:
        """Book events of a symbol's engine, and tell the account's."""
        self.tapes[symbol].extend(self.engines[symbol].take_trades())
        base, quote = (self.listings[symbol].base, self.listings[symbol].quote)
        for event in events:
            rates = self._rates(quote) if event.order.owner == OWNER else FeeRates()
            fee = self.wallets.apply(event, base, quote, rates)
            placed = self.orders.get(event.order.order_id)
            if placed is not None:
                self._record(placed, event, fee)

    def _rates(self, quote: str) -> FeeRates:
        """Return the account's rates for a trade in a quote, with the last price of the coin that it pays in."""
        coin = self.engines.get(f"{self.fee_coin}{quote}")
        price = Decimal(1) if self.fee_coin == quote else coin.last if coin else None
        return self.rates._replace(coin=self.fee_coin, coin_price=price) if self.fee_coin else self.rates

    def _record(self, placed: PlacedOrder, event: OrderEvent, fee: FeeCharge | None) -> None:
        placed.order, placed.updated_at_ms = event.order, event.at_ms
        if placed.working_at_ms < 0 and not event.order.waiting:
            placed.working_at_ms = event.at_ms
        if event.kind == "expired":
            placed.expiry_reason = event.reason
        if event.trade is not None and fee is not None:
            is_maker = event.trade.maker_id == event.order.order_id
            visible = event.at_ms + self.trade_delay_ms
            self.trades.append(
                OwnTrade(placed=placed, trade=event.trade, fee=fee, is_maker=is_maker, visible_at_ms=visible)
            )
        for listener in self.listeners:
            listener(event, placed, fee)

    def _submit(self, placed: list[PlacedOrder], at_ms: int) -> list[PlacedOrder]:
        listing = placed[0].listing
        for order in placed:
            if any(self.orders[other].order.is_live for other in self._by_client_id.get(order.client_order_id, ())):
                raise rejected("Duplicate order sent.")
        self._check_open(placed)
        orders = [order.order for order in placed]
        if not self.wallets.lock(listing.base, listing.quote, *orders):
            raise rejected("Account has insufficient balance for requested action.")
        events = self.engines[listing.symbol].submit(*orders, at_ms=at_ms)
        if events[0].kind == "rejected":
            self.apply(listing.symbol, events)
            raise rejected(REASONS[events[0].reason])
        for order in placed:
            self.orders[order.order.order_id] = order
            self._by_client_id.setdefault(order.client_order_id, []).append(order.order.order_id)
        self.apply(listing.symbol, events)
        return placed

    def _check_open(self, placed: list[PlacedOrder]) -> None:
        """Raise ExchangeRefusal where too many orders of a symbol would be open; what cannot rest is not counted."""
        resting = [order for order in placed if order.order.trigger is not None or order.order.rests]
        live = [*self.open_orders(placed[0].listing.symbol), *resting] if resting else []
        if len(live) > ORDERS_MAX:
            raise rejected("Filter failure: MAX_NUM_ORDERS")
        if sum(order.order.trigger is not None for order in live) > ALGO_ORDERS_MAX:
            raise rejected("Filter failure: MAX_NUM_ALGO_ORDERS")

    def _placed(self, request: SpotOrder, at_ms: int, pair: int | None = None) -> PlacedOrder:
        quantity, quote_max = self._sizes(request)
        order = BookOrder(
            order_id=next(self._ids),
            owner=OWNER,
            side=request.side,
            quantity=quantity,
            limit=request.price,
            time_in_force=request.time_in_force,
            maker_only=request.type == "LIMIT_MAKER",
            trigger=request.trigger,
            quote_max=quote_max,
            prevention=_prevention(request, pair),
            pair=pair,
        )
        return PlacedOrder(
            listing=request.listing,
            order=order,
            type=request.type,
            client_order_id=request.client_order_id,
            quote_quantity=request.quote_quantity or ZERO,
            labels=request.labels,
            placed_at_ms=at_ms,
            updated_at_ms=at_ms,
        )

    def _sizes(self, request: SpotOrder) -> tuple[Decimal, Decimal | None]:
        """Return the quantity of an order, and what a purchase at market may pay at most."""
        book, quantity = self.engines[request.listing.symbol].book, request.quantity
        if quantity is None:
            assert request.quote_quantity is not None
            quantity = book.quantity_of(request.side, request.quote_quantity, request.listing.lot)
            if not quantity:
                raise rejected("Order book liquidity is less than `LOT_SIZE` filter minimum quantity.")
        if request.price is not None or request.side == "sell":
            return quantity, None
        if request.stop_price is not None:
            return quantity, EXACT.multiply(EXACT.multiply(request.stop_price, quantity), STOP_ROOM)
        return quantity, book.quote_of("buy", quantity)[1] or ZERO


def _prevention(request: SpotOrder, pair: int | None) -> SelfTradePrevention:
    """Return the prevention of an order; those of a pair never meet, whatever was sent."""
    return request.prevention if pair is None else "expire_maker"
