"""The inputs of `fanfold tax`: the fills of a desk, and the files that its user names."""

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from typing import NamedTuple

from fanfold.accounting import movements
from fanfold.accounting.books import Pools, TaxBooks
from fanfold.accounting.entries import Entry, in_order
from fanfold.accounting.fill_entries import entries_of_fills
from fanfold.accounting.lots import Method
from fanfold.accounting.movements import Movements
from fanfold.accounting.rates import Rates, read_rates
from fanfold.cli.tax_files import read_text
from fanfold.desk import Account
from fanfold.errors import BadInput, NothingThere
from fanfold.records import Fill

NO_MOVEMENTS = Movements(entries=[], unmatched=[])


class TaxRules(NamedTuple):
    """The rules of a computation, as the command's options name them."""

    method: Method
    pools: Pools
    long_term_days: int
    year: int
    zone: tzinfo

    @property
    def after(self) -> datetime:
        """The first moment after the year."""
        return datetime(self.year + 1, 1, 1, tzinfo=self.zone)


class TaxInputs(NamedTuple):
    """Accounts of the desk by name, every fill of theirs, and what the user's files say."""

    rules: TaxRules
    accounts: dict[str, Account]
    fills: list[Fill]
    rates: Rates
    opening: list[Entry]
    moved: Movements

    def entries(self) -> Iterator[Entry]:
        """Yield all entries up to the end of the year, in order of time."""
        fills = (fill for fill in self.fills if fill.at < self.rules.after)
        entries = in_order(self.opening, self.moved.entries, entries_of_fills(fills, self.rates))
        return (entry for entry in entries if entry.at < self.rules.after)

    def books(self) -> TaxBooks:
        """Return empty books by the rules."""
        margin = [name for name, account in self.accounts.items() if account.kind == "margin"]
        return TaxBooks(self.rules.method, self.rules.pools, self.rules.long_term_days, margin)


def tax_currency(accounts: dict[str, Account], named: str | None) -> str:
    """Return the currency of the computation. Raises BadInput where accounts have several and none is named."""
    currencies = sorted({account.currency for account in accounts.values()})
    if named is None and len(currencies) > 1:
        raise BadInput(
            f"the accounts have several currencies, {', '.join(currencies)}: name that of your taxes with --currency "
            "and give --rates, or one account with --account"
        )
    return named.upper() if named else currencies[0]


def rates_of(accounts: dict[str, Account], currency: str, path: Path | None) -> Rates:
    """Return the rates in a file. Raises BadInput where one is needed and not named."""
    if path is not None:
        return read_rates(read_text(path), str(path), currency)
    foreign = sorted({account.currency for account in accounts.values()} - {currency})
    if foreign:
        raise BadInput(
            f"--currency {currency} needs --rates FILE with rates of {', '.join(foreign)}; docs/tax.md has its columns"
        )
    return Rates(currency)


def opening_of(path: Path | None, names: Sequence[str]) -> list[Entry]:
    """Return the lots of a file of opening lots."""
    return movements.read_opening(read_text(path), str(path), names) if path else []


def movements_of(path: Path | None, accounts: dict[str, Account], rates: Rates) -> Movements:
    """Return the deposits, withdrawals and transfers of a file."""
    if path is None:
        return NO_MOVEMENTS
    currencies = {name: account.currency for name, account in accounts.items()}
    return movements.read_movements(read_text(path), str(path), currencies, rates)


def check_year(inputs: TaxInputs) -> None:
    """Raise NothingThere for a year in which nothing happened."""
    rules = inputs.rules
    first = datetime(rules.year, 1, 1, tzinfo=rules.zone)
    times = [fill.at for fill in inputs.fills]
    if any(first <= at < rules.after for at in [*times, *(entry.at for entry in inputs.moved.entries)]):
        return
    if not times:
        raise NothingThere("there are no fills of any year yet; `fanfold run` trades")
    days = [f"{at.astimezone(rules.zone):%Y-%m-%d}" for at in (min(times), max(times))]
    raise NothingThere(f"nothing was traded in {rules.year}; the fills are from {days[0]} to {days[1]}")


def traded_accounts(accounts: dict[str, Account], named: Sequence[str]) -> dict[str, Account]:
    """Return the named accounts; of all of a desk the live ones, if it has any: what is on paper is no real trade."""
    chosen = {name: accounts[name] for name in named}
    live = {name: account for name, account in chosen.items() if account.mode == "live"}
    return live if live and len(named) > 1 else chosen
