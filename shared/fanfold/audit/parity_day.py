"""Compare a day of the desk with its back-test."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import zip_longest
from typing import NamedTuple

from fanfold.audit.parity import ParityDifference, ParityReason, ParityReport
from fanfold.audit.parity_books import Comparison
from fanfold.audit.parity_fills import difference, differences_of_fills
from fanfold.audit.parity_reasons import Reasons
from fanfold.audit.parity_stops import Stops
from fanfold.audit.trading_log import OrderKey, TradingLog
from fanfold.desk import Desk
from fanfold.messages import Fill, Order
from fanfold.money import ZERO, exact

NOTHING = "no order"


class DaySpan(NamedTuple):
    """The decisions of a UTC day: after its first midnight, up to and with its last, in epoch seconds."""

    day: date
    after: int
    until: int

    def has(self, at: float) -> bool:
        return self.after < at <= self.until


def span_of(day: date, begun: int) -> DaySpan:
    """Return the span of a day; that of the day on which trading had ``begun`` has what was decided on older bars."""
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    midnight, next_midnight = int(begin.timestamp()), int((begin + timedelta(days=1)).timestamp())
    return DaySpan(day, midnight if begun <= midnight else 0, next_midnight)


@exact
def compare(
    desk: Desk, span: DaySpan, traded: TradingLog, tested: TradingLog, rests: Mapping[str, frozenset[str]]
) -> ParityReport:
    """Return every difference of a day, those without a reason first; see Comparison for what ``rests``."""
    of = Comparison(desk, traded, tested, rests)
    reasons, differences = Reasons(of), list[ParityDifference]()
    for key in of.decisions():
        of.come_to(key)
        if span.has(key.at):
            differences += _of_decision(of, reasons, key)
    differences += [_outside(fill) for fill in traded.fills_of_nobody() if span.has(fill.at.timestamp())]
    order = list(ParityReason)
    counts = [_counts(log, span) for log in (traded, tested)]
    return ParityReport(
        day=span.day.isoformat(),
        orders=counts[0][0],
        backtest_orders=counts[1][0],
        fills=counts[0][1],
        backtest_fills=counts[1][1],
        slippage=sum((each.cost for each in differences if each.reason is ParityReason.FILL_PRICE), ZERO),
        differences=sorted(differences, key=lambda each: (order.index(each.reason), each.at)),
    )


def _of_decision(of: Comparison, reasons: Reasons, key: OrderKey) -> Iterator[ParityDifference]:
    """Yield the differences of a decision; slices of an order are compared one by one."""
    traded, tested = of.traded.orders.get(key, []), of.tested.orders.get(key, [])
    if not traded and not tested:
        yield from _refusals(of, reasons, key)
    for own, other in zip_longest(traded, tested):
        if own is None:
            reason, detail = reasons.backtest_alone(key, other)
            yield difference(key, reason, _refused(of.traded, key), _text(other), detail)
        elif other is None:
            reason, detail = reasons.desk_alone(key, own)
            yield difference(key, reason, _text(own), _refused(of.tested, key), detail)
        else:
            yield from _both(of, reasons, key, own, other)


def _both(of: Comparison, reasons: Reasons, key: OrderKey, own: Order, other: Order) -> Iterator[ParityDifference]:
    if (own.side, own.quantity) != (other.side, other.quantity):
        reason, detail = reasons.other_size(key, own, other)
        yield difference(key, reason, _text(own), _text(other), detail)
    elif own.limit_price != other.limit_price and not own.protects:
        reason, detail = reasons.of_bars(key)
        yield difference(key, reason, f"limit {own.limit_price}", f"limit {other.limit_price}", detail)
    if own.side != other.side:
        return
    if own.protects and other.protects:
        yield from Stops(of, reasons).differences(key, own, other)
    else:
        yield from differences_of_fills(of, key, own, other)


def _refusals(of: Comparison, reasons: Reasons, key: OrderKey) -> Iterator[ParityDifference]:
    own, other = of.traded.refusals.get(key), of.tested.refusals.get(key)
    if (own and own.code) != (other and other.code):
        reason, detail = reasons.refused_alone(key)
        yield difference(key, reason, _refused(of.traded, key), _refused(of.tested, key), detail)


def _refused(log: TradingLog, key: OrderKey) -> str:
    refusal = log.refusals.get(key)
    return f"refused {refusal.code}" if refusal else NOTHING


def _text(order: Order) -> str:
    return f"{order.side} {order.quantity:f}"


def _outside(fill: Fill) -> ParityDifference:
    key = OrderKey(int(fill.at.timestamp()), fill.account, fill.instance, fill.instrument)
    text = f"{fill.side} {fill.quantity:f} at {fill.price:f}"
    return difference(key, ParityReason.EXTERNAL_TRADE, text, NOTHING, f"trade {fill.trade_id} is of no order")


def _counts(log: TradingLog, span: DaySpan) -> tuple[int, int]:
    """Return how many orders were decided on a day, and how many fills those came to."""
    orders = [order for key, own in log.orders.items() if span.has(key.at) for order in own]
    return len(orders), sum(len(log.fills_of(order)) for order in orders)
