"""The rules by which an order on paper fills inside a bar, alike for the paper venue and the backtest.

Where a bar leaves room, the worse for the order:

- A bar counts that opened at the order's decision or later, for a slice when it was due or later: of one that was under
  way, nobody knows which prices came after. An order that was canceled, or that expires at or before the bar's open,
  ends before it can fill. One that expires inside the bar meets its open alone, and ends with the bar. A bar without
  volume fills nothing.
- Market: at the open, worsened.
- Limit: in the bar that it arrives in, if that opens beyond the limit, at the open, worsened, but not past the limit.
  Else as maker at its limit, if the bar trades beyond it. Beyond is by a tick or more: at the limit, others may be in
  front. A sale for one tick, the lowest price there is, takes at the open of its first bar.
- Post-only: a limit order that would take in the bar that it arrives in is canceled.
- Stop: once the bar touches it, at the worse of stop and open, worsened. What does not fill then is a market order from
  then on. The profit of a pair fills as a limit order that rests, if the bar does not touch the stop; what of it does
  not fill is a market order, too.
- Worsened: by half the spread and the slippage, then to the next tick, against the order, which pays the taker fee.
- An order arrives in the first bar after its decision; an ioc order in the first bar that it meets. What an ioc order
  does not take on arrival (a stop: when triggered) expires.
- A purchase for a spot account fills as much as is left of its reservation pays for; the rest expires.
- All orders together take at most the participation of the bar's volume, in whole lots, the first to arrive first.
- A fee is rounded up to a whole step of cash. A fill is dated by the close of its bar, when it became known.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from fanfold import ids, money
from fanfold.market import timeframes
from fanfold.market.bars import Bar, Series
from fanfold.matching import prices
from fanfold.matching.book import RestingOrder
from fanfold.matching.prices import CandlePrices, FillModel, Match, Quote
from fanfold.messages import Fill, Order, OrderState
from fanfold.money import ZERO, exact
from fanfold.records import TERMINAL


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """An order after bars or a quote: what is left of it, where that leaves its life, and its fills on the way.

    ``venue_order_id`` is a real venue's, which acknowledges the order by it.
    """

    resting: RestingOrder
    state: OrderState
    fills: tuple[Fill, ...] = ()
    venue_order_id: str = ""


class MatchResult(msgspec.Struct, frozen=True, kw_only=True):
    """The effect of new bars or quotes on an account's orders, as of a version of its book.

    ``resting`` is all that rested; of the resolutions, unchanged orders are left out. ``matched_through_s`` is, per
    instrument, the close of the newest bar that was looked at.
    """

    account: str
    version: int
    resting: list[RestingOrder]
    resolutions: list[Resolution]
    matched_through_s: dict[str, int]


def candle(series: Series, bar: Bar) -> CandlePrices:
    opens_at = bar.closes_at_s - timeframes.seconds(series.timeframe)
    first, high, low = map(series.price, (bar.open, bar.high, bar.low))
    return CandlePrices(opens_at, bar.closes_at_s, first, high, low, series.volume(bar.volume))


def check(order: Order) -> None:
    """Raise BadInput if an order lacks the price that its kind needs."""
    if order.kind == "limit":
        prices.required_price(order.limit_price, order)
    if order.kind == "stop":
        prices.required_price(order.stop_price or order.profit_price or None, order)


def unchanged(resting: RestingOrder) -> Resolution:
    """Return the resolution of an order that did not change."""
    return Resolution(resting=resting, state=OrderState.PARTIAL if resting.filled else OrderState.OPEN)


def resolve_unmatched(resting: RestingOrder) -> Resolution:
    """Resolve an order that no price reaches: it ends if it was canceled."""
    return Resolution(resting=resting, state=OrderState.CANCELED) if resting.canceled_at else unchanged(resting)


def closes(order: Order) -> bool:
    """Return whether an order closes all of a position that exists, within a bound."""
    return order.reduce_only and order.kind == "limit" and order.time_in_force == "ioc"


@exact
def close_delisted(resting: RestingOrder, taker_bps: Decimal) -> Resolution:
    """Resolve an order of an instrument that the desk does not have any more, so that no price of it comes.

    An order that closes a position fills at the worst price that it allows; any other can only end.
    """
    order = resting.order
    if resting.canceled_at is not None or not closes(order):
        return resolve_unmatched(resting)
    model = FillModel(
        taker_bps=taker_bps,
        maker_bps=taker_bps,
        spread_bps=ZERO,
        slippage_bps=ZERO,
        participation_max=ZERO,
        tick=money.CASH_STEP,
        lot=money.CASH_STEP,
    )
    match = Match(prices.required_price(order.limit_price, order), "taker")
    trade_id = ids.derive("trade", order.client_order_id, "wound up")
    return _filled(resting, match, model, room=resting.remaining, trade_id=trade_id, at=order.decided_at)


def expired(resolution: Resolution, at: datetime) -> Resolution:
    """Return the resolution with the order expired, if it expired by then and has not ended otherwise."""
    if resolution.state in TERMINAL or resolution.resting.order.expires_at > at:
        return resolution
    return msgspec.structs.replace(resolution, state=OrderState.EXPIRED)


@exact
def resolve_all(resting: Iterable[RestingOrder], bars: Iterable[CandlePrices], model: FillModel) -> list[Resolution]:
    """Resolve the orders of one instrument, in order of arrival, against bars in time order."""
    now = [resolve_unmatched(order) for order in resting]
    for bar in bars:
        room = capacity(bar, model)
        for at, before in enumerate(now):
            if before.state not in TERMINAL:
                after = resolve(before.resting, bar, model, room)
                room -= after.resting.filled - before.resting.filled
                now[at] = msgspec.structs.replace(after, fills=before.fills + after.fills)
    return now


@exact
def capacity(bar: CandlePrices, model: FillModel) -> Decimal:
    """Return how much of a bar's volume all orders together may fill, in whole lots."""
    return money.floor_to(bar.volume * model.participation_max, model.lot)


