"""Reconcile an account's fills with the books that its ledger publishes."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from itertools import chain as chain_of

import msgspec

from audit_service.recorded import recorded
from fanfold.audit import chain, queries
from fanfold.audit.chain import Head
from fanfold.audit.daily_report import Closing, DayOfAccount, Difference, LateFill
from fanfold.audit.lake_schema import day_of
from fanfold.audit.ports import AuditLog, Published
from fanfold.desk import Account
from fanfold.errors import Conflict
from fanfold.ledger import positions
from fanfold.messages import ExecutionReport, Fill, PositionSnapshot
from fanfold.money import ZERO, exact


class BooksDiffer(Exception):
    """Cash or positions by the fills differ from the ledger's; the text has the figures."""


def reconcile(
    name: str, account: Account, day: str, today: str, before: Closing | None, views: Published, log: AuditLog
) -> DayOfAccount:
    """Return the account's day, if its fills up to now add up to the cash and positions that are published now.

    ``before`` is where the newest closed day began, None for the account's start; counted are the fills of later days,
    and those of earlier ones that were recorded since. Raises BooksDiffer, and Conflict where the account was recorded
    meanwhile.
    """
    start = before or Closing(day="", cash=account.cash, held={})
    head = _at_rest(name, views, log)
    published = views.read(("books", name))
    fresh = _recorded_since(start, head, views, log)
    fills = {dt: _fills(views, name, dt) for dt in _days(start, today, fresh)}
    holdings = [queries.holding(item) for item in views.of_account(name, "position")]
    if _at_rest(name, views, log) != head:
        raise Conflict(f"account {name} traded while it was reconciled")
    start = msgspec.structs.replace(start, through=head.seq)
    start = _closing(start, start.day, [[fill for fill in fresh if day_of(fill.at) <= start.day]])
    now = _closing(start, day, fills.values())
    cash = Decimal(published["cash"]) if published else account.cash
    differences = _differences(now, cash, holdings)
    if differences:
        raise BooksDiffer(f"account {name}: {msgspec.json.encode(differences).decode()}")
    late = [fill for fill in fresh if before and day_of(fill.at) <= _next(start.day)]
    return msgspec.structs.replace(_day(name, account.currency, day, start, fills), late=list(map(_late, late)))


def _recorded_since(start: Closing, head: Head, views: Published, log: AuditLog) -> list[Fill]:
    """Return the fills that were recorded since a closing, in their order."""
    lines = chain_of.from_iterable(recorded(head, start.through, log, views))
    reports = (message for message in map(chain.message_of, lines) if isinstance(message, ExecutionReport))
    return [fill for report in reports for fill in report.fills]


def _days(start: Closing, today: str, fresh: Iterable[Fill]) -> list[str]:
    """Return the days after a closing that may have fills: all until today, and any on which a venue saw one."""
    days = {day_of(fill.at) for fill in fresh}
    if start.day:
        first = date.fromisoformat(start.day)
        count = (date.fromisoformat(today) - first).days
        days |= {(first + timedelta(days=number)).isoformat() for number in range(1, count + 1)}
    return sorted(dt for dt in days if dt > start.day)


def _next(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


@exact
def _late(fill: Fill) -> LateFill:
    return LateFill(
        day=day_of(fill.at),
        trade_id=fill.trade_id,
        instance=fill.instance,
        instrument=fill.instrument,
        cash=positions.cash_flow(fill),
        quantity=positions.received(fill),
    )


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
        trades=sum(fill.is_trade for fill in today),
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
    kept = {leg: quantity for leg, quantity in held.items() if quantity}
    return Closing(day=day, cash=cash, held=kept, through=start.through)


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
