"""How an order on paper fills inside a bar, alike for the paper venue and the backtest.

Where a bar leaves room, the worse for the order:

- A bar that closed at or before the order's decision does nothing. An order that expires, or was canceled, at or before
  the bar's open ends before it can fill. A bar without volume fills nothing.
- Market: at the open, worsened.
- Limit: in the bar that it arrives in, if that opens beyond the limit, at the open, worsened, but not past the limit.
  Else as maker at its limit, if the bar trades beyond it. Beyond is by a tick or more: at the limit, others may be in
  front.
- Stop: once the bar touches it, at the worse of stop and open, worsened. What does not fill then is a market order from
  then on.
- Worsened: by half the spread and the slippage, then to the next tick, against the order, which pays the taker fee.
- An order arrives in the bar that is under way when it is decided; an ioc order in the first bar that it meets. What an
  ioc order does not take on arrival (a stop: when triggered) expires.
- All orders together take at most the participation of the bar's volume, in whole lots, the first to arrive first.
- A fee is rounded up to a whole step of cash. A fill is dated by the close of its bar, when it became known.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal, NamedTuple

import msgspec

from fanfold import money, names, timeframes
from fanfold.bars import Bar, Series
from fanfold.desk import Account, Instrument
from fanfold.messages import Fill, Order, Side, State
from fanfold.money import ZERO, exact
from fanfold.orders import TERMINAL
from fanfold.refusals import BadInput
from fanfold.resting import Resting


class FillModel(msgspec.Struct, frozen=True, kw_only=True):
    """What filling costs: rates in basis points of notional, participation as a share of a bar's volume."""

    taker_bps: Decimal
    maker_bps: Decimal
    spread_bps: Decimal
    slippage_bps: Decimal
    participation_max: Decimal
    tick: Decimal
    lot: Decimal

    @classmethod
    def of(cls, account: Account, instrument: Instrument) -> "FillModel":
        return cls(
            taker_bps=account.taker_bps,
            maker_bps=account.maker_bps,
            spread_bps=account.spread_bps,
            slippage_bps=account.slippage_bps,
            participation_max=account.participation_max,
            tick=instrument.tick,
            lot=instrument.lot,
        )


class Candle(NamedTuple):
    """What of a bar decides fills: times in epoch seconds, prices in quote and volume in base units."""

    opens_at: int
    closes_at: int
    open: Decimal
    high: Decimal
    low: Decimal
    volume: Decimal


class Quote(NamedTuple):
    """The best prices of a market at a moment."""

    bid: Decimal
    ask: Decimal
    at: datetime


class Match(NamedTuple):
    """The price at which an order meets a bar or a quote, and on which side of the fee schedule."""

    price: Decimal
    liquidity: Literal["taker", "maker"]


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """An order after bars or a quote: what is left of it, where that leaves its life, and its fills on the way."""

    resting: Resting
    state: State
    fills: tuple[Fill, ...] = ()


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """What new bars or quotes do to an account's orders, as of a version of its book.

    Orders that nothing happened to are left out. ``settled`` is, per instrument, the close (epoch seconds) of the
    newest bar that was looked at.
    """

    account: str
    version: int
    resolutions: list[Resolution]
    settled: dict[str, int]


def candle(series: Series, bar: Bar) -> Candle:
    opens_at = bar.closes_at - timeframes.seconds(series.timeframe)
    first, high, low = map(series.price, (bar.open, bar.high, bar.low))
    return Candle(opens_at, bar.closes_at, first, high, low, series.volume(bar.volume))


def check(order: Order) -> None:
    """Raises BadInput for an order that lacks the price of its kind."""
    if order.kind == "limit":
        _given(order.limit_price, order)
    if order.kind == "stop":
        _given(order.stop_price, order)


def standing(resting: Resting) -> Resolution:
    """An order that nothing happened to."""
    return Resolution(resting=resting, state=State.PARTIAL if resting.filled else State.OPEN)


@exact
def walk(resting: Iterable[Resting], bars: Iterable[Candle], model: FillModel) -> list[Resolution]:
    """Orders of one instrument, first to arrive first, after bars in time order."""
    now = [standing(one) for one in resting]
    for bar in bars:
        room = capacity(bar, model)
        for at, before in enumerate(now):
            if before.state not in TERMINAL:
                after = resolve(before.resting, bar, model, room)
                room -= after.resting.filled - before.resting.filled
                now[at] = msgspec.structs.replace(after, fills=before.fills + after.fills)
    return now


@exact
def capacity(bar: Candle, model: FillModel) -> Decimal:
    """What all orders together may take of a bar, in whole lots."""
    return money.floor_to(bar.volume * model.participation_max, model.lot)


