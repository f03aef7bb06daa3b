"""Round trips: what was bought and sold again, or sold and bought back, first in first out."""

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

import msgspec

from fanfold.ledger import positions
from fanfold.money import CASH_STEP, ROUGH, ZERO, exact, truncate_to
from fanfold.records import Fill

PositionKey = tuple[str, str, str]


class RoundTrip(msgspec.Struct, frozen=True, kw_only=True):
    """A quantity that one order closed. ``profit`` is net of ``fees``, the shares of both sides' fees.

    ``opened_at`` is the fill of the oldest of its lots; ``quantity`` is negative for a short one.
    """

    account: str
    instance: str
    instrument: str
    opened_at: datetime
    closed_at: datetime
    quantity: Decimal
    cost: Decimal
    fees: Decimal
    profit: Decimal

    @property
    def held_s(self) -> float:
        return (self.closed_at - self.opened_at).total_seconds()


class _OpenLot(msgspec.Struct):
    quantity: Decimal
    price: Decimal
    fee: Decimal
    at: datetime


@exact
def round_trips(fills: Iterable[Fill]) -> list[RoundTrip]:
    """Return the round trips in the order in which they closed; fills are taken in order of time.

    Fills of an order that close lots are one round trip. A fill that goes beyond zero closes what there was and opens
    the rest on the other side. What a position pays of other orders' fees is none.
    """
    lots: dict[PositionKey, deque[_OpenLot]] = {}
    closed: dict[tuple[PositionKey, str], RoundTrip] = {}
    for fill in sorted(fills, key=lambda fill: fill.at):
        key = fill.account, fill.instance, fill.instrument
        trip = _book(lots.setdefault(key, deque()), fill)
        if trip is not None and fill.is_trade:
            earlier = closed.pop((key, fill.order_id), None)
            closed[key, fill.order_id] = _joined(earlier, trip) if earlier else trip
    return list(closed.values())


def _book(lots: deque[_OpenLot], fill: Fill) -> RoundTrip | None:
    """Close lots by a fill, oldest first, and open one with the rest; return what was closed."""
    side = Decimal(1) if fill.side == "buy" else Decimal(-1)
    left, fee = abs(positions.received(fill)), positions.fee_of(fill)
    first: datetime | None = None
    quantity = cost = fees = profit = ZERO
    while left and lots and lots[0].quantity * side < 0:
        lot = lots[0]
        first = first or lot.at
        size = min(left, abs(lot.quantity))
        entry_fee, exit_fee = _share(lot.fee, size, abs(lot.quantity)), _share(fee, size, left)
        lot.fee -= entry_fee
        fee -= exit_fee
        lot.quantity += size * side
        left -= size
        quantity -= size * side
        cost += size * lot.price
        fees += entry_fee + exit_fee
        profit += size * side * (lot.price - fill.price) - entry_fee - exit_fee
        if not lot.quantity:
            lots.popleft()
    if left:
        lots.append(_OpenLot(left * side, fill.price, fee, fill.at))
    if first is None:
        return None
    return RoundTrip(account=fill.account, instance=fill.instance, instrument=fill.instrument, opened_at=first,
                     closed_at=fill.at, quantity=quantity, cost=cost, fees=fees, profit=profit)  # fmt: skip


def _share(fee: Decimal, size: Decimal, whole: Decimal) -> Decimal:
    """Return the part of a fee in whole steps of cash; the last part takes what is left."""
    return fee if size == whole else truncate_to(ROUGH.divide(ROUGH.multiply(fee, size), whole), CASH_STEP)


def _joined(earlier: RoundTrip, later: RoundTrip) -> RoundTrip:
    return msgspec.structs.replace(
        later,
        opened_at=earlier.opened_at,
        quantity=earlier.quantity + later.quantity,
        cost=earlier.cost + later.cost,
        fees=earlier.fees + later.fees,
        profit=earlier.profit + later.profit,
    )
