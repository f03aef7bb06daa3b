"""The use of each account's limits by the figures that risk's rules compare, as deployed or by the desk's own books."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from fanfold.api.risk_schemas import LimitList
from fanfold.aws.client.call import AwsFault
from fanfold.aws.clock import read_market_clock
from fanfold.cli.reading import StoredBooks
from fanfold.errors import BadInput
from fanfold.ledger.account_books import AccountBooks, snapshot
from fanfold.local.driver import CLOCK
from fanfold.local.session import LocalSession, Session
from fanfold.risk.context import survey
from fanfold.risk.limit_use import LimitUse, limits_in_use
from fanfold.risk.policy import DeskPolicy, prepare
from fanfold.risk.poll import PollState
from fanfold.stages.session import StageSession

# Where limits were read: a stage's parameters may be tighter than its desk file.
DEPLOYED, DESK_FILE = "deployed", "desk file"


def now_of(session: Session) -> datetime:
    """Return the time by a desk's clock: that of its market where a run replays one."""
    clock = session.state / CLOCK
    if isinstance(session, LocalSession) and clock.exists():
        return read_market_clock(clock)
    return datetime.now(UTC)


def limits_of(session: Session, stored: Mapping[str, StoredBooks], now: datetime) -> list[dict[str, Any]]:
    """Return the limits of accounts, with what is used of each at a time, and where they were ``read``.

    Those of a stage are asked of its risk service, which knows the parameters that tighten them. Where it does not
    answer, or the caller may not ask it, and on a laptop, they are those of the desk file.
    """
    deployed = _deployed(session) if isinstance(session, StageSession) else {}
    if missing := stored.keys() - deployed.keys():
        # Without the stage's settings: which protections rest at a venue changes no limit.
        plan = prepare(session.desk)
        deployed |= {name: _of_account(plan, name, *stored[name], now) for name in missing}
    return [deployed[name] for name in stored]


def _deployed(session: StageSession) -> dict[str, dict[str, Any]]:
    """Return the limits that a stage's risk service answers, by account; none where it does not."""
    try:
        answer = msgspec.convert(session.read("/limits"), LimitList, strict=False)
    except (AwsFault, BadInput, msgspec.ValidationError):
        # Each row says where it was read.
        return {}
    return {
        each.account: _row(each.account, each.trading_state, each.breach, each.limits, DEPLOYED)
        for each in answer.accounts
    }


def _of_account(plan: DeskPolicy, name: str, books: AccountBooks, poll: PollState, now: datetime) -> dict[str, Any]:
    book = snapshot(name, books, poll)
    if book.trading_state is None:
        return _row(name, "not opened", "", [], DESK_FILE)
    context = survey(book, plan.terms(name).under(book.rules), {}, now)
    return _row(name, book.trading_state, context.breach, limits_in_use(context), DESK_FILE)


def _row(name: str, trading_state: str, breach: str, limits: list[LimitUse], read: str) -> dict[str, Any]:
    uses = [msgspec.structs.asdict(use) for use in limits]
    return {"account": name, "trading_state": trading_state, "breach": breach, "limits": uses, "read": read}
