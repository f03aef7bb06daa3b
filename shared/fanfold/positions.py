"""Positions: the fold of their fills, in lots that leave in the order they came.

Two accounts of the same money, kept apart, always agree: cash that flowed plus the value of what is held equals profit
realised plus profit unrealised minus fees.
"""

from collections.abc import Iterable
from decimal import Decimal
from functools import reduce

import msgspec

from fanfold.messages import Fill
from fanfold.money import ZERO, exact


class Lot(msgspec.Struct, frozen=True):
    """A quantity (base units, below zero when short) that came at one price (quote units)."""

    quantity: Decimal
    price: Decimal


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """Lots, oldest first and all of one sign; profit realised before fees; fees paid. ``version`` counts the fills."""

    lots: tuple[Lot, ...] = ()
    realised: Decimal = ZERO
    fees: Decimal = ZERO
    version: int = 0

    @property
    @exact
    def quantity(self) -> Decimal:
        return sum((lot.quantity for lot in self.lots), ZERO)

    @property
    @exact
    def cost(self) -> Decimal:
        """What the lots came for, in quote units without fees; below zero when short."""
        return sum((lot.quantity * lot.price for lot in self.lots), ZERO)

    @exact
    def unrealised(self, price: Decimal) -> Decimal:
        """Profit before fees if all lots left at this price."""
        return self.quantity * price - self.cost


FLAT = Position()


def signed(fill: Fill) -> Decimal:
    """The quantity of a fill as a change of position."""
    return fill.quantity if fill.side == "buy" else -fill.quantity


@exact
def cash_flow(fill: Fill) -> Decimal:
    """What a fill brings into the account, after its fee.

    >>> from datetime import UTC, datetime
    >>> ids = dict.fromkeys(("trade_id", "order_id", "client_order_id", "account", "venue", "instance"), "x")
    >>> rest = ids | {"instrument": "BTC/USDT", "liquidity": "taker", "at": datetime(2024, 1, 1, tzinfo=UTC)}
    >>> cash_flow(Fill(side="buy", price=Decimal(100), quantity=Decimal(2), fee=Decimal("0.2"), **rest))
    Decimal('-200.2')
    """
    return -signed(fill) * fill.price - fill.fee


@exact
def apply(position: Position, fill: Fill) -> Position:
    """The position after a fill that it has not counted yet.

    A sale takes the oldest lots first, and goes short with what it has left over:

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
    lots, realised, left = _taken(position.lots, signed(fill), fill.price)
    return Position(
        lots=_added(lots, left, fill.price),
        realised=position.realised + realised,
        fees=position.fees + fill.fee,
        version=position.version + 1,
    )


def fold(fills: Iterable[Fill], start: Position = FLAT) -> Position:
    """The position after fills, in their order."""
    return reduce(apply, fills, start)


def _taken(lots: tuple[Lot, ...], change: Decimal, price: Decimal) -> tuple[tuple[Lot, ...], Decimal, Decimal]:
    """Lots after a change took what it offsets, the profit of that, and what is left of the change."""
    realised = ZERO
    for gone, lot in enumerate(lots):
        if change * lot.quantity >= 0:
            return lots[gone:], realised, change
        if abs(change) < abs(lot.quantity):
            rest = Lot(lot.quantity + change, lot.price)
            return (rest, *lots[gone + 1 :]), realised - change * (price - lot.price), ZERO
        realised += lot.quantity * (price - lot.price)
        change += lot.quantity
    return (), realised, change


def _added(lots: tuple[Lot, ...], quantity: Decimal, price: Decimal) -> tuple[Lot, ...]:
    if not quantity:
        return lots
    if lots and lots[-1].price == price:
        return (*lots[:-1], Lot(lots[-1].quantity + quantity, price))
    return (*lots, Lot(quantity, price))
