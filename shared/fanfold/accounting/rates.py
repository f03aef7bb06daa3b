"""The worth of amounts in the tax currency, by rates that the user gives."""

from bisect import bisect_right
from datetime import datetime, timedelta
from decimal import Decimal

from fanfold.accounting import csv_rows
from fanfold.errors import BadInput
from fanfold.money import exact, ratio

COLUMNS = ("at", "from", "to", "rate")
# A rate holds over a week-end with holidays, and no longer.
AGE_MAX = timedelta(days=7)


class Rates:
    """Rates by pair of currencies, in order of time; ``currency`` is that in which everything is valued."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self._times: dict[tuple[str, str], list[datetime]] = {}
        self._rates: dict[tuple[str, str], list[Decimal]] = {}

    def add(self, at: datetime, source: str, target: str, rate: Decimal) -> None:
        """Add a rate, no older than the last of its pair: a unit of the source is worth so much of the target."""
        self._times.setdefault((source, target), []).append(at)
        self._rates.setdefault((source, target), []).append(rate)

    @exact
    def worth(self, amount: Decimal, currency: str, at: datetime) -> Decimal:
        """Return the worth of an amount by the last rate until then, which is at most AGE_MAX old.

        A rate of the tax currency in the other is used the other way round. Raises BadInput where there is none.
        """
        if currency == self.currency or not amount:
            return amount
        rate = self._last((currency, self.currency), at)
        if rate is not None:
            return amount * rate
        inverse = self._last((self.currency, currency), at)
        if inverse is not None:
            return ratio(amount, inverse)
        raise BadInput(
            f"no rate of {currency} in {self.currency} is known at {at:%Y-%m-%d %H:%M}, or within the "
            f"{AGE_MAX.days} days before; add one to the file of --rates"
        )

    def _last(self, pair: tuple[str, str], at: datetime) -> Decimal | None:
        times = self._times.get(pair, [])
        place = bisect_right(times, at) - 1
        if place < 0 or at - times[place] > AGE_MAX:
            return None
        return self._rates[pair][place]


def read_rates(text: str, file: str, currency: str) -> Rates:
    """Return the rates in a CSV text with the columns of COLUMNS, in any order of time."""
    rates = Rates(currency)
    for row in sorted(csv_rows.rows(text, file, COLUMNS, COLUMNS), key=lambda row: row.at()):
        rates.add(row.at(), row.text("from").upper(), row.text("to").upper(), row.positive("rate"))
    return rates
