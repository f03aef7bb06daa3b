"""Plan a daily close; a day that is closed needs nothing."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from fanfold.audit.ports import AuditLog, Reports, Seals


class Agenda(msgspec.Struct, frozen=True, kw_only=True):
    """The UTC day to close (2026-01-31), and the chains and accounts to look at."""

    day: str
    done: bool
    streams: list[str]
    accounts: list[str]


def agenda(scheduled: datetime, log: AuditLog, reports: Reports, seals: Seals, accounts: Iterable[str]) -> Agenda:
    """Plan the close of the day before the scheduled time, however late the close runs and however often."""
    day = (scheduled.astimezone(UTC) - timedelta(days=1)).date().isoformat()
    done = reports.is_closed(day) and seals.is_sealed(day)
    return Agenda(day=day, done=done, streams=log.streams(), accounts=sorted(accounts))
