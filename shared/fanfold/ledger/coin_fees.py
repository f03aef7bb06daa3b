"""Fees in coins that an account also trades: the positions in a coin pay what the venue took of it.

Whose order it was is charged with the fee's worth when it is booked. The venue takes the coin from the balance that the
account's positions are part of. What it has there beside them pays first, then the largest position, then the next; a
position gets the worth of what it pays. So the account's equity falls by the fee once, and its positions come to what
the venue has.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from fanfold import ids
from fanfold.ledger.account_books import AccountBooks
from fanfold.ledger.real_money import OwedFee, OweFee
from fanfold.messages import Charge, ExecutionReport, Fill
from fanfold.money import CASH_STEP, ZERO, exact, floor_to, ratio
from fanfold.risk.exposure import PositionKey


class Paid(NamedTuple):
    """The changes of what is owed, and the fills of quantity 0 by which positions pay."""

    changes: list[OweFee]
    fills: list[Fill]


class _Part(NamedTuple):
    """A payment by a position: a quantity of its coin, the price in quote, and the worth that it is ``credited``."""

    key: PositionKey
    quantity: Decimal
    price: Decimal
    credited: Decimal


@exact
def pay(report: ExecutionReport, books: AccountBooks, base_of: Callable[[str], str]) -> Paid:
    """Return how an account's fees in coins are paid; what no balance or position covers yet stays owed.

    Such a fee may be of a purchase that is not booked yet. Before the first reconciliation nobody knows what the venue
    has beside the positions.
    """
    changes, fills = list[OweFee](), list[Fill]()
    for currency, owed in sorted(books.real.owed.items()):
        if currency not in books.real.baseline or not (owed.amount or owed.worth):
            continue
        held = _held(books, currency, base_of)
        parts, left = _parts(owed, _beside(books, currency, held), held, books)
        rest = OwedFee(left, floor_to(ratio(owed.worth * left, owed.amount), CASH_STEP) if left else ZERO)
        if rest != owed:
            changes.append(OweFee(report.account, currency, rest.amount - owed.amount, rest.worth - owed.worth))
        fills += [_fill(report, books, currency, part) for part in parts]
    return Paid(changes, fills)


def _held(books: AccountBooks, currency: str, base_of: Callable[[str], str]) -> dict[PositionKey, Decimal]:
    """Return the quantities of the positions in a coin, the largest first."""
    held = {key: each.position.quantity for key, each in books.positions.items() if base_of(key[1]) == currency}
    return dict(sorted(held.items(), key=lambda each: (-each[1], each[0])))


@exact
def _beside(books: AccountBooks, currency: str, held: dict[PositionKey, Decimal]) -> Decimal:
    """Return what the venue has of a coin beside the positions; below zero where it has less than these."""
    return books.real.baseline[currency] + books.real.flows.get(currency, ZERO) - sum(held.values(), ZERO)


@exact
def _parts(
    owed: OwedFee, beside: Decimal, held: dict[PositionKey, Decimal], books: AccountBooks
) -> tuple[list[_Part], Decimal]:
    """Return what each position pays of what is owed beyond the rest of the balance, and what is left of that."""
    left = min(owed.amount, max(-beside, ZERO))
    price = floor_to(ratio(owed.worth, owed.amount), CASH_STEP) if owed.amount and owed.worth > 0 else ZERO
    parts = list[_Part]()
    for key, quantity in held.items():
        part = min(left, quantity)
        if part > 0:
            cost = floor_to(ratio(books.positions[key].position.cost, quantity), CASH_STEP)
            parts.append(_Part(key, part, price or cost, part * price))
            left -= part
    return parts, max(left, ZERO)


def _fill(report: ExecutionReport, books: AccountBooks, currency: str, part: _Part) -> Fill:
    """Return the fill by which a position pays; a fee of unknown worth is the position's own, at its cost."""
    assert books.account is not None
    instance, instrument = part.key
    return Fill(
        trade_id=ids.derive("fee paid", report.account, str(books.account.version), currency, instance, instrument),
        order_id="",
        client_order_id="",
        account=report.account,
        venue=report.venue,
        instance=instance,
        instrument=instrument,
        side="sell",
        price=part.price,
        quantity=ZERO,
        fee=ZERO,
        liquidity="taker",
        at=_booked_at(report.at, books, instrument),
        fee_base=part.quantity,
        charges=[Charge(currency=currency, amount=ZERO, value=-part.credited)] if part.credited else [],
    )


def _booked_at(at: datetime, books: AccountBooks, instrument: str) -> datetime:
    """Return a time not before the trades that made the position, for a venue's clock may be ahead."""
    return max(at, books.real.cursors.get(instrument, at))
