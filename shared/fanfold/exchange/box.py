"""The exchange as a caller meets it: a request in, an answer out, without a socket."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from itertools import count
from typing import Any, NamedTuple

from fanfold.desk import Instrument
from fanfold.exchange.handlers import ExchangeRoute, TradingFloor, dump, names
from fanfold.exchange.liquidity import MarketMaker, SymbolMarket
from fanfold.exchange.listings import Listing
from fanfold.exchange.parameters import Params, params_of
from fanfold.exchange.refusals import ExchangeRefusal
from fanfold.exchange.request_limits import RequestLimits, RequestMeter
from fanfold.exchange.routes import route_of
from fanfold.exchange.signing import ApiCredentials, check_key, check_signature, check_time
from fanfold.exchange.spot import FLOW, PlacedOrder, SpotExchange
from fanfold.exchange.tape_market import TapeMarket
from fanfold.market.bars import Series
from fanfold.market.tape import Tape
from fanfold.matching.engine import OrderEvent
from fanfold.matching.wallets import FeeCharge, FeeRates
from fanfold.messages import Side

JSON = "application/json;charset=UTF-8"
FEES = FeeRates(maker_bps=Decimal(10), taker_bps=Decimal(10))


class BoxRequest(NamedTuple):
    """A request as it came: query and body are text, because the signature is over them."""

    method: str
    path: str
    query: str = ""
    body: str = ""
    key: str = ""


class BoxAnswer(NamedTuple):
    """An answer: status, body and headers."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}
    content_type: str = JSON


def refusal_answer(refusal: ExchangeRefusal, headers: Mapping[str, str] | None = None) -> BoxAnswer:
    """Return a refusal as an answer."""
    document: dict[str, Any] = {"code": refusal.code, "msg": refusal.text}
    if refusal.data is not None:
        document["data"] = refusal.data
    return BoxAnswer(refusal.status, dump(document), headers or {})


class Box:
    """An exchange with its markets. The caller says what time it is, in ms; it never goes back."""

    def __init__(
        self,
        recorded: Sequence[Series | Tape],
        instruments: Mapping[str, Instrument],
        deposits: Mapping[str, Decimal],
        *,
        seed: int,
        started_at_ms: int,
        limits: RequestLimits,
    ) -> None:
        listings = [Listing.of(instruments[history.instrument]) for history in recorded]
        self.exchange = SpotExchange(listings, deposits, FEES)
        self.credentials = ApiCredentials.of(seed)
        self.meter = RequestMeter(limits)
        self.makers: dict[str, SymbolMarket] = {
            history.instrument.replace("/", ""): TapeMarket(self.exchange, history, seed)
            if isinstance(history, Tape)
            else MarketMaker(self.exchange, history, seed)
            for history in recorded
        }
        for maker in self.makers.values():
            # What was traded a while before is told by candles alone.
            maker.skip_to(started_at_ms - 600_000)
        self.exchange.listeners.append(self._forgive)
        self._updates = count(1)
        self.before_snapshot: list[Callable[[], None]] = []
        self.floor = TradingFloor(self.exchange, self.makers, self.meter, names("box"), self.number_update)
        self.advance(started_at_ms)

    def number_update(self) -> int:
        """Return the number of the books' present state, once the streams have told what led to it."""
        for tell in self.before_snapshot:
            tell()
        return self.next_update()

    def next_update(self) -> int:
        return next(self._updates)

    def advance(self, now_ms: int) -> None:
        """Let the markets walk on."""
        for maker in self.makers.values():
            maker.advance(now_ms)

    def answer(self, request: BoxRequest, now_ms: int, skew_ms: int = 0) -> BoxAnswer:
        """Answer a request; ``skew_ms`` is how far the exchange's idea of the time is off."""
        route = route_of(request.method, request.path)
        if route is None:
            return refusal_answer(ExchangeRefusal(-1000, f"{request.method} {request.path} is not served.", 404))
        headers: dict[str, str] = {}
        try:
            params = params_of(request.query, request.body)
            used = self.meter.weigh(route.weigh(params), now_ms)
            headers["X-MBX-USED-WEIGHT"] = headers["X-MBX-USED-WEIGHT-1M"] = str(used)
            self._admit(request, route, params, now_ms + skew_ms)
            if route.orders:
                headers |= self.meter.count_orders(route.orders, now_ms)
            if route.security == "signed":
                check_time(params, now_ms + skew_ms)
            return BoxAnswer(
                200, dump(route.handler(self.floor, params, now_ms + _if_clock(request, skew_ms))), headers
            )
        except ExchangeRefusal as refusal:
            if refusal.status in {418, 429}:
                headers["Retry-After"] = str(self.meter.retry_after_s(now_ms))
            return refusal_answer(refusal, headers)

    def fill_behind(self, placed: PlacedOrder, now_ms: int, lag_ms: int) -> None:
        """Fill half of an order that rests, and tell of it only after a while."""
        order, symbol = placed.order, placed.listing.symbol
        engine = self.exchange.engines[symbol]
        if order.limit is None or not engine.book.holds(order):
            return
        self.makers[symbol].withdraw(now_ms)
        placed.shown, placed.shown_until_ms = order, now_ms + lag_ms
        lots = int(order.remaining / placed.listing.lot)
        side: Side = "sell" if order.side == "buy" else "buy"
        self.exchange.trade_delay_ms = lag_ms
        quantity = placed.listing.lot * max(lots // 2, 1)
        self.exchange.market_order(symbol, FLOW, side, now_ms, quantity=quantity, price=order.limit)
        self.exchange.trade_delay_ms = 0

    def _admit(self, request: BoxRequest, route: ExchangeRoute, params: Params, now_ms: int) -> None:
        """Check who asks, and that the path takes what was sent."""
        if route.security != "none":
            check_key(self.credentials, request.key)
        route.check_names(params)
        if route.security == "signed":
            check_time(params, now_ms)
            check_signature(self.credentials, request.key, request.query, request.body, params)

    def _forgive(self, event: OrderEvent, placed: PlacedOrder, _fee: FeeCharge | None) -> None:
        if event.trade is not None and event.order.filled == event.trade.quantity:
            self.meter.forgive(event.at_ms)


def _if_clock(request: BoxRequest, skew_ms: int) -> int:
    """Return the skew for what tells the time; orders and trades keep the true one."""
    return skew_ms if request.path.endswith("/time") else 0
