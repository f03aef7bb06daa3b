"""The rules of the pre-trade risk check, one function each, in order. The first that objects refuses the order.

A rule returns the figures when it refuses, and None when it passes. Every limit may be met exactly. Missing data
refuses.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Generic, NamedTuple, TypeVar

from fanfold.codes import Code
from fanfold.messages import Target, TradingState
from fanfold.money import ZERO
from fanfold.risk.context import Candidate, Context
from fanfold.risk.exposure import priced
from fanfold.risk.policy import BPS

T = TypeVar("T")


class Rule(NamedTuple, Generic[T]):
    """A rule: its code, its check and its sentence in the documents.

    ``reductions`` says whether orders that only reduce a position are checked as well.
    """

    code: Code
    check: Callable[[T, Context], str | None]
    text: str
    reductions: bool = True


def unknown_account(_: Target, context: Context) -> str | None:
    return context.terms.lacks or None


def unknown_instance(target: Target, context: Context) -> str | None:
    if target.instance in context.terms.capital or _exit_of_the_books(target, context):
        return None
    return f"{target.instance} is not a strategy of account {context.terms.account}"


def unknown_instrument(target: Target, context: Context) -> str | None:
    if (target.instance, target.instrument) in context.terms.legs or _exit_of_the_books(target, context):
        return None
    return f"{target.instrument} is not an instrument of {target.instance}, or its venue's rules are missing"


def _exit_of_the_books(target: Target, context: Context) -> bool:
    """Return whether this closes a position of the books, even one that is not in the desk file."""
    return target.weight == 0.0 and (target.instance, target.instrument) in context.book.held


def bad_target(target: Target, _: Context) -> str | None:
    return None if -1.0 <= target.weight <= 1.0 else f"weight {target.weight} is not from -1 to 1"


def missing_data(target: Target, context: Context) -> str | None:
    mark = context.book.marks.get(target.instrument)
    if mark is None or not priced(mark):
        return f"{target.instrument} has no price above zero: {mark.price if mark else 'no bar was seen'}"
    if target.weight == 0.0:
        return None
    if context.unmarked:
        return f"equity is not known without a price of {', '.join(sorted(context.unmarked))}"
    known = 0.0 < mark.variance < float("inf")
    if not known and context.position_policy((target.instance, target.instrument)).volatility:
        return f"{target.instrument} has no known volatility yet"
    return None


def kill_state(candidate: Candidate, context: Context) -> str | None:
    state, reduces = context.book.trading_state, candidate.order.reduce_only
    if state is TradingState.ACTIVE or (reduces and state in (TradingState.REDUCE_ONLY, TradingState.FLATTENING)):
        return None
    return "the trading state is missing" if state is None else f"the account is {state}"


def frozen(candidate: Candidate, context: Context) -> str | None:
    return context.book.frozen.get(candidate.order.instrument)


def stale_signal(candidate: Candidate, context: Context) -> str | None:
    age, limit = context.signal_ages.get(candidate.order.signal_id, 0.0), context.terms.limits.signal_age_s_max
    # A signal from the future means that one of the clocks is wrong, which is no better than late.
    return None if abs(age) <= limit else f"the signal is {age:.0f} s old, over {limit} s"


def stale_bar(candidate: Candidate, context: Context) -> str | None:
    limit, own = context.terms.limits.bar_age_s_max, candidate.order.instrument
    age = context.now_s - candidate.mark.closes_at_s
    if not context.stale and abs(age) <= limit:
        return None
    ages = context.stale | {own: age}
    for instrument, age in sorted(ages.items(), key=lambda entry: entry[0] != own):
        if abs(age) > limit:
            return f"the last bar of {instrument} closed {age:.0f} s ago, over {limit} s"
    return None


def duplicate_intent(candidate: Candidate, context: Context) -> str | None:
    order = candidate.order
    if order.order_id in context.ids_decided:
        return f"order {order.order_id} was already decided in this batch"
    if candidate.leg in context.legs_decided:
        return f"another target for {order.instance} and {order.instrument} was already decided in this batch"
    return None


def opposing_order(candidate: Candidate, context: Context) -> str | None:
    held = candidate.held
    pending = held.buying if candidate.quantity < 0 else -held.selling
    passes = not pending or context.passes_entries(candidate.leg, held, candidate.quantity)
    return None if passes else f"live orders for {pending:f} are on the other side; they must fill or end first"


def spot_short(candidate: Candidate, context: Context) -> str | None:
    order, available = candidate.order, candidate.held.lowest
    if order.side == "buy" or not context.terms.spot or order.quantity <= available:
        return None
    return f"selling {order.quantity:f} of {available:f} that {order.instance} has would be short on a spot account"


def lot_step(candidate: Candidate, _: Context) -> str | None:
    quantity, lot = candidate.order.quantity, candidate.policy.lot
    return None if quantity > 0 and quantity % lot == 0 else f"quantity {quantity:f} is not one or more lots of {lot:f}"


def tick_step(candidate: Candidate, _: Context) -> str | None:
    tick = candidate.policy.tick
    for price in (candidate.order.limit_price, candidate.order.stop_price):
        if price is not None and (price <= 0 or price % tick):
            return f"price {price:f} is not one or more ticks of {tick:f}"
    return None


def notional_min(candidate: Candidate, _: Context) -> str | None:
    figure, limit = candidate.notional, candidate.policy.notional_min
    return f"notional {figure:f} is under the venue's minimum {limit:f}" if figure < limit else None


def amount_min(candidate: Candidate, _: Context) -> str | None:
    quantity, least = candidate.order.quantity, candidate.policy.amount_min
    return None if quantity >= least else f"quantity {quantity:f} is under the venue's minimum {least:f}"


def price_collar(candidate: Candidate, context: Context) -> str | None:
    mark, collar = candidate.mark.price, context.terms.limits.collar_bps
    # A band is a tick wide at least, or nothing could be ordered where the tick is coarse.
    tick, order = candidate.policy.tick, candidate.order
    for price in (order.reference_price, order.limit_price, order.stop_price):
        if price is not None and abs(price - mark) * BPS > collar * mark and abs(price - mark) > tick:
            return f"price {price:f} is further than {collar:f} bps from the mark {mark:f}"
    return None


def cash(candidate: Candidate, context: Context) -> str | None:
    order, available = candidate.order, context.book.cash - context.reserved
    if order.side == "sell" or not context.terms.spot or order.reserved <= available:
        return None
    return f"it may cost {order.reserved:f} with fees, of {available:f} that is free"


def order_notional(candidate: Candidate, context: Context) -> str | None:
    # Of an order that is divided, the largest slice counts.
    figure, limit = candidate.notional_of_largest, context.terms.limits.order_notional_max
    return _over("notional", figure, limit) if figure > limit else None


def position_notional(candidate: Candidate, context: Context) -> str | None:
    instrument = candidate.order.instrument
    figure = context.largest.get(instrument, ZERO) + candidate.largest
    limit = context.terms.limits.position_notional_max
    return _over(f"position in {instrument}", figure, limit) if figure > limit else None


def gross_exposure(candidate: Candidate, context: Context) -> str | None:
    figure, limit = context.gross + candidate.largest, context.gross_max
    return _over("gross exposure", figure, limit) if figure > limit else None


def net_exposure(candidate: Candidate, context: Context) -> str | None:
    buys = candidate.order.side == "buy"
    figure = context.net_highest + candidate.highest if buys else -context.net_lowest - candidate.lowest
    return _over("net exposure", figure, context.net_max) if figure > context.net_max else None


def order_rate(candidate: Candidate, context: Context) -> str | None:
    count, limit = context.orders_in_minute + len(candidate.slices), context.terms.limits.orders_per_minute_max
    return None if count <= limit else f"it would be order {count} of this minute, over {limit}"


def daily_loss(_: Candidate, context: Context) -> str | None:
    figure, limit = context.daily_loss, context.daily_loss_max
    return _over("loss of this day", figure, limit) if figure > limit else None


def drawdown(_: Candidate, context: Context) -> str | None:
    figure, limit = context.drawdown, context.drawdown_max
    return _over("loss from the peak", figure, limit) if figure > limit else None


def _over(what: str, figure: Decimal, limit: Decimal) -> str:
    return f"{what} {figure:f} is over {limit:f}"


# Asked of a target: can it be sized at all?
TARGET_RULES: tuple[Rule[Target], ...] = (
    Rule(Code.UNKNOWN_ACCOUNT, unknown_account, "The desk has no such account, or no limits for it."),
    Rule(Code.UNKNOWN_INSTANCE, unknown_instance, "The target is of no instance of the account, and closes nothing."),
    Rule(
        Code.UNKNOWN_INSTRUMENT,
        unknown_instrument,
        "The instrument is not one of the instance's, or lacks the venue's rules, and the target closes nothing.",
    ),
    Rule(Code.BAD_TARGET, bad_target, "The weight is not a number from -1 to 1."),
    Rule(
        Code.MISSING_DATA,
        missing_data,
        "The instrument has no price above zero; or, unless the target is to close, something else that is held has "
        "none, or a volatility is aimed at and none is known yet.",
    ),
)

# Asked of a sized order: may it go out?
ORDER_RULES: tuple[Rule[Candidate], ...] = (
    Rule(
        Code.KILL_STATE,
        kill_state,
        "The trading state is missing or HALTED; or it is REDUCE_ONLY or FLATTENING and the order is no reduction.",
    ),
    Rule(
        Code.FROZEN,
        frozen,
        "The books of the instrument and those of its real venue are not known to agree: an order of unknown outcome, "
        "or a difference of a balance.",
        reductions=False,
    ),
    Rule(
        Code.STALE_SIGNAL,
        stale_signal,
        "The signal is decided on for the first time and its bar closed longer ago than `signal_age_s_max`.",
    ),
    Rule(
        Code.STALE_BAR,
        stale_bar,
        "The last bar of the instrument, or of one that the account holds, closed longer ago than `bar_age_s_max`. "
        "Dust at an exchange does not count.",
        reductions=False,
    ),
    Rule(
        Code.DUPLICATE_INTENT,
        duplicate_intent,
        "An order of this id, or for this instance and instrument, was already decided in the batch.",
    ),
    Rule(
        Code.OPPOSING_ORDER,
        opposing_order,
        "Live orders of its leg are on the other side; at a real venue exits pass entries.",
    ),
    Rule(Code.SPOT_SHORT, spot_short, "A sell on a spot account is for more than its instance has, less other sells."),
    Rule(Code.LOT_STEP, lot_step, "The quantity is not a whole number of lots above zero."),
    Rule(Code.TICK_STEP, tick_step, "A limit or stop price is not a whole number of ticks above zero."),
    Rule(Code.NOTIONAL_MIN, notional_min, "The notional is under the venue's minimum."),
    Rule(Code.AMOUNT_MIN, amount_min, "The quantity is under the venue's minimum."),
    Rule(Code.PRICE_COLLAR, price_collar, "A price of the order is further than `collar_bps` from the last close."),
    Rule(Code.CASH, cash, "A spot buy may cost more, with collar and fee, than the cash that is not reserved."),
    Rule(Code.ORDER_NOTIONAL, order_notional, "The notional is over `order_notional_max`.", reductions=False),
    Rule(
        Code.POSITION_NOTIONAL,
        position_notional,
        "The instrument's positions, over all instances and with live orders, would be over `position_notional_max`.",
        reductions=False,
    ),
    Rule(
        Code.GROSS_EXPOSURE,
        gross_exposure,
        "All position sizes, with live orders, would be over `gross_max` of equity.",
        reductions=False,
    ),
    Rule(
        Code.NET_EXPOSURE,
        net_exposure,
        "Longs less shorts, or shorts less longs, with live orders, would be over `net_max` of equity.",
        reductions=False,
    ),
    Rule(Code.ORDER_RATE, order_rate, "The minute already has `orders_per_minute_max` orders.", reductions=False),
    Rule(
        Code.DAILY_LOSS,
        daily_loss,
        "Equity is further below the UTC day's start than `daily_loss_max` of it.",
        reductions=False,
    ),
    Rule(Code.DRAWDOWN, drawdown, "Equity is further below its peak than `drawdown_max` of it.", reductions=False),
)
# Of the legs of a bundle: decided by ``fanfold.risk.decision`` once all of them were judged.
BUNDLE_RULE = "Another leg of its bundle was refused or cannot be ordered, and one alone is not to go out."
REDUCTION_RULES = tuple(rule for rule in ORDER_RULES if rule.reductions)