@exact
def resolve(resting: RestingOrder, bar: CandlePrices, model: FillModel, room: Decimal) -> Resolution:
    """Resolve an order against one bar, of which it may fill ``room``."""
    order = resting.order
    ended = _ended(resting, datetime.fromtimestamp(bar.opens_at, UTC))
    if ended:
        return Resolution(resting=resting, state=ended)
    if bar.opens_at < order.sendable_at.timestamp():
        return unchanged(resting)
    known = _known(order, bar)
    match = prices.match(resting, known, model) if bar.volume else None
    if match is None:
        return _after(resting, (), over=known is not bar)
    if order.post_only and match.liquidity == "taker":
        refused = msgspec.structs.replace(resting, reason="it is post-only, and would have taken")
        return Resolution(resting=refused, state=OrderState.CANCELED)
    trade_id = ids.derive("trade", order.client_order_id, bar.closes_at_s)
    at = datetime.fromtimestamp(bar.closes_at_s, UTC)
    return _filled(resting, match, model, room=room, trade_id=trade_id, at=at, over=known is not bar)


@exact
def take(resting: RestingOrder, quote: Quote, model: FillModel) -> Resolution:
    """Resolve an order that takes against a quote: all of it at touch and slippage, because a quote has no size."""
    order = resting.order
    ended = _ended(resting, quote.at)
    if ended:
        return Resolution(resting=resting, state=ended)
    if quote.at < order.sendable_at:
        return unchanged(resting)
    touch = quote.ask if order.side == "buy" else quote.bid
    price = prices.worsened(order.side, touch, model.slippage_bps, model.tick)
    if prices.past_limit(order, price):
        return _after(resting, ())
    # The quantity before tells the fills of two quotes apart.
    trade_id = ids.derive("trade", order.client_order_id, "quote", *([resting.filled] if resting.filled else []))
    match = Match(price, "taker")
    return _filled(resting, match, model, room=resting.remaining, trade_id=trade_id, at=quote.at)


def _filled(
    resting: RestingOrder,
    match: Match,
    model: FillModel,
    *,
    room: Decimal,
    trade_id: str,
    at: datetime,
    over: bool = False,
) -> Resolution:
    wanted = min(resting.remaining, room)
    quantity = _paid_for(wanted, resting, match, model)
    fills = (_fill(resting.order, match, model, quantity=quantity, trade_id=trade_id, at=at),) if quantity else ()
    reached = msgspec.structs.replace(
        resting,
        filled=resting.filled + quantity,
        spent=resting.spent + sum((fill.price * fill.quantity + fill.fee for fill in fills), ZERO),
        triggered=resting.order.kind == "stop" and (match.liquidity == "taker" or quantity > 0),
    )
    return _after(reached, fills, over=over or quantity < wanted)


def _paid_for(wanted: Decimal, resting: RestingOrder, match: Match, model: FillModel) -> Decimal:
    """Return the part of a quantity that its reservation still pays for, in whole lots; all of it but for spot buys."""
    left = resting.order.reserved - resting.spent
    if not model.spot or resting.order.side == "sell" or prices.cost(match, model, wanted) <= left:
        return wanted
    # The fee is rounded up, so a step of cash is kept for it.
    unit = match.price + match.price * prices.bps(match, model).scaleb(-4)
    return max(money.floor_to(money.ratio(left - money.CASH_STEP, unit), model.lot), ZERO)


def _known(order: Order, bar: CandlePrices) -> CandlePrices:
    """Return the part of a bar that is known to precede the order's end: all of it, or only its open."""
    if bar.closes_at_s <= order.expires_at.timestamp():
        return bar
    return msgspec.structs.replace(bar, high=bar.open, low=bar.open)


def _ended(resting: RestingOrder, since: datetime) -> OrderState | None:
    if resting.canceled_at is not None:
        return OrderState.CANCELED
    # What was over when the order was decided says nothing of its end.
    return OrderState.EXPIRED if max(resting.order.expires_at, resting.order.sendable_at) <= since else None


def _after(resting: RestingOrder, fills: tuple[Fill, ...], *, over: bool = False) -> Resolution:
    """Return the resolution after a bar; ``over`` says that the rest of the order ends with it."""
    waits = resting.order.kind == "stop" and not resting.triggered
    if not resting.remaining:
        state = OrderState.FILLED
    elif over or (resting.order.time_in_force == "ioc" and not waits):
        state = OrderState.EXPIRED
    else:
        state = unchanged(resting).state
    return Resolution(resting=resting, state=state, fills=fills)


def _fill(order: Order, match: Match, model: FillModel, *, quantity: Decimal, trade_id: str, at: datetime) -> Fill:
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
        fee=prices.fee(match, model, quantity),
        liquidity=match.liquidity,
        at=at,
    )
