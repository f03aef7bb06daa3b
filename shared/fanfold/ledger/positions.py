"""Positions: the fold of their fills, as FIFO lots.

Two accounts of the same money, kept apart, always agree: cash that flowed plus the value of the position equals profit
realised plus profit unrealised minus fees.

A position of many lots is stored in parts: its first lots, pages that are written once and never change, its newest
lots.
"""

from collections.abc import Iterable
from decimal import Decimal
from functools import reduce

import msgspec

from fanfold.messages import Charge, Fill
from fanfold.money import ZERO, exact

# Lots in a page. A position's item holds up to two pages' worth and what waits; it may weigh 400 KB.
PAGE_LOTS = 250


class Lot(msgspec.Struct, frozen=True):
    """A quantity (in base, negative when short) bought or sold at one price (in quote)."""

    quantity: Decimal
    price: Decimal


class LotPages(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The lots behind a position's first ones: in pages numbered from ``first`` to before ``after``, then ``newest``.

    ``quantity`` and ``cost`` are sums over all of these. ``read`` has the lots of pages that were read, from ``first``
    on; of pages that are used up, those from ``kept`` on are still to be deleted. No number comes again.
    """

    kept: int = 0
    first: int = 0
    after: int = 0
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    newest: tuple[Lot, ...] = ()
    read: tuple[tuple[Lot, ...], ...] = ()

    @property
    def unread(self) -> range:
        """Return the numbers of the pages that were not read."""
        return range(self.first + len(self.read), self.after)


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """Lots, oldest first and all of one sign; profit realised before fees; fees paid. ``version`` counts the fills.

    ``other_fees`` is the part of the fees that no cash of the account paid: the worth of those in third currencies.
    """

    lots: tuple[Lot, ...] = ()
    pages: LotPages = LotPages()
    realised: Decimal = ZERO
    fees: Decimal = ZERO
    other_fees: Decimal = ZERO
    version: int = 0

    @property
    def quantity(self) -> Decimal:
        return self.totals[0]

    @property
    def cost(self) -> Decimal:
        """Return the cost of the lots, in quote and without fees; negative when short."""
        return self.totals[1]

    @property
    @exact
    def totals(self) -> tuple[Decimal, Decimal]:
        """Return quantity and cost, in one pass over the lots: a decision asks for both of every position."""
        quantity, cost = self.pages.quantity, self.pages.cost
        for lot in self.lots:
            quantity += lot.quantity
            cost += lot.quantity * lot.price
        return quantity, cost

    @exact
    def unrealised(self, price: Decimal) -> Decimal:
        """Return the profit before fees if all lots were closed at this price."""
        return self.quantity * price - self.cost


FLAT = Position()


def signed(fill: Fill) -> Decimal:
    """Return the signed quantity of a fill: positive for a buy."""
    return fill.quantity if fill.side == "buy" else -fill.quantity


@exact
def received(fill: Fill) -> Decimal:
    """Return the signed quantity that a fill adds to the position, without what the venue kept of it as a fee."""
    return signed(fill) - fill.fee_base


@exact
def fee_of(fill: Fill) -> Decimal:
    """Return a fill's fee in the account's currency, with the worth of what was taken in others, as far as known."""
    return fill.fee + fill.fee_base * fill.price + other_fee(fill)


@exact
def other_fee(fill: Fill) -> Decimal:
    """Return the worth of what a fill was charged in neither currency of its pair: no cash of the account went."""
    return sum(map(worth_of, fill.charges), ZERO)


def worth_of(charge: Charge) -> Decimal:
    """Return what a charge in a third currency was worth, zero where nobody knew."""
    return ZERO if charge.value is msgspec.UNSET else charge.value


def unvalued(fill: Fill) -> list[Charge]:
    """Return what a fill was charged in neither currency of its pair, where no price of that was known."""
    pair = fill.instrument.split("/")
    return [charge for charge in fill.charges if charge.currency not in pair and charge.value is msgspec.UNSET]


@exact
def cash_flow(fill: Fill) -> Decimal:
    """Return the cash that a fill adds to the account, net of its fee.

    >>> from datetime import UTC, datetime
    >>> ids = dict.fromkeys(("trade_id", "order_id", "client_order_id", "account", "venue", "instance"), "x")
    >>> rest = ids | {"instrument": "BTC/USDT", "liquidity": "taker", "at": datetime(2024, 1, 1, tzinfo=UTC)}
    >>> cash_flow(Fill(side="buy", price=Decimal(100), quantity=Decimal(2), fee=Decimal("0.2"), **rest))
    Decimal('-200.2')
    """
    return -signed(fill) * fill.price - fill.fee


@exact
def apply(position: Position, fill: Fill) -> Position:
    """Return the position after a new fill.

    A sale closes the oldest lots first, and the rest of it opens a short position:

    >>> from datetime import UTC, datetime
    >>> ids = dict.fromkeys(("trade_id", "order_id", "client_order_id", "account", "venue", "instance"), "x")
    >>> rest = ids | {"instrument": "BTC/USDT", "liquidity": "taker", "at": datetime(2024, 1, 1, tzinfo=UTC)}
    >>> def filled(side, quantity, price):
    ...     return Fill(side=side, quantity=Decimal(quantity), price=Decimal(price), fee=Decimal(1), **rest)
    >>> held = fold([filled("buy", 2, 100), filled("buy", 2, 110)])
    >>> reduced = apply(held, filled("sell", 3, 120))
    >>> reduced.lots, reduced.realised, reduced.fees
    ((Lot(quantity=Decimal('1'), price=Decimal('110')),), Decimal('50'), Decimal('3'))
    >>> flipped = apply(reduced, filled("sell", 4, 105))
    >>> flipped.lots, flipped.realised
    ((Lot(quantity=Decimal('-3'), price=Decimal('105')),), Decimal('45'))
    """
    held, realised = _changed(position, signed(fill), fill.price)
    fees = held.fees + fill.fee
    if fill.fee_base:
        # What the venue kept of the base is gone at the fill's price, and its worth is a fee.
        held, more = _changed(held, -fill.fee_base, fill.price)
        realised, fees = realised + more, fees + fill.fee_base * fill.price
    if fill.charges:
        other = other_fee(fill)
        held, fees = msgspec.structs.replace(held, other_fees=held.other_fees + other), fees + other
    return msgspec.structs.replace(held, realised=held.realised + realised, fees=fees, version=held.version + 1)


def _changed(position: Position, change: Decimal, price: Decimal) -> tuple[Position, Decimal]:
    """Return the position after a signed quantity at a price, and the profit that this realises."""
    held, realised, left = _taken(position, change, price)
    return _added(held, left, price), realised


def fold(fills: Iterable[Fill], start: Position = FLAT) -> Position:
    """Return the position after fills, in their order."""
    return reduce(apply, fills, start)


@exact
def unread(position: Position, fills: Iterable[Fill]) -> bool:
    """Return whether fills may close lots of pages that were not read."""
    if not position.pages.unread:
        return False
    held = position.quantity
    changes = [change for fill in fills for change in (signed(fill), -fill.fee_base)]
    taken = sum((abs(change) for change in changes if change * held < 0), ZERO)
    return taken > abs(_quantity(position.lots) + sum(map(_quantity, position.pages.read), ZERO))


def has_many_lots(position: Position) -> bool:
    """Return whether a position has more lots than its first ones, or pages that are used up and still there."""
    pages = position.pages
    return len(position.lots) > PAGE_LOTS or pages.after > 0 or bool(pages.newest)


@exact
def paged(position: Position, pages_max: int) -> tuple[Position, dict[int, tuple[Lot, ...]]]:
    """Return the position as stored, and its new pages by number; beyond ``pages_max`` lots wait in ``newest``."""
    lots, pages = position.lots, position.pages
    if len(lots) > PAGE_LOTS and not pages.newest:
        newest = lots[PAGE_LOTS:]
        lots = lots[:PAGE_LOTS]
        pages = msgspec.structs.replace(pages, newest=newest, quantity=_quantity(newest), cost=_cost(newest))
    # The last lot stays: the next fill may be of its price.
    count = min(max(len(pages.newest) - 1, 0) // PAGE_LOTS, pages_max)
    new = {pages.after + number: pages.newest[number * PAGE_LOTS : (number + 1) * PAGE_LOTS] for number in range(count)}
    pages = msgspec.structs.replace(pages, after=pages.after + count, newest=pages.newest[count * PAGE_LOTS :])
    return msgspec.structs.replace(position, lots=lots, pages=pages), new


def cleared(position: Position, pages_max: int) -> tuple[Position, range]:
    """Return the position with so many pages fewer to be deleted, and the numbers of those."""
    pages = position.pages
    gone = range(pages.kept, min(pages.first, pages.kept + pages_max))
    return msgspec.structs.replace(position, pages=msgspec.structs.replace(pages, kept=gone.stop)), gone


def _quantity(lots: Iterable[Lot]) -> Decimal:
    return sum((lot.quantity for lot in lots), ZERO)


def _cost(lots: Iterable[Lot]) -> Decimal:
    return sum((lot.quantity * lot.price for lot in lots), ZERO)


def _last(position: Position) -> Decimal:
    """Return the quantity of the newest lot, whose sign all lots have; zero where there is none."""
    lots = position.pages.newest or position.lots
    return lots[-1].quantity if lots else ZERO


def _taken(position: Position, change: Decimal, price: Decimal) -> tuple[Position, Decimal, Decimal]:
    """Return the position after a change took what it offsets, the profit of that, and the rest of the change."""
    realised = ZERO
    while change * _last(position) < 0:
        position = position if position.lots else _turned(position)
        lots, profit, change = _offset(position.lots, change, price)
        position = msgspec.structs.replace(position, lots=lots)
        realised += profit
    return position, realised, change


def _offset(lots: tuple[Lot, ...], change: Decimal, price: Decimal) -> tuple[tuple[Lot, ...], Decimal, Decimal]:
    """Return lots after a change against them, the profit of that, and the rest of the change."""
    realised = ZERO
    for gone, lot in enumerate(lots):
        if not change:
            return lots[gone:], realised, change
        if abs(change) < abs(lot.quantity):
            rest = Lot(lot.quantity + change, lot.price)
            return (rest, *lots[gone + 1 :]), realised - change * (price - lot.price), ZERO
        realised += lot.quantity * (price - lot.price)
        change += lot.quantity
    return (), realised, change


def _turned(position: Position) -> Position:
    """Return a position whose first lots are gone, with those of its next page."""
    pages = position.pages
    if pages.first == pages.after:
        empty = msgspec.structs.replace(pages, newest=(), quantity=ZERO, cost=ZERO)
        return msgspec.structs.replace(position, lots=pages.newest, pages=empty)
    lots, *read = pages.read
    rest = msgspec.structs.replace(
        pages,
        first=pages.first + 1,
        read=tuple(read),
        quantity=pages.quantity - _quantity(lots),
        cost=pages.cost - _cost(lots),
    )
    return msgspec.structs.replace(position, lots=lots, pages=rest)


def _added(position: Position, quantity: Decimal, price: Decimal) -> Position:
    """Return the position with a quantity added on its side, behind all other lots."""
    if not quantity:
        return position
    pages = position.pages
    if not pages.newest:
        return msgspec.structs.replace(position, lots=_joined(position.lots, quantity, price))
    more = msgspec.structs.replace(
        pages,
        newest=_joined(pages.newest, quantity, price),
        quantity=pages.quantity + quantity,
        cost=pages.cost + quantity * price,
    )
    return msgspec.structs.replace(position, pages=more)


def _joined(lots: tuple[Lot, ...], quantity: Decimal, price: Decimal) -> tuple[Lot, ...]:
    if lots and lots[-1].price == price:
        return (*lots[:-1], Lot(lots[-1].quantity + quantity, price))
    return (*lots, Lot(quantity, price))
