"""Show accounts, trading states, money, open orders, queues and dead letters.

Example: fanfold status
Example: fanfold status --stage live --json
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from fanfold.audit.open_orders import OpenOrders
from fanfold.cli import parity_reports
from fanfold.cli.argument_types import Account, Shared, StageName
from fanfold.cli.exit_codes import DESK, Exit
from fanfold.cli.output import Answer, Grid, cell, grid
from fanfold.cli.reading import StoredBooks, books_of, leg_text, legs_of, unprotected_of
from fanfold.deployment import STAGE, dead_letters_names, queue_name
from fanfold.ledger.account_books import AccountBooks
from fanfold.local.session import Session
from fanfold.money import ZERO, amount, exact
from fanfold.risk.exposure import Mark
from fanfold.risk.poll import PollState
from fanfold.stages.session import reach

EXITS = (Exit.FAILED, *DESK)


def command(*, options: Shared, stage: StageName = "", account: Account = None) -> Answer:
    """Return accounts with their money, and what waits in the queues; a failure where books do not balance."""
    with reach(options.state, stage, options.command) as session:
        document = document_of(session, books_of(session, session.accounts(account)))
    accounts, queues, parity = (document[name] for name in ("accounts", "queues", "parity"))
    balance = all(books["books_balance"] for books in accounts)
    text = [line for books in accounts for line in _account_text(books, session.stage)]
    text += [f"parity {parity_reports.summary(parity)}"] if parity is not None else []
    return Answer(document, ["\n".join(text), _queues_text(queues)], Exit.OK if balance else Exit.FAILED)


def document_of(session: Session, stored: Mapping[str, StoredBooks]) -> dict[str, Any]:
    """Return accounts with their money, and what waits in the queues, as programs read them."""
    return {
        "running": session.running,
        "accounts": [_account(session, name, *each) for name, each in stored.items()],
        "queues": [_queue(session, service) for service in session.services],
        "parity": parity_reports.newest(session),
    }


@exact
def expected_cash(start: Decimal, books: AccountBooks) -> Decimal:
    """Return the cash there must be: the start and what was realised, less fees that cash paid and the cost of lots."""
    held = [item.position for item in books.positions.values()]
    paid = [position.fees - position.other_fees for position in held]
    return start + sum((position.realised - position.cost for position in held), ZERO) - sum(paid, ZERO)


@exact
def equity(cash: Decimal, books: AccountBooks, marks: Mapping[str, Mark]) -> Decimal:
    """Return cash and positions at their last closes, less fees in third currencies.

    A position without a close, see ``unmarked``, counts nothing.
    """
    held = {leg: item.position.quantity for leg, item in books.positions.items()}
    other_fees = sum((item.position.other_fees for item in books.positions.values()), ZERO)
    values = (quantity * marks[leg[1]].price for leg, quantity in held.items() if leg[1] in marks)
    return cash + sum(values, ZERO) - other_fees


def unmarked(books: AccountBooks, marks: Mapping[str, Mark]) -> list[str]:
    """Return the instruments that are held and have no known price."""
    held = {leg[1] for leg, item in books.positions.items() if item.position.quantity}
    return sorted(held - marks.keys())


def _account(session: Session, name: str, books: AccountBooks, poll: PollState) -> dict[str, Any]:
    opened = session.desk.accounts[name]
    if books.account is None:
        return {
            "account": name,
            "trading_state": "not opened",
            "cash": ZERO,
            "books_balance": True,
            "currency": opened.currency,
        }
    change = session.views.read(("trading-state", name))
    expected = expected_cash(opened.cash, books)
    return {
        "account": name,
        "venue": opened.venue,
        "currency": opened.currency,
        "trading_state": str(books.account.trading_state or "missing: no trade"),
        "trading_state_reason": change.get("reason", ""),
        "trading_state_actor": change.get("actor", ""),
        "trading_state_change": books.account.trading_state_cause,
        "start": opened.cash,
        "cash": books.account.cash,
        "reserved": books.account.reserved,
        "equity": equity(books.account.cash, books, poll.marks),
        "unmarked": unmarked(books, poll.marks),
        "peak_equity": poll.carried.peak_equity,
        "fees": _sum(item.position.fees for item in books.positions.values()),
        "legs": legs_of(session, name),
        "unprotected": unprotected_of(session, name),
        "frozen": books.real.frozen_instruments,
        "venue_rules": {instrument: kept.reason for instrument, kept in sorted(books.real.rules.items())},
        "positions": sum(1 for item in books.positions.values() if item.position.quantity),
        "open_orders": len(OpenOrders(session.views).of(name)),
        "last_bar": _time(max((mark.closes_at_s for mark in poll.marks.values()), default=0)),
        "books_balance": expected == books.account.cash,
        "expected_cash": expected,
    }


@exact
def _sum(values: Any) -> Decimal:
    return sum(values, ZERO)


def _time(at: int) -> datetime | None:
    return datetime.fromtimestamp(at, UTC) if at else None


def opening(account: str, stage: str) -> str:
    """Return the command that opens an account of a stage, or of a desk on this machine."""
    return "fanfold run" if stage == STAGE else f"fanfold open --stage {stage} --account {account} --reason TEXT"


def _account_text(account: dict[str, Any], stage: str) -> list[str]:
    if "equity" not in account:
        name = account["account"]
        return [f"account {name}: not opened yet; `{opening(name, stage)}` opens it"]
    why, by = account["trading_state_reason"], account["trading_state_actor"]
    because = f" ({why}, by {by})" if why else ""
    text = [f"account {account['account']}: {account['trading_state']}{because}"]
    for name in ("equity", "cash", "reserved", "start", "fees"):
        text.append(f"  {name:<12}{amount(account[name])} {account['currency']}")
    if account["unmarked"]:
        text.append(f"  equity is without {cell(account['unmarked'])}: no price is known yet")
    text += [f"  {label:<12}{cell(account[name])}" for name, label in _COUNTS.items()]
    legs = [f"  {'no trade':<12}{leg_text(leg)}" for leg in account["legs"]]
    text += [f"  {'no stop':<12}{leg_text(leg)}" for leg in account["unprotected"]]
    text += [f"  {'frozen':<12}{instrument}: {reason}" for instrument, reason in sorted(account["frozen"].items())]
    text += [f"  {'venue rules':<12}{reason}" for reason in account["venue_rules"].values()]
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
    request = {"QueueUrl": session.queue_url(queue), "AttributeNames": names}
    attributes = session.call("sqs", "GetQueueAttributes", request)["Attributes"]
    return sum(int(attributes.get(name, 0)) for name in names)


def _queues_text(queues: list[dict[str, Any]]) -> Grid:
    return grid("", queues, {"service": "service", "waiting": "waiting", "dead_letters": "dead letters"})
