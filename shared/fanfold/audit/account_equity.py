"""An account's equity at each close of a span, and what each strategy instance added to it.

The books as they are now are led back over the span's fills, and forward again over its closes: so a day costs a day's
reads, however long the desk has traded.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import accumulate
from typing import NamedTuple

from fanfold.ledger import positions
from fanfold.messages import Fill, PositionSnapshot
from fanfold.money import ZERO, exact, ratio

Leg = tuple[str, str]


class BooksNow(NamedTuple):
    """The books of an account: its cash, and what each leg (instance, instrument) holds."""

    cash: Decimal
    held: Mapping[Leg, Decimal]

    @classmethod
    def of(cls, cash: Decimal, holdings: Iterable[PositionSnapshot]) -> "BooksNow":
        return cls(cash, {(holding.instance, holding.instrument): holding.quantity for holding in holdings})


class EquitySpan(NamedTuple):
    """Equity at each time (epoch seconds), the first before any fill of the span.

    ``results`` has, by instance, what it added since then, after fees. ``marks`` are the last closes.
    """

    at: list[int]
    equity: list[Decimal]
    results: dict[str, list[Decimal]]
    marks: dict[str, Decimal]


@exact
def equity_span(books: BooksNow, fills: Iterable[Fill], closes: Mapping[int, Mapping[str, Decimal]]) -> EquitySpan:
    """Return the equity at each close; a position is worth its last close, before its first close that one.

    Fills before the first close count as of before; what has no close at all is worth nothing, and is in no mark.
    """
    times = sorted(closes)
    later = sorted((fill for fill in fills if times and fill.at.timestamp() > times[0]), key=lambda fill: fill.at)
    cash = books.cash - sum(map(_flow, later), ZERO)
    held = dict(books.held)
    for fill in later:
        held[fill.instance, fill.instrument] = held.get((fill.instance, fill.instrument), ZERO) - positions.received(
            fill
        )
    marks: dict[str, Decimal] = {}
    for at in reversed(times):
        marks |= closes[at]
    worth = _worth(held, marks)
    span = EquitySpan([], [], {instance: [] for instance in sorted(worth)}, marks)
    flows = {instance: -value for instance, value in worth.items()}
    pending = later[::-1]
    for at in times:
        marks |= closes[at]
        while pending and pending[-1].at.timestamp() <= at:
            fill = pending.pop()
            leg = fill.instance, fill.instrument
            held[leg] = held.get(leg, ZERO) + positions.received(fill)
            flow = _flow(fill)
            cash += flow
            flows[fill.instance] += flow
        now = _worth(held, marks)
        span.at.append(at)
        span.equity.append(cash + sum(now.values(), ZERO))
        for instance, results in span.results.items():
            results.append(now[instance] + flows[instance])
    return span


@exact
def _flow(fill: Fill) -> Decimal:
    """Return the cash that a fill adds, less the worth of what was charged in coins."""
    return positions.cash_flow(fill) - positions.other_fee(fill)


def deepest(equity: Sequence[Decimal]) -> float:
    """Return the deepest fall from the highest equity before it, as a share of that; 0 where there was none."""
    peaks = accumulate(equity, max)
    return min((below(value, peak) for value, peak in zip(equity, peaks, strict=True)), default=0.0)


def below(value: Decimal, peak: Decimal) -> float:
    """Return by which share a value is below a peak, as 0 or less."""
    return float(ratio(value, peak)) - 1 if peak > 0 else 0.0


def _worth(held: Mapping[Leg, Decimal], marks: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Return what each instance's positions are worth."""
    worth: dict[str, Decimal] = {}
    for (instance, instrument), quantity in held.items():
        worth[instance] = worth.get(instance, ZERO) + quantity * marks.get(instrument, ZERO)
    return worth
