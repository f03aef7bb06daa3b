"""Prices and fees of fills on paper, from a bar or a quote; ``fanfold.matching.fills`` has the rules."""

from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple

import msgspec

from fanfold import money
from fanfold.desk import Account, Instrument
from fanfold.errors import BadInput
from fanfold.matching.book import RestingOrder
from fanfold.messages import Order, Side
from fanfold.money import ZERO


class FillModel(msgspec.Struct, frozen=True, kw_only=True):
    """The cost of fills: rates in basis points of notional, participation as a share of a bar's volume."""

    taker_bps: Decimal
    maker_bps: Decimal
    spread_bps: Decimal
    slippage_bps: Decimal
    participation_max: Decimal
    tick: Decimal
    lot: Decimal
    spot: bool = False

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
            spot=account.kind == "spot",
        )


class CandlePrices(msgspec.Struct, frozen=True):
    """The prices of a bar that decide fills: times in epoch seconds, prices in quote, volume in base."""

    opens_at: int
    closes_at_s: int
    open: Decimal
    high: Decimal
    low: Decimal
    volume: Decimal


class Quote(NamedTuple):
    """The best bid and ask at a moment."""

    bid: Decimal
    ask: Decimal
    at: datetime


class Match(msgspec.Struct, frozen=True):
    """The price at which an order fills, and whether as maker or taker."""

    price: Decimal
    liquidity: Literal["taker", "maker"]


def match(resting: RestingOrder, bar: CandlePrices, model: FillModel) -> Match | None:
    """Match an order against a bar that has volume. Return None if it does not fill."""
    if resting.at_market:
        return _taker(resting.order.side, bar.open, model)
    return _limit(resting.order, bar, model) if resting.order.kind == "limit" else _stop(resting.order, bar, model)


def _taker(side: Side, reference: Decimal, model: FillModel) -> Match:
    return Match(worsened(side, reference, model.spread_bps / 2 + model.slippage_bps, model.tick), "taker")


def _limit(order: Order, bar: CandlePrices, model: FillModel) -> Match | None:
    buys, limit = order.side == "buy", required_price(order.limit_price, order)
    beyond = limit - model.tick if buys else limit + model.tick
    ioc = order.time_in_force == "ioc"
    # Later it is the market that comes: where a bar opens beyond the limit it went through it, and paid what was asked.
    arrives = ioc or bar.opens_at - order.sendable_at.timestamp() < bar.closes_at_s - bar.opens_at
    # Nothing is below a tick, so who sells for that takes whatever is bid.
    if arrives and (bar.open <= beyond if buys else bar.open >= beyond or limit <= model.tick):
        worse = _taker(order.side, bar.open, model).price
        return Match(min(worse, limit) if buys else max(worse, limit), "taker")
    reached = bar.low <= beyond if buys else bar.high >= beyond
    return Match(limit, "maker") if reached and not ioc else None


def _stop(order: Order, bar: CandlePrices, model: FillModel) -> Match | None:
    """Match a stop; of a pair with a profit the stop comes first, where a bar touches both."""
    buys, stop, profit = order.side == "buy", order.stop_price, order.profit_price
    if stop is not None and (bar.high >= stop if buys else bar.low <= stop):
        return _taker(order.side, max(stop, bar.open) if buys else min(stop, bar.open), model)
    if not profit:
        return None
    beyond = bar.low <= profit - model.tick if buys else bar.high >= profit + model.tick
    return Match(profit, "maker") if beyond else None


def worsened(side: Side, reference: Decimal, bps: Decimal, tick: Decimal) -> Decimal:
    """Move a price against the side by basis points, then to the next tick."""
    moved = reference * bps.scaleb(-4)
    if side == "buy":
        return money.ceil_to(reference + moved, tick)
    # Under one tick there is no price.
    return money.floor_to(reference - moved, tick) or reference


def cost(match: Match, model: FillModel, quantity: Decimal) -> Decimal:
    """Return the cost of a quantity including its fee."""
    return match.price * quantity + fee(match, model, quantity)


def fee(match: Match, model: FillModel, quantity: Decimal) -> Decimal:
    """Return the fee of a fill, rounded up to a step of cash."""
    return money.ceil_to((match.price * quantity * bps(match, model)).scaleb(-4), money.CASH_STEP)


def bps(match: Match, model: FillModel) -> Decimal:
    """Return the fee rate of a match: maker or taker."""
    return model.taker_bps if match.liquidity == "taker" else model.maker_bps


def past_limit(order: Order, price: Decimal) -> bool:
    """Return whether a price is worse than the order's limit."""
    if order.kind != "limit":
        return False
    limit = required_price(order.limit_price, order)
    return price > limit if order.side == "buy" else price < limit


def required_price(price: Decimal | None, order: Order) -> Decimal:
    """Return the price that the order's kind needs. Raises BadInput if it is missing."""
    if price is None or price <= ZERO:
        raise BadInput(f"{order.kind} order {order.order_id} has the price {price}; give it one above zero")
    return price
