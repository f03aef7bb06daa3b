"""Show the positions of each strategy instance, at the last close.

Example: fanfold positions --account main
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fanfold.audit.queries import holdings_of
from fanfold.cli.argument_types import Account, Shared, StageName
from fanfold.cli.exit_codes import DESK
from fanfold.cli.output import Answer, grid
from fanfold.cli.reading import marks_of
from fanfold.local.session import Session
from fanfold.messages import PositionSnapshot
from fanfold.money import ZERO, exact, money, places_of, profit
from fanfold.risk.exposure import Mark
from fanfold.stages.session import reach

EXITS = DESK
_SUMMED = ("cost", "value", "unrealised", "realised", "fees")
_COLUMNS = {
    "instance": "strategy",
    "instrument": "instrument",
    "quantity": "quantity",
    "value": "value",
    "unrealised": "unrealised",
    "realised": "realised",
    "fees": "fees",
}


def command(*, options: Shared, stage: StageName = "", account: Account = None) -> Answer:
    """Return every position by strategy and instrument, with totals; a flat one still has its profit."""
    with reach(options.state, stage, options.command) as session:
        names = session.accounts(account)
        rows = rows_of(session, {name: marks_of(session, name) for name in names})
    if not rows:
        return Answer({"positions": []}, ["no positions"])
    # As fine as the account needs that is kept in the dearest coin.
    places = max(places_of(account.cash) for account in session.desk.accounts.values())
    currencies = {name: account.currency for name, account in session.desk.accounts.items()}
    totals = [_total(currency, rows, currencies) for currency in sorted(set(currencies.values()))]
    several = len({row["account"] for row in rows}) > 1
    columns = ({"account": "account"} if several else {}) | _COLUMNS
    return Answer(
        {"positions": rows, "totals": totals}, [grid("", [_row(row, places) for row in [*rows, *totals]], columns)]
    )


def rows_of(session: Session, marks: Mapping[str, Mapping[str, Mark]]) -> list[dict[str, Any]]:
    """Return the positions of accounts, each at its last close; ``marks`` are by account and instrument."""
    return [
        _position(name, holding, known) for name, known in marks.items() for holding in holdings_of(session.views, name)
    ]


@exact
def _total(currency: str, rows: Sequence[dict[str, Any]], currencies: Mapping[str, str]) -> dict[str, Any]:
    """Return the sums over the accounts of a currency; what has no price adds nothing to value and unrealised."""
    own = [row for row in rows if currencies[row["account"]] == currency]
    sums = {name: sum((row[name] for row in own if row[name] is not None), ZERO) for name in _SUMMED}
    return {"account": "", "instance": f"total {currency}", "currency": currency} | sums


def _row(row: dict[str, Any], places: int) -> dict[str, Any]:
    """Return a row as the table has it: money rounded, profits with their sign."""
    rounded = {name: money(row[name], places) for name in ("value", "fees") if row[name] is not None}
    signed = {name: profit(row[name], places) for name in ("unrealised", "realised") if row[name] is not None}
    return row | rounded | signed


@exact
def _position(account: str, holding: PositionSnapshot, marks: Mapping[str, Mark]) -> dict[str, Any]:
    mark = marks.get(holding.instrument)
    value = holding.quantity * mark.price if mark else None
    return {
        "account": account,
        "instance": holding.instance,
        "instrument": holding.instrument,
        "quantity": holding.quantity,
        "cost": holding.cost,
        "last": mark.price if mark else None,
        "value": value,
        "unrealised": value - holding.cost if value is not None else None,
        "realised": holding.realised,
        "fees": holding.fees,
    }
