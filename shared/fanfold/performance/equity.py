"""The equity of accounts at every close, with what was held: computed from fills and closes alone."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from fanfold.ledger import positions
from fanfold.money import ROUGH, ZERO, exact, ratio
from fanfold.performance.ratios import EquityPoint
from fanfold.records import Fill

Closes = Mapping[int, Mapping[str, Decimal]]


class EquityCurve(NamedTuple):
    """Equity at each time, the first before any fill, and how much of the time and of equity was at risk.

    ``invested`` is the share of closes at which something was held, ``gross`` the mean of positions over equity.
    """

    points: list[EquityPoint]
    invested: float
    gross: float


@exact
def equity_curve(start_at: int, cash: Decimal, fills: Iterable[Fill], closes: Closes) -> EquityCurve:
    """Return the curve from ``start_at``, in epoch seconds, on; positions are valued at their last closes."""
    points = [EquityPoint(start_at, cash)]
    marks: dict[str, Decimal] = {}
    held: dict[str, Decimal] = {}
    invested, gross = 0, 0.0
    pending = sorted(fills, key=lambda fill: fill.at)[::-1]
    for at in sorted(closes):
        marks |= closes[at]
        while pending and pending[-1].at.timestamp() <= at:
            cash += _book(held, marks, pending.pop())
        if at <= start_at:
            continue
        values = [quantity * marks[name] for name, quantity in held.items() if quantity]
        worth = cash + sum(values, ZERO)
        points.append(EquityPoint(at, worth))
        invested += bool(values)
        gross += float(ratio(sum(map(abs, values), ZERO), worth)) if worth > 0 else 0.0
    for fill in reversed(pending):
        # What filled after the last close is worth what it was then.
        cash += _book(held, marks, fill)
    if pending:
        last = max(int(pending[0].at.timestamp()), points[-1].at)
        points.append(EquityPoint(last, cash + sum((held[name] * marks[name] for name in held), ZERO)))
    count = len(points) - 1
    return EquityCurve(points, invested / count if count else 0.0, gross / count if count else 0.0)


def _book(held: dict[str, Decimal], marks: dict[str, Decimal], fill: Fill) -> Decimal:
    """Add a fill to what is held; return the cash that it brings, less what it cost in third currencies.

    Until a close of its instrument is recorded, its own price is the mark.
    """
    marks.setdefault(fill.instrument, fill.price)
    held[fill.instrument] = held.get(fill.instrument, ZERO) + positions.received(fill)
    return positions.cash_flow(fill) - positions.other_fee(fill)


def buy_and_hold(start_at: int, closes: Closes, instruments: Iterable[str]) -> Decimal | None:
    """Return what equal shares of the instruments returned from their first to their last close, without fees."""
    first: dict[str, Decimal] = {}
    last: dict[str, Decimal] = {}
    for at in sorted(at for at in closes if at > start_at):
        first = dict(closes[at]) | first
        last |= closes[at]
    names = [name for name in instruments if first.get(name)]
    if not names:
        return None
    growth = [ROUGH.subtract(ROUGH.divide(last[name], first[name]), Decimal(1)) for name in names]
    return ROUGH.divide(sum(growth, ZERO), Decimal(len(growth)))
