"""Requests of operators that the ledger remembers: what was done under a key, and what waits to be confirmed."""

from datetime import datetime

import msgspec

KEPT_S = 86_400


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """A request that was done: whose, its key, its digest, and the response's status and JSON."""

    principal: str
    key: str
    digest: str
    status: int
    body: str


class PendingResume(msgspec.Struct, frozen=True, kw_only=True):
    """A request to resume: who asked, when and why, and its confirmation. A halt of the account voids it.

    To ``rearm`` the account is to let its day and its peak begin anew. ``replaces`` is the change that halted it.
    """

    account: str
    confirmation: str
    principal: str
    reason: str
    asked_at: datetime
    rearm: bool = False
    replaces: str = ""


def expiry_s(now: datetime) -> int:
    """Return until when a request that comes now is kept, in epoch seconds."""
    return int(now.timestamp()) + KEPT_S
