"""The disposals of a year: exact, and as written to the cent, with the sums of both."""

from collections.abc import Iterable
from datetime import date, datetime, tzinfo
from decimal import ROUND_HALF_EVEN, Decimal

import msgspec

from fanfold.accounting.books import Disposal, TaxBooks, Term
from fanfold.accounting.entries import Entry
from fanfold.money import ROUGH, ZERO, exact

CENT = Decimal("0.01")


class WrittenDisposal(msgspec.Struct, frozen=True, kw_only=True):
    """A disposal as it is written: its days in the zone of the taxpayer, money in cents."""

    opened: date | None
    day: date
    proceeds: Decimal
    cost: Decimal
    gain: Decimal
    disposal: Disposal


class TaxSums(msgspec.Struct, frozen=True, kw_only=True):
    """Sums of written disposals; ``coin`` and ``term`` are "" in those of all."""

    coin: str
    term: Term | str
    disposals: int
    proceeds: Decimal
    cost: Decimal
    gain: Decimal


class TaxYear(msgspec.Struct, frozen=True, kw_only=True):
    """A year's disposals, the exact gain, and the difference that rounding makes: gain of the rows less exact gain."""

    rows: list[WrittenDisposal]
    by_coin: list[TaxSums]
    total: TaxSums
    exact_gain: Decimal
    rounding: Decimal

    @property
    def uncovered(self) -> list[WrittenDisposal]:
        """The disposals of what had no lot."""
        return [row for row in self.rows if row.disposal.opened is None]


@exact
def disposals_until(books: TaxBooks, entries: Iterable[Entry], year: int, zone: tzinfo) -> list[Disposal]:
    """Book the entries up to the end of a year, and return the disposals of that year."""
    kept: list[Disposal] = []
    after = datetime(year + 1, 1, 1, tzinfo=zone)
    first = datetime(year, 1, 1, tzinfo=zone)
    for entry in entries:
        if entry.at >= after:
            break
        rows = books.book(entry)
        if entry.at >= first:
            kept += rows
    return kept


@exact
def tax_year(disposals: Iterable[Disposal], zone: tzinfo) -> TaxYear:
    """Return the disposals of a year as written, with their sums."""
    rows = [_written(disposal, zone) for disposal in disposals]
    exact_gain = sum((row.disposal.gain for row in rows), ZERO)
    total = _sums("", "", rows)
    coins = sorted({row.disposal.coin for row in rows})
    terms: tuple[Term, ...] = ("short", "long")
    groups = [
        (coin, term, [row for row in rows if (row.disposal.coin, row.disposal.term) == (coin, term)])
        for coin in coins
        for term in terms
    ]
    return TaxYear(
        rows=rows,
        by_coin=[_sums(coin, term, group) for coin, term, group in groups if group],
        total=total,
        exact_gain=exact_gain,
        rounding=total.gain - exact_gain,
    )


def _written(disposal: Disposal, zone: tzinfo) -> WrittenDisposal:
    proceeds, cost = cents(disposal.proceeds), cents(disposal.cost)
    return WrittenDisposal(
        opened=disposal.opened.astimezone(zone).date() if disposal.opened else None,
        day=disposal.at.astimezone(zone).date(),
        proceeds=proceeds,
        cost=cost,
        gain=proceeds - cost,
        disposal=disposal,
    )


def cents(amount: Decimal) -> Decimal:
    """Return an amount in whole cents, the nearest; of two as near the even one."""
    return amount.quantize(CENT, ROUND_HALF_EVEN, ROUGH)


def _sums(coin: str, term: Term | str, rows: Iterable[WrittenDisposal]) -> TaxSums:
    counted, proceeds, cost = 0, ZERO, ZERO
    for row in rows:
        counted, proceeds, cost = counted + 1, proceeds + row.proceeds, cost + row.cost
    return TaxSums(coin=coin, term=term, disposals=counted, proceeds=proceeds, cost=cost, gain=proceeds - cost)


ROW_COLUMNS = ("coin", "account", "quantity", "acquired", "disposed", "proceeds", "cost", "gain", "term", "kind",
               "acquired_at", "disposed_at", "proceeds_exact", "cost_exact", "trade", "lot")  # fmt: skip
Field = str | Decimal | date | datetime | None


def row_of(row: WrittenDisposal) -> tuple[Field, ...]:
    """Return a disposal as a row of files, with the columns of ROW_COLUMNS. Of a short sale, the sale comes second."""
    disposal = row.disposal
    acquired, disposed = (row.opened, disposal.opened), (row.day, disposal.at)
    trade, lot = disposal.source, disposal.lot
    if disposal.sold_short and disposal.opened is not None:
        (acquired, disposed), (trade, lot) = (disposed, acquired), (lot, trade)
    return (
        disposal.coin,
        disposal.account,
        disposal.quantity,
        acquired[0],
        disposed[0],
        row.proceeds,
        row.cost,
        row.gain,
        disposal.term,
        "short sale" if disposal.sold_short else disposal.kind,
        acquired[1],
        disposed[1],
        disposal.proceeds,
        disposal.cost,
        trade,
        lot,
    )
