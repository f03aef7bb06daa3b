"""The tax books as beancount's text, which bean-check and every report of beancount read.

A purchase makes a lot with a label, and a sale names the lots that it takes. Gains are left to beancount, which so
computes them a second time. Coins of all accounts are in one account a coin, what was sold short in another.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, tzinfo
from decimal import Decimal

from fanfold.accounting.books import Disposal, TaxBooks
from fanfold.accounting.entries import Acquired, Disposed, Entry
from fanfold.accounting.lots import Method
from fanfold.errors import BadInput
from fanfold.money import ZERO, exact

CASH, GAINS, UNCOVERED = "Assets:Cash", "Income:Gains", "Equity:Uncovered"
_NAME_MAX = 24


def check_method(method: Method) -> None:
    """Raise BadInput for the method by which no lot has a cost of its own."""
    if method == "average":
        raise BadInput("beancount does not book by average cost: leave --beancount out, or take another --method")


class BeancountWriter:
    """Books entries and writes them as transactions, money in the tax currency; ``check_method`` passed theirs."""

    def __init__(self, books: TaxBooks, currency: str, zone: tzinfo) -> None:
        self._books = books
        self._currency = coin_name(currency)
        self._zone = zone
        self._opened: set[str] = set()

    def lines(self, entries: Iterable[Entry]) -> Iterator[str]:
        """Yield the text of all entries, which come in order of time, line by line."""
        yield 'option "title" "Fanfold"'
        yield f'option "operating_currency" "{self._currency}"'
        yield 'option "booking_method" "STRICT"'
        yield from (f"1970-01-01 open {name}" for name in (CASH, GAINS, UNCOVERED))
        for entry in entries:
            yield from self._transaction(entry)

    @exact
    def _transaction(self, entry: Entry) -> list[str]:
        rows = self._books.book(entry)
        match entry:
            case Acquired():
                return self._written(entry, "acquired", self._acquired(entry, rows))
            case Disposed():
                return self._written(entry, "disposed of", self._disposed(entry, rows))
            case _:
                return []

    def _written(self, entry: Acquired | Disposed, verb: str, postings: list[tuple[str, str]]) -> list[str]:
        day = self._day(entry.at)
        fresh = dict.fromkeys(name for name, _ in postings if name.count(":") == 2 and name not in self._opened)
        self._opened |= fresh.keys()
        return [
            *(f"{day} open {name}" for name in fresh),
            f'{day} * "{verb} {entry.coin}" "{_quoted(entry.source)}"',
            *(f"  {name}  {amount}".rstrip() for name, amount in postings),
        ]

    def _acquired(self, entry: Acquired, rows: list[Disposal]) -> list[tuple[str, str]]:
        left = entry.quantity - sum((row.quantity for row in rows), ZERO)
        cost = entry.cost - sum((row.cost for row in rows), ZERO)
        postings = [(self._owed(row.coin), self._reduction(row.quantity, row)) for row in rows]
        if left:
            lot = self._lot(left, entry.coin, cost, entry.since or entry.at, entry.source)
            postings.append((self._held(entry.coin), lot))
        paid = (CASH, f"{-entry.cost:f} {self._currency}") if rows else (CASH, "")
        return [*postings, paid, *([(GAINS, "")] if rows else [])]

    def _disposed(self, entry: Disposed, rows: list[Disposal]) -> list[tuple[str, str]]:
        postings = [
            (self._held(row.coin), self._reduction(-row.quantity, row))
            if row.opened
            else (UNCOVERED, f"{-row.quantity:f} {coin_name(row.coin)} @@ 0 {self._currency}")
            for row in rows
        ]
        left = entry.quantity - sum((row.quantity for row in rows), ZERO)
        proceeds = entry.proceeds - sum((row.proceeds for row in rows), ZERO)
        if left:
            postings.append((self._owed(entry.coin), self._lot(-left, entry.coin, proceeds, entry.at, entry.source)))
        received = (CASH, f"{entry.proceeds:f} {self._currency}") if rows else (CASH, "")
        return [*postings, received, *([(GAINS, "")] if rows else [])]

    def _lot(self, quantity: Decimal, coin: str, cost: Decimal, since: datetime, source: str) -> str:
        held_since = self._day(since)
        return f'{quantity:f} {coin_name(coin)} {{{{{cost:f} {self._currency}, {held_since}, "{_quoted(source)}"}}}}'

    def _reduction(self, quantity: Decimal, row: Disposal) -> str:
        return f'{quantity:f} {coin_name(row.coin)} {{"{_quoted(row.lot)}"}}'

    def _held(self, coin: str) -> str:
        return f"Assets:Coins:{_part(coin)}"

    def _owed(self, coin: str) -> str:
        return f"Liabilities:Short:{_part(coin)}"

    def _day(self, at: datetime) -> date:
        return at.astimezone(self._zone).date()


def coin_name(coin: str) -> str:
    """Return a coin's name as beancount wants it: up to 24 capitals, digits, and signs inside, a letter first.

    >>> coin_name("BTC"), coin_name("1000SATS"), coin_name("Luna2.0")
    ('BTC', 'X1000SATS', 'LUNA2.0')
    """
    name = re.sub(r"[^A-Z0-9._-]", "-", coin.upper())
    name = name if name[:1].isalpha() else f"X{name}"
    return name[:_NAME_MAX].rstrip("._-")


def _part(coin: str) -> str:
    return coin_name(coin).replace(".", "-").replace("_", "-")


def _quoted(text: str) -> str:
    return text.replace("\\", "/").replace('"', "'")
