"""The use of each account's limits, from the desk's own books, by the figures that risk's rules compare."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from fanfold.aws.clock import read_market_clock
from fanfold.aws.dynamodb import ledger
from fanfold.aws.dynamodb.polls import DynamoPolls
from fanfold.ledger.account_books import snapshot
from fanfold.local.driver import CLOCK
from fanfold.local.session import LocalSession, Session
from fanfold.risk.context import survey
from fanfold.risk.limit_use import limits_in_use
from fanfold.risk.policy import DeskPolicy, prepare


def now_of(session: Session) -> datetime:
    """Return the time by a desk's clock: that of its market where a run replays one."""
    clock = session.state / CLOCK
    if isinstance(session, LocalSession) and clock.exists():
        return read_market_clock(clock)
    return datetime.now(UTC)


def limits_of(session: Session, names: Sequence[str], now: datetime) -> list[dict[str, Any]]:
    """Return the limits of accounts as the desk file has them, with what is used of each at a time.

    Parameters of a stage that tighten them are not read here; see GET /limits.
    """
    # Which protections rest at a venue changes no limit.
    plan = prepare(session.desk)
    return [_of_account(session, plan, name, now) for name in names]


def _of_account(session: Session, plan: DeskPolicy, name: str, now: datetime) -> dict[str, Any]:
    book = snapshot(name, ledger.read(session.ledger, name), DynamoPolls(session.ledger).read(name))
    if book.trading_state is None:
        return {"account": name, "trading_state": "not opened", "breach": "", "limits": []}
    context = survey(book, plan.terms(name).under(book.rules), {}, now)
    limits = [msgspec.structs.asdict(use) for use in limits_in_use(context)]
    return {"account": name, "trading_state": book.trading_state, "breach": context.breach, "limits": limits}