@exact
def resolve(resting: Resting, bar: Candle, model: FillModel, room: Decimal) -> Resolution:
    """An order after one bar, of which it may take ``room``."""
    if bar.closes_at <= resting.order.decided_at.timestamp():
        return standing(resting)
    ended = _ended(resting, bar.opens_at)
    if ended:
        return Resolution(resting=resting, state=ended)
    match = _match(resting, bar, model) if bar.volume else None
    if match is None:
        return _after(resting, ())
    quantity = min(resting.remaining, room)
    stops = resting.order.kind == "stop"
    reached = msgspec.structs.replace(resting, filled=resting.filled + quantity, triggered=stops)
    if not quantity:
        return _after(reached, ())
    trade_id = names.name("trade", resting.order.client_order_id, bar.closes_at)
    at = datetime.fromtimestamp(bar.closes_at, UTC)
    return _after(reached, (_fill(resting.order, match, model, quantity=quantity, trade_id=trade_id, at=at),))


@exact
def take(resting: Resting, quote: Quote, model: FillModel) -> Resolution:
    """An order at market after a quote: all of it at the touch and the slippage, for a quote tells no size."""
    order = resting.order
    if quote.at < order.decided_at:
        return standing(resting)
    ended = _ended(resting, quote.at.timestamp())
    if ended:
        return Resolution(resting=resting, state=ended)
    touch = quote.ask if order.side == "buy" else quote.bid
    match = Match(_worsened(order.side, touch, model.slippage_bps, model.tick), "taker")
    trade_id = names.name("trade", order.client_order_id, "quote")
    fill = _fill(order, match, model, quantity=resting.remaining, trade_id=trade_id, at=quote.at)
    return _after(msgspec.structs.replace(resting, filled=order.quantity), (fill,))


def _ended(resting: Resting, at: float) -> State | None:
    if resting.canceled_at is not None and resting.canceled_at.timestamp() <= at:
        return State.CANCELED
    return State.EXPIRED if resting.order.expires_at.timestamp() <= at else None


def _after(resting: Resting, fills: tuple[Fill, ...]) -> Resolution:
    waits = resting.order.kind == "stop" and not resting.triggered
    if not resting.remaining:
        state = State.FILLED
    elif resting.order.time_in_force == "ioc" and not waits:
        state = State.EXPIRED
    else:
        state = standing(resting).state
    return Resolution(resting=resting, state=state, fills=fills)


def _match(resting: Resting, bar: Candle, model: FillModel) -> Match | None:
    if resting.at_market:
        return _taker(resting.order.side, bar.open, model)
    return _limit(resting.order, bar, model) if resting.order.kind == "limit" else _stop(resting.order, bar, model)


def _taker(side: Side, reference: Decimal, model: FillModel) -> Match:
    return Match(_worsened(side, reference, model.spread_bps / 2 + model.slippage_bps, model.tick), "taker")


def _limit(order: Order, bar: Candle, model: FillModel) -> Match | None:
    buys, limit = order.side == "buy", _given(order.limit_price, order)
    beyond = limit - model.tick if buys else limit + model.tick
    ioc = order.time_in_force == "ioc"
    # Later it is the market that comes: where a bar opens beyond the limit it went through it, and paid what was asked.
    arrives = ioc or bar.opens_at <= order.decided_at.timestamp()
    if arrives and (bar.open <= beyond if buys else bar.open >= beyond):
        worse = _taker(order.side, bar.open, model).price
        return Match(min(worse, limit) if buys else max(worse, limit), "taker")
    reached = bar.low <= beyond if buys else bar.high >= beyond
    return Match(limit, "maker") if reached and not ioc else None


def _stop(order: Order, bar: Candle, model: FillModel) -> Match | None:
    stop = _given(order.stop_price, order)
    if order.side == "buy":
        return _taker(order.side, max(stop, bar.open), model) if bar.high >= stop else None
    return _taker(order.side, min(stop, bar.open), model) if bar.low <= stop else None


def _worsened(side: Side, reference: Decimal, bps: Decimal, tick: Decimal) -> Decimal:
    moved = reference * bps.scaleb(-4)
    if side == "buy":
        return money.ceil_to(reference + moved, tick)
    # Under one tick there is no price.
    return money.floor_to(reference - moved, tick) or reference


def _fill(order: Order, match: Match, model: FillModel, *, quantity: Decimal, trade_id: str, at: datetime) -> Fill:
    bps = model.taker_bps if match.liquidity == "taker" else model.maker_bps
    return Fill(
        trade_id=trade_id,
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        account=order.account,
        venue=order.venue,
        instance=order.instance,
        instrument=order.instrument,
        side=order.side,
        price=match.price,
        quantity=quantity,
        fee=money.ceil_to((match.price * quantity * bps).scaleb(-4), money.CASH_STEP),
        liquidity=match.liquidity,
        at=at,
    )


def _given(price: Decimal | None, order: Order) -> Decimal:
    if price is None or price <= ZERO:
        raise BadInput(f"{order.kind} order {order.order_id} has the price {price}; give it one above zero")
    return price
