"""Reconcile an account's fills with the books that its ledger publishes."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal

import msgspec

from fanfold.audit import chain, queries
from fanfold.audit.chain import Head
from fanfold.audit.daily_report import Closing, DayOfAccount, Difference
from fanfold.audit.lake_schema import TRADES
from fanfold.audit.ports import AuditLog, Lake, Published
from fanfold.desk import Account
from fanfold.errors import Conflict
from fanfold.ledger import positions
from fanfold.messages import Fill, PositionSnapshot
from fanfold.money import ZERO, exact


class BooksDiffer(Exception):
    """Cash or positions by the fills differ from the ledger's; the text has the figures."""


def reconcile(
    name: str, account: Account, day: str, before: Closing | None, lake: Lake, views: Published, log: AuditLog
) -> DayOfAccount:
    """Return the account's day, if its fills up to now add up to the cash and positions that are published now.

    ``before`` is where an earlier day ended, None for the account's start; only fills after it are read. Raises
    BooksDiffer, and Conflict where the account was recorded meanwhile.
    """
    start = before or Closing(day="", cash=account.cash, held={})
    head = _at_rest(name, views, log)
    published = views.read(("books", name))
    fills = {dt: _fills(views, name, dt) for dt in sorted(lake.names(TRADES)) if dt > start.day}
    holdings = [queries.holding(item) for item in views.of_account(name, "position")]
    if _at_rest(name, views, log) != head:
        raise Conflict(f"account {name} traded while it was reconciled")
    now = _closing(start, day, fills.values())
    cash = Decimal(published["cash"]) if published else account.cash
    differences = _differences(now, cash, holdings)
    if differences:
        raise BooksDiffer(f"account {name}: {msgspec.json.encode(differences).decode()}")
    return _day(name, account.currency, day, start, fills)


def _at_rest(name: str, views: Published, log: AuditLog) -> Head:
    """Return the end of the account's chain. Raises Conflict while views of a segment beyond it are being written."""
    tip = views.tip(name)
    for key, body in log.segments(name, after=tip.head.seq):
        if chain.promised_segment(tip, key, body):
            raise Conflict(f"account {name} is being recorded")
    return tip.head


@exact
def _day(name: str, currency: str, day: str, start: Closing, fills: dict[str, list[Fill]]) -> DayOfAccount:
    eve = (date.fromisoformat(day) - timedelta(days=1)).isoformat()
    before = _closing(start, eve, (day_fills for dt, day_fills in fills.items() if dt < day))
    today = fills.get(day, [])
    return DayOfAccount(
        account=name,
        currency=currency,
        before=before,
        end=_closing(before, day, [today]),
        trades=len(today),
        turnover=sum((fill.price * fill.quantity for fill in today), ZERO),
        fees=sum((positions.fee_of(fill) for fill in today), ZERO),
    )


@exact
def _closing(start: Closing, day: str, fills: Iterable[list[Fill]]) -> Closing:
    cash, held = start.cash, dict(start.held)
    for fill in (fill for day_fills in fills for fill in day_fills):
        leg = f"{fill.instance} {fill.instrument}"
        held[leg] = held.get(leg, ZERO) + positions.received(fill)
        cash += positions.cash_flow(fill)
    return Closing(day=day, cash=cash, held={leg: quantity for leg, quantity in held.items() if quantity})


def _differences(now: Closing, cash: Decimal, holdings: list[PositionSnapshot]) -> list[Difference]:
    published = {f"{holding.instance} {holding.instrument}": holding.quantity for holding in holdings}
    pairs = {"cash": (now.cash, cash)}
    pairs |= {leg: (now.held.get(leg, ZERO), published.get(leg, ZERO)) for leg in sorted(now.held | published)}
    return [
        Difference(what=what, by_fills=ours, published=theirs)
        for what, (ours, theirs) in pairs.items()
        if ours != theirs
    ]


def _fills(views: Published, account: str, dt: str) -> list[Fill]:
    return [msgspec.convert(item["fill"], Fill) for item in views.trades(account, dt)]
