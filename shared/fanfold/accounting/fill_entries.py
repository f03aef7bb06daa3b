"""Fills as entries of the tax books.

A purchase costs its price and fees, a sale brings its price less fees. A fee in the base currency reduces what is
received; a fee in a third coin disposes of that coin at its worth, which counts as a fee of the trade.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal

import msgspec

from fanfold.accounting.entries import Acquired, Disposed, Entry
from fanfold.accounting.rates import Rates
from fanfold.errors import BadInput
from fanfold.money import ZERO, exact
from fanfold.records import Charge, Fill


def entries_of_fills(fills: Iterable[Fill], rates: Rates) -> Iterator[Entry]:
    """Yield the entries of fills, in their order. Raises BadInput where a currency or a fee has no known worth."""
    for fill in fills:
        yield from entries_of(fill, rates)


@exact
def entries_of(fill: Fill, rates: Rates) -> list[Entry]:
    """Return the entries of a fill: the trade, then its fees in third coins.

    One of quantity 0, by which a position pays such fees, has none: the fill that was charged with them has theirs.
    """
    if not fill.is_trade:
        return []
    base, _, quote = fill.instrument.partition("/")
    value = rates.worth(fill.price * fill.quantity, quote, fill.at)
    fees = rates.worth(fill.fee, quote, fill.at)
    third = [(charge, _worth(charge, fill, quote, rates)) for charge in third_charges(fill)]
    fees += sum((worth for _, worth in third), ZERO)
    source = source_of(fill)
    trade: Entry
    if fill.side == "buy":
        trade = Acquired(at=fill.at, account=fill.account, coin=base, quantity=fill.quantity - fill.fee_base,
                         cost=value + fees, source=source)  # fmt: skip
    else:
        trade = Disposed(at=fill.at, account=fill.account, coin=base, quantity=fill.quantity + fill.fee_base,
                         proceeds=value - fees, source=source)  # fmt: skip
    # A fee in the tax currency is money, and disposes of nothing.
    coins = [(charge, worth) for charge, worth in third if charge.amount and charge.currency != rates.currency]
    return [trade, *(_fee(fill, source, charge, worth) for charge, worth in coins)]


def source_of(fill: Fill) -> str:
    """Return the name of a fill in reports, which no other has: a venue's trade ids are unique within a symbol."""
    return f"{fill.account} {fill.instrument} {fill.trade_id}"


def third_charges(fill: Fill) -> list[Charge]:
    """Return what a fill was charged in neither currency of its pair."""
    if not fill.charges:
        return []
    pair = fill.instrument.split("/")
    return [charge for charge in fill.charges if charge.currency not in pair]


def _fee(fill: Fill, source: str, charge: Charge, worth: Decimal) -> Entry:
    if charge.amount < 0:
        return Acquired(at=fill.at, account=fill.account, coin=charge.currency, quantity=-charge.amount, cost=-worth,
                        source=source)  # fmt: skip
    return Disposed(at=fill.at, account=fill.account, coin=charge.currency, quantity=charge.amount, proceeds=worth,
                    source=source, kind="fee")  # fmt: skip


def _worth(charge: Charge, fill: Fill, quote: str, rates: Rates) -> Decimal:
    """Return the worth of a fee when it was booked; by the rates where the venue had no price."""
    if charge.value is not msgspec.UNSET:
        return rates.worth(charge.value, quote, fill.at)
    try:
        return rates.worth(charge.amount, charge.currency, fill.at)
    except BadInput as wrong:
        raise BadInput(f"trade {fill.trade_id}: its fee of {charge.amount:f} {charge.currency}: {wrong}") from wrong
