"""``fanfold status`` and ``fanfold positions``: what there is, and what it is worth."""

from argparse import Namespace
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from fanfold.audit.queries import holdings_of, is_open, orders_of
from fanfold.aws.dynamodb import ledger
from fanfold.aws.dynamodb.polls import DynamoPolls
from fanfold.cli.commands.command import Command, add_account
from fanfold.cli.commands.reading import legs_of, marks_of
from fanfold.cli.exit_codes import Exit
from fanfold.cli.idle_legs import told
from fanfold.cli.output import Answer, Grid, amount, cell, grid
from fanfold.deployment import SERVICES, dead_letters_names, queue_name
from fanfold.ledger.booking import AccountBooks
from fanfold.local.session import Session
from fanfold.messages import PositionSnapshot
from fanfold.money import ZERO, exact
from fanfold.risk.exposure import Mark
from fanfold.stages.session import reach


def status(arguments: Namespace) -> Answer:
    """Accounts, their trading states and money, and what waits in the queues; a failure where books do not balance."""
    with reach(arguments) as session:
        accounts = [_account(session, name) for name in session.accounts(arguments.account)]
        queues = [_queue(session, service) for service in SERVICES]
    document = {"running": session.running, "accounts": accounts, "queues": queues}
    balance = all(account["books_balance"] for account in accounts)
    text = [line for account in accounts for line in _account_text(account)]
    return Answer(document, ["\n".join(text), _queues_text(queues)], Exit.OK if balance else Exit.FAILED)


def positions(arguments: Namespace) -> Answer:
    """Every position by strategy instance and instrument, at the last close; flat ones have made what they made."""
    with reach(arguments) as session:
        rows = [
            _position(account, holding, marks_of(session, account))
            for account in session.accounts(arguments.account)
            for holding in holdings_of(session.views, account)
        ]
    if not rows:
        return Answer({"positions": []}, ["no positions"])
    columns = {name: name.replace("_", " ") for name in rows[0]}
    return Answer({"positions": rows}, [grid("", rows, columns)])


@exact
def expected_cash(start: Decimal, books: AccountBooks) -> Decimal:
    """The cash there must be: what was started with and realised, less fees and what the open lots came for."""
    held = [item.position for item in books.positions.values()]
    return start + sum((one.realised - one.fees - one.cost for one in held), ZERO)


@exact
def equity(cash: Decimal, books: AccountBooks, marks: Mapping[str, Mark]) -> Decimal:
    """Cash and positions at their last closes; what has none, see ``unmarked``, counts nothing here."""
    held = {leg: item.position.quantity for leg, item in books.positions.items()}
    return cash + sum((quantity * marks[leg[1]].price for leg, quantity in held.items() if leg[1] in marks), ZERO)


def unmarked(books: AccountBooks, marks: Mapping[str, Mark]) -> list[str]:
    """Instruments that are held and whose price nobody knows."""
    held = {leg[1] for leg, item in books.positions.items() if item.position.quantity}
    return sorted(held - marks.keys())


def _account(session: Session, name: str) -> dict[str, Any]:
    books = ledger.read(session.ledger, name)
    opened = session.desk.accounts[name]
    if books.account is None:
        return {
            "account": name,
            "trading_state": "not opened",
            "cash": ZERO,
            "books_balance": True,
            "currency": opened.currency,
        }
    gathered = DynamoPolls(session.ledger).read(name)
    told = session.views.read(("trading-state", name))
    expected = expected_cash(opened.cash, books)
    return {
        "account": name,
        "venue": opened.venue,
        "currency": opened.currency,
        "trading_state": str(books.account.trading_state or "missing: no trade"),
        "trading_state_reason": told.get("reason", ""),
        "trading_state_actor": told.get("actor", ""),
        "start": opened.cash,
        "cash": books.account.cash,
        "reserved": books.account.reserved,
        "equity": equity(books.account.cash, books, gathered.marks),
        "unmarked": unmarked(books, gathered.marks),
        "peak_equity": gathered.peak_equity,
        "fees": _sum(item.position.fees for item in books.positions.values()),
        "legs": legs_of(session, name),
        "positions": sum(1 for item in books.positions.values() if item.position.quantity),
        "open_orders": sum(1 for order in orders_of(session.views, name) if is_open(order)),
        "last_bar": _time(max((mark.closes_at_s for mark in gathered.marks.values()), default=0)),
        "books_balance": expected == books.account.cash,
        "expected_cash": expected,
    }


@exact
def _sum(values: Any) -> Decimal:
    return sum(values, ZERO)


def _time(at: int) -> datetime | None:
    return datetime.fromtimestamp(at, UTC) if at else None


def _account_text(account: dict[str, Any]) -> list[str]:
    if "equity" not in account:
        return [f"account {account['account']}: not opened yet; `fanfold run` opens it"]
    because = (
        f" ({account['trading_state_reason']}, by {account['trading_state_actor']})"
        if account["trading_state_reason"]
        else ""
    )
    text = [f"account {account['account']}: {account['trading_state']}{because}"]
    for name in ("equity", "cash", "reserved", "start", "fees"):
        text.append(f"  {name:<12}{amount(account[name])} {account['currency']}")
    if account["unmarked"]:
        text.append(f"  equity is without {cell(account['unmarked'])}: no price is known yet")
    text += [f"  {label:<12}{cell(account[name])}" for name, label in _COUNTS.items()]
    legs = [
        f"  {'no trade':<12}{leg['instance']} {leg['instrument']}: {told(leg['code'], leg['detail'])}"
        for leg in account["legs"]
    ]
    return [*text, *legs, f"  {'books':<12}{_books_text(account)}"]


_COUNTS = {"positions": "positions", "open_orders": "open orders", "last_bar": "last bar"}


def _books_text(account: dict[str, Any]) -> str:
    if account["books_balance"]:
        return "balance: cash = start + realised - fees - cost of what is held"
    expected = amount(account["expected_cash"])
    return f"DO NOT BALANCE: cash is {amount(account['cash'])}, start + realised - fees - cost is {expected}"


def _queue(session: Session, service: str) -> dict[str, Any]:
    dead = sum(_depth(session, name) for name in dead_letters_names(service, session.stage))
    return {"service": service, "waiting": _depth(session, queue_name(service, session.stage)), "dead_letters": dead}


def _depth(session: Session, queue: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    asked = {"QueueUrl": session.queue_url(queue), "AttributeNames": names}
    found = session.call("sqs", "GetQueueAttributes", asked)["Attributes"]
    return sum(int(found.get(name, 0)) for name in names)


def _queues_text(queues: list[dict[str, Any]]) -> Grid:
    return grid("", queues, {"service": "service", "waiting": "waiting", "dead_letters": "dead letters"})


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


COMMANDS = (
    Command(
        ("status",),
        "Accounts, trading states, money, open orders, queues and dead letters.",
        "fanfold status --json",
        status,
        add_account,
        (Exit.FAILED, Exit.NOTHING_THERE, Exit.NOT_REACHABLE),
        staged=True,
    ),
    Command(
        ("positions",),
        "What each strategy instance holds, at the last close.",
        "fanfold positions --account main",
        positions,
        add_account,
        staged=True,
    ),
)
