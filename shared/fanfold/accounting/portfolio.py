"""Portfolios: holdings of accounts at a time, the fold of their fills, at the last closes before."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from itertools import groupby

import msgspec

from fanfold.ledger import positions as booked
from fanfold.ledger.positions import FLAT, Position
from fanfold.money import ZERO, exact
from fanfold.records import Fill

# By venue and instrument.
Closes = Mapping[tuple[str, str], Decimal]


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """An account as it began: its currency and its cash."""

    currency: str
    cash: Decimal


class HeldPosition(msgspec.Struct, frozen=True, kw_only=True):
    """A position of a strategy instance, in the account's currency; ``close`` is the price that values it.

    ``realised`` and ``unrealised`` are before ``fees``, as of ``fanfold.ledger.positions``.
    """

    account: str
    instance: str
    instrument: str
    quantity: Decimal
    cost: Decimal
    close: Decimal
    value: Decimal
    unrealised: Decimal
    realised: Decimal
    fees: Decimal


class Valued(msgspec.Struct, frozen=True, kw_only=True):
    """An account, or a strategy instance of it, in the account's currency. Of an instance, ``cash`` is what flowed.

    ``equity`` is the cash, less fees that no cash paid, and the worth of what is held.
    """

    name: str
    account: str
    currency: str
    cash: Decimal
    cost: Decimal
    value: Decimal
    unrealised: Decimal
    realised: Decimal
    fees: Decimal
    equity: Decimal


class Portfolio(msgspec.Struct, frozen=True, kw_only=True):
    """The positions of accounts at a time, and their sums by account and by strategy instance."""

    at: datetime
    positions: list[HeldPosition]
    accounts: list[Valued]
    strategies: list[Valued]


class _Leg(msgspec.Struct):
    """The fold of the fills of a leg."""

    venue: str
    price: Decimal
    position: Position = FLAT
    flow: Decimal = ZERO


@exact
def portfolio(fills: Iterable[Fill], opened: Mapping[str, Opened], closes: Closes, at: datetime) -> Portfolio:
    """Return what accounts held at a time; a position of no known close is worth the price of its last fill.

    Fills come in the order in which they were booked; those after the time are passed over.
    """
    legs: dict[tuple[str, str, str], _Leg] = {}
    for fill in fills:
        if fill.at <= at:
            key = fill.account, fill.instance, fill.instrument
            _book(legs.setdefault(key, _Leg(fill.venue, fill.price)), fill)
    held = {key: _holding(key, legs[key], closes) for key in sorted(legs)}
    accounts = [
        _valued(name, name, start, [(legs[key], held[key]) for key in held if key[0] == name], start.cash)
        for name, start in opened.items()
    ]
    strategies = [
        _valued(instance, account, opened[account], [(legs[key], held[key]) for key in own], ZERO)
        for (account, instance), own in groupby(held, key=lambda key: key[:2])
    ]
    return Portfolio(at=at, positions=list(held.values()), accounts=accounts, strategies=strategies)


def _book(leg: _Leg, fill: Fill) -> None:
    leg.position = booked.apply(leg.position, fill)
    leg.price = fill.price
    leg.flow += booked.cash_flow(fill)


def _holding(key: tuple[str, str, str], leg: _Leg, closes: Closes) -> HeldPosition:
    account, instance, instrument = key
    quantity, cost = leg.position.totals
    close = closes.get((leg.venue, instrument), leg.price)
    return HeldPosition(
        account=account,
        instance=instance,
        instrument=instrument,
        quantity=quantity,
        cost=cost,
        close=close,
        value=quantity * close,
        unrealised=quantity * close - cost,
        realised=leg.position.realised,
        fees=leg.position.fees,
    )


def _valued(name: str, account: str, opened: Opened, own: Iterable[tuple[_Leg, HeldPosition]], cash: Decimal) -> Valued:
    """Return the sums over legs that began with so much cash."""
    sums = dict.fromkeys(("cost", "value", "unrealised", "realised", "fees"), ZERO)
    unpaid = ZERO
    for leg, held in own:
        cash, unpaid = cash + leg.flow, unpaid + leg.position.other_fees
        sums = {field: total + getattr(held, field) for field, total in sums.items()}
    equity = cash - unpaid + sums["value"]
    return Valued(name=name, account=account, currency=opened.currency, cash=cash, equity=equity, **sums)
