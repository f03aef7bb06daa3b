"""Rows of the CSV files that a user writes: read by column names, with errors that name the row."""

import csv
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple, NoReturn

from fanfold.errors import BadInput, near
from fanfold.market.timeframes import YEARS, YEARS_SPAN
from fanfold.money import ZERO, decimals

# As wide as the lake's amounts.
WHOLE_DIGITS_MAX, DECIMALS_MAX = 20, 18


class CsvRow(NamedTuple):
    """A row of a file, its fields by column; "" where the row has none. Row 1 is the heading."""

    file: str
    number: int
    fields: dict[str, str]

    def refuse(self, reason: str) -> NoReturn:
        """Raise BadInput that names the row."""
        raise BadInput(f"{self.file}, row {self.number}: {reason}")

    def text(self, column: str) -> str:
        """Return a text that may not be empty."""
        return self.fields.get(column, "") or self.refuse(f"`{column}` is empty")

    def at(self, column: str = "at") -> datetime:
        """Return a time in UTC; a date is its midnight, a time without a zone is in UTC."""
        written = self.text(column)
        try:
            moment = datetime.fromisoformat(written)
        except ValueError:
            self.refuse(f"`{column}` is {written!r}, not an ISO 8601 time such as 2026-03-24T09:30:00Z")
        if moment.year not in YEARS:
            self.refuse(f"`{column}` is {written!r}, not a time {YEARS_SPAN}")
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)

    def positive(self, column: str) -> Decimal:
        """Return an amount above zero."""
        value = self.amount(column)
        return value if value > 0 else self.refuse(f"`{column}` is {value:f}; it must be above zero")

    def amount(self, column: str) -> Decimal:
        """Return an amount of zero or more; an empty one is zero."""
        return self.optional(column) or ZERO

    def optional(self, column: str) -> Decimal | None:
        """Return an amount of zero or more, None where the row has none."""
        written = self.fields.get(column, "")
        if not written:
            return None
        try:
            value = Decimal(written)
        except ArithmeticError:
            value = Decimal("NaN")
        if not value.is_finite():
            self.refuse(f"`{column}` is {written!r}, not an amount such as 0.25")
        if value.adjusted() >= WHOLE_DIGITS_MAX or decimals(value) > DECIMALS_MAX:
            self.refuse(f"`{column}` has more than {WHOLE_DIGITS_MAX} whole digits or {DECIMALS_MAX} decimals")
        if value < 0:
            self.refuse(f"`{column}` is {value:f}, below zero")
        return value


def rows(text: str, file: str, needed: Collection[str], known: Collection[str]) -> Iterator[CsvRow]:
    """Yield the rows of a CSV text whose heading names the needed columns. Raises BadInput for any other heading.

    Columns are separated by commas, semicolons or tabs; empty rows are passed over.
    """
    first = text.partition("\n")[0]
    reader = csv.reader(text.splitlines(), delimiter=max(",;\t", key=first.count))
    heading = [name.strip().lower().lstrip("\ufeff") for name in next(reader, [])]
    for name in heading:
        if name not in known:
            raise BadInput(f"{file}, row 1: no column is called {name!r}{near(name, list(known))}; {_listed(known)}")
    if missing := [name for name in needed if name not in heading]:
        raise BadInput(f"{file}, row 1: the heading lacks {', '.join(missing)}; {_listed(known)}")
    for number, values in enumerate(reader, 2):
        if any(map(str.strip, values)):
            row = CsvRow(file, number, dict(zip(heading, map(str.strip, values), strict=False)))
            if len(values) > len(heading):
                row.refuse(f"it has {len(values)} fields, the heading {len(heading)}")
            yield row


def _listed(known: Collection[str]) -> str:
    return f"the columns are {', '.join(known)}"
