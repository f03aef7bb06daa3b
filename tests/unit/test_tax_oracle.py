"""The disposals of random ledgers are those of rp2, which `make oracle` records, and of a plain walk in fractions."""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import pytest

from fanfold.accounting.books import Disposal, TaxBooks
from fanfold.accounting.lots import METHODS, Method
from fanfold.money import ZERO, exact
from oracles.ledgers import Event, ledger
from support.tax_ledgers import entries_of

RECORDED = json.loads((Path(__file__).parents[1] / "oracles" / "recorded" / "tax.json").read_text())
LONG_TERM_DAYS = 365


def disposals(events: list[Event], method: Method) -> list[Disposal]:
    return list(TaxBooks(method, "all", LONG_TERM_DAYS).book_all(entries_of(events)))


def number(source: str) -> str:
    """The number of an event, which ends the names of fills and of transfers."""
    return source.rsplit(maxsplit=1)[-1]


@exact
def answer(rows: list[Disposal]) -> tuple[int, Decimal, Decimal, int]:
    """The figures that the oracle has of a ledger."""
    gains = {term: sum((row.gain for row in rows if row.term == term), ZERO) for term in ("short", "long")}
    taken = [f"{row.coin} {number(row.source)} {number(row.lot)} {row.quantity.normalize():f}" for row in rows]
    return len(rows), gains["short"], gains["long"], crc32("\n".join(sorted(taken)).encode())


@pytest.mark.parametrize("method", RECORDED)
def test_a_thousand_random_ledgers_are_what_rp2_makes_of_them(method: Method) -> None:
    assert len(RECORDED[method]) == 1_000
    for seed, (count, short, long, checksum) in enumerate(RECORDED[method]):
        rows, ours_short, ours_long, ours = answer(disposals(ledger(seed), method))
        assert (rows, ours) == (count, checksum), seed
        # rp2 has 31 digits, and is recorded to ten decimals.
        assert ours_short == pytest.approx(Decimal(short), abs=Decimal("1e-9")), seed
        assert ours_long == pytest.approx(Decimal(long), abs=Decimal("1e-9")), seed
    assert sum(row[0] for row in RECORDED[method]) > 10_000


class PlainLot(NamedTuple):
    """A lot of the plain walk."""

    since: datetime
    quantity: Fraction
    cost: Fraction


class PlainRow(NamedTuple):
    """A disposal of the plain walk."""

    coin: str
    quantity: Fraction
    gain: Fraction
    long: bool


def plain_walk(events: list[Event], method: str) -> list[PlainRow]:
    """Disposals by the definition of each method, from whole lists and fractions alone."""
    lots: dict[str, list[PlainLot]] = {"BTC": [], "BNB": []}
    rows: list[PlainRow] = []
    for event in events:
        price, quantity, fee_base = map(Fraction, (event.price, event.quantity, event.fee_base))
        fees = Fraction(event.fee) + Fraction(event.fee_worth)
        own = lots[event.coin]
        if event.kind == "buy":
            own.append(PlainLot(event.at, quantity - fee_base, price * quantity + fees))
        elif event.kind == "sell":
            rows += sold(own, event.coin, quantity + fee_base, price * quantity - fees, event.at, method)
        else:
            rows += sold(own, event.coin, fee_base, price * fee_base, event.at, method)
        if event.fee_bnb:
            rows += sold(lots["BNB"], "BNB", Fraction(event.fee_bnb), Fraction(event.fee_worth), event.at, method)
    return rows


def sold(
    own: list[PlainLot], coin: str, quantity: Fraction, proceeds: Fraction, at: datetime, method: str
) -> list[PlainRow]:
    order = {
        "fifo": lambda lot: lot.since,
        "lifo": lambda lot: -lot.since.timestamp(),
        "hifo": lambda lot: -lot.cost / lot.quantity,
        "average": lambda lot: lot.since,
    }
    rows, left = [], quantity
    unit = sum((lot.cost for lot in own), Fraction()) / sum((lot.quantity for lot in own), Fraction())
    for lot in sorted(own, key=order[method]):
        part = min(left, lot.quantity)
        own.remove(lot)
        if part < lot.quantity:
            own.append(PlainLot(lot.since, lot.quantity - part, lot.cost * (1 - part / lot.quantity)))
        if part:
            cost = unit * part if method == "average" else lot.cost * part / lot.quantity
            is_long = at - lot.since >= timedelta(days=LONG_TERM_DAYS)
            rows.append(PlainRow(coin, part, proceeds * part / quantity - cost, is_long))
        left -= part
    if method == "average":
        own[:] = [PlainLot(lot.since, lot.quantity, unit * lot.quantity) for lot in own]
    return rows


@pytest.mark.parametrize("method", METHODS)
def test_disposals_are_those_of_a_plain_walk_in_fractions(method: Method) -> None:
    for seed in range(1_000, 1_100):
        events = ledger(seed)
        ours, plain = disposals(events, method), plain_walk(events, method)
        assert len(ours) == len(plain) > 0
        for row, expected in zip(ours, plain, strict=True):
            assert (row.coin, Fraction(row.quantity)) == (expected.coin, expected.quantity)
            assert row.term == ("long" if expected.long else "short")
            # A share of a cost is rounded to 18 decimals, and what is left over stays in its lot.
            assert abs(Fraction(row.proceeds) - Fraction(row.cost) - expected.gain) < Fraction(1, 10**15)


@pytest.mark.parametrize("method", METHODS)
def test_costs_are_neither_made_nor_lost(method: Method) -> None:
    """The costs of what was disposed of and of what is held are what was paid, to the last digit."""
    for seed in range(1_100, 1_120):
        books = TaxBooks(method, "account", LONG_TERM_DAYS)
        entries = list(entries_of(ledger(seed)))
        rows = list(books.book_all(entries))
        bought = sum((Fraction(entry.cost) for entry in entries if hasattr(entry, "cost")), Fraction(0))
        kept = sum((Fraction(lot.cost) for lot in books.open_lots()), Fraction(0))
        assert sum((Fraction(row.cost) for row in rows), Fraction(0)) + kept == bought
        got = sum((Fraction(entry.proceeds) for entry in entries if hasattr(entry, "proceeds")), Fraction(0))
        assert sum((Fraction(row.proceeds) for row in rows), Fraction(0)) == got
