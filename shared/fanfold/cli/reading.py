"""Queries of several commands that audit does not record; those that it does are in ``fanfold.audit.queries``."""

from datetime import UTC, date, datetime
from typing import Any

from fanfold.audit.queries import leg_states
from fanfold.aws.dynamodb.polls import DynamoPolls
from fanfold.cli.idle_legs import TRADES
from fanfold.local.session import Session
from fanfold.risk.exposure import Mark


def marks_of(session: Session, account: str) -> dict[str, Mark]:
    """Return the last closes that risk has of an account's instruments."""
    return DynamoPolls(session.ledger).read(account).marks


def legs_of(session: Session, account: str) -> list[dict[str, Any]]:
    """Return the legs of an account that do not trade, with the last reported reason."""
    return [leg for leg in leg_states(session.views, account) if leg["code"] not in TRADES]


def last_day(session: Session, accounts: list[str]) -> str:
    """Return the UTC day of the newest close that an account knows; the epoch's where there is none."""
    closes = [mark.closes_at_s for account in accounts for mark in marks_of(session, account).values()]
    # A close at midnight is of the bar before it, but what trades on it trades after midnight.
    return date_of(max(closes, default=0)).isoformat()


def date_of(at: int) -> date:
    return datetime.fromtimestamp(at, UTC).date()
