"""Targets that come apart from their poll, perhaps for the second time: which of them still count."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from fanfold.market import timeframes
from fanfold.messages import Targets
from fanfold.risk.standing import Standing, StandingTarget


def current(message: Targets, newest_at: int, now: datetime, signal_age_s_max: int) -> Targets:
    """Return an older poll's targets without those that a newer bar of their timeframe has superseded.

    Targets that are too old altogether stay, to be refused for it. ``newest_at`` is the close of the newest poll.
    """
    if (now - message.at).total_seconds() > signal_age_s_max:
        return message
    at = int(message.at.timestamp())
    targets = [entry for entry in message.targets if newest_at < at + timeframes.seconds(entry.timeframe)]
    return msgspec.structs.replace(message, targets=targets)


def newer(known: Standing, late: Iterable[StandingTarget]) -> list[StandingTarget]:
    """Return the late targets of legs of which none stands, or an older one."""
    return [entry for entry in late if (standing := known.get(entry.leg)) is None or entry.at > standing.at]
