"""A request to let an account trade again that waits for a second principal, or for its time."""

from datetime import datetime

import msgspec


class PendingResume(msgspec.Struct, frozen=True, kw_only=True):
    """Who asked, when and why, and the confirmation to come back with. A halt of the account voids it.

    To ``rearm`` the account is to let its day and its peak begin anew.
    """

    account: str
    confirmation: str
    principal: str
    reason: str
    asked_at: datetime
    rearm: bool = False
