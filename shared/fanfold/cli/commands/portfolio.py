"""Show what every account held at a time, valued at the last close before it.

By strategy and instrument, with cost, unrealised and realised result, and the sums of each account. --at TIME counts
the fills up to then, at any past moment; without it, now.

Example: fanfold portfolio
Example: fanfold portfolio --at 2026-03-24T00:00 --json
Example: fanfold portfolio --at 2026-12-31T23:00 --currency EUR --rates ecb.csv
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from fanfold.accounting.portfolio import HeldPosition, Opened, Portfolio, Valued, portfolio
from fanfold.accounting.rates import Rates
from fanfold.cli import lake_copy
from fanfold.cli.argument_types import Account, Moment, Shared, StageName
from fanfold.cli.exit_codes import DESK
from fanfold.cli.output import Answer, Grid, grid, moment
from fanfold.cli.reading import last_close, recorded_fills
from fanfold.cli.tax_inputs import rates_of
from fanfold.errors import BadInput
from fanfold.money import ZERO, exact, money, places_of, profit
from fanfold.records import Fill
from fanfold.stages.session import reach

EXITS = DESK
_HELD = {
    "instance": "strategy",
    "instrument": "instrument",
    "quantity": "quantity",
    "close": "close",
    "value": "value",
    "unrealised": "unrealised",
    "realised": "realised",
}
_SUMS = {
    "name": "name",
    "currency": "currency",
    "cash": "cash",
    "value": "held",
    "unrealised": "unrealised",
    "realised": "realised",
    "fees": "fees",
    "equity": "equity",
}
_MONEY = ("cash", "value", "fees", "equity")
_RESULTS = ("unrealised", "realised")


def command(
    *,
    options: Shared,
    stage: StageName = "",
    account: Account = None,
    at: Annotated[Moment, Parameter(help="the time, ISO 8601; without it, now")] = None,
    currency: Annotated[
        str | None, Parameter(metavar="NAME", help="also value each account in this currency, by --rates")
    ] = None,
    rates: Annotated[Path | None, Parameter(metavar="FILE", help="rates as CSV: at,from,to,rate")] = None,
) -> Answer:
    """Return the positions of accounts at a time, and their sums by strategy and account."""
    if rates is not None and currency is None:
        raise BadInput("--rates needs --currency: name it with --currency NAME")
    from fanfold.cli.lake_closes import closes_before  # noqa: PLC0415 - duckdb and sqlglot take a while to load

    with reach(options.state, stage, options.command) as session:
        names = session.accounts(account)
        accounts = {name: session.desk.accounts[name] for name in names}
        by_rates = rates_of(accounts, currency.upper(), rates) if currency else None
        fills = recorded_fills(session, names)
        until = _until(at, last_close(session, names), fills)
        closes = closes_before(lake_copy.of_session(session, flush=True), until)
    opened = {name: Opened(currency=each.currency, cash=each.cash) for name, each in accounts.items()}
    held = portfolio(fills, opened, closes, until)
    worth = _worth(held, by_rates) if by_rates else {}
    document = msgspec.to_builtins(held)
    if by_rates:
        document |= {"currency": by_rates.currency, "worth": worth, "total": _sum(worth)}
    return Answer(document, _blocks(held, by_rates, worth))


def _until(at: int | None, close: int, fills: Sequence[Fill]) -> datetime:
    """Return the time that is asked for; without one the newest close or fill."""
    if at is not None:
        return datetime.fromtimestamp(at, UTC)
    return max([datetime.fromtimestamp(close, UTC), *(fill.at for fill in fills[-1:])])


def _worth(held: Portfolio, rates: Rates) -> dict[str, Decimal]:
    """Return the equity of each account at the rates of the time."""
    return {valued.name: rates.worth(valued.equity, valued.currency, held.at) for valued in held.accounts}


@exact
def _sum(worth: Mapping[str, Decimal]) -> Decimal:
    return sum(worth.values(), ZERO)


def _blocks(held: Portfolio, rates: Rates | None, worth: Mapping[str, Decimal]) -> list[str | Grid]:
    # As fine as the account needs that is kept in the dearest coin.
    places = max((places_of(valued.equity) for valued in held.accounts), default=2)
    several = len(held.accounts) > 1
    columns = ({"account": "account"} if several else {}) | _HELD
    parts: list[str | Grid] = [f"at {moment(held.at)} UTC"]
    if held.positions:
        parts.append(grid("", [_row(position, places) for position in held.positions], columns))
    else:
        parts.append("nothing had been traded")
    sums = [*held.strategies, *held.accounts]
    parts.append(grid("", [_row(valued, places) for valued in sums], _SUMS))
    if rates:
        parts += [f"{name}: {money(value)} {rates.currency}" for name, value in worth.items()]
        parts += [f"in all: {money(_sum(worth))} {rates.currency}"] if several else []
    return parts


def _row(record: HeldPosition | Valued, places: int) -> dict[str, Any]:
    """Return a row as the tables have it: money rounded, results with their sign."""
    row = msgspec.structs.asdict(record)
    rounded = {name: money(row[name], places) for name in _MONEY if name in row}
    return row | rounded | {name: profit(row[name], places) for name in _RESULTS}
