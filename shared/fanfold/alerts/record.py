"""An alert as it is stored: what happened, and what each channel has been told of it.

A notice is never stored: what a channel is owed follows from the two, so that a crash at any moment leaves it owed.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec

from fanfold.alerts.entries import AlertChannel, Severity, rank
from fanfold.alerts.quiet_hours import QuietHours

# An all-clear waits so long, so that a thing that comes and goes is not told of each time.
SETTLED_S = 300
# No other process tells what one has claimed, until so long after; longer than a function may run.
CLAIM_S = 120
# A channel that failed is tried again after a minute, then after twice as long each time, at most an hour.
PAUSE_S, PAUSE_S_MAX = 60, 3600
# A thing that does not last is another one when it comes after so long a time.
MOMENT_S = 86_400
# As many events of one thing are known when they are delivered again.
EVENTS_MAX = 100
# From so many failures on, a channel is one that fails, and other channels are told.
FAILURES = 3


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """An event that people should know.

    ``key`` names the thing that it is of: events of one key are one alert. ``id`` is the event's own. A thing that
    ``lasts`` is open until an event of its key has ``ended``; any other is over as it happens. ``channels`` are told
    of it whatever their lowest severity; none are those whose lowest severity it reaches. Events may come in another
    order than they happened, at ``at_s``, in seconds of the epoch: of one second, its fractions tell which was first.
    An end that is ``kept`` is stored although nothing of its key began yet; after one that is ``final`` nothing of its
    key is open again, whatever times the events name.
    """

    id: str
    key: str
    severity: Severity
    title: str
    text: str
    at_s: float
    lasts: bool = False
    ended: bool = False
    kept: bool = False
    final: bool = False
    channels: tuple[str, ...] = ()


class ChannelState(msgspec.Struct, frozen=True, kw_only=True):
    """A channel's part of an alert: the events that it is to hear of, those it was told of, when, and how bad.

    ``ended`` is whether what it was told last is an end.
    """

    heard: int = 0
    delivered: int = 0
    severity: Severity = "info"
    at_s: int = 0
    ended: bool = False
    claimed_until_s: int = 0
    failures: int = 0
    failure: str = ""
    retry_at_s: int = 0

    @property
    def knows_end(self) -> bool:
        """Return whether it was told an end, and is to hear of no event besides."""
        return self.ended and self.delivered == self.heard


class AlertRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An alert with its events counted; ``ended_s`` is 0 while it is open, ``version`` the writes so far.

    One that is ``final`` has ended for good.
    """

    key: str
    severity: Severity
    title: str
    text: str
    first_s: float
    last_s: float
    count: int = 0
    lasts: bool = False
    ended_s: float = 0
    final: bool = False
    acknowledged_by: str = ""
    events: list[str] = []
    deliveries: dict[str, ChannelState] = {}
    version: int = 0

    @property
    def open(self) -> bool:
        """Return whether it needs somebody: it lasts, is not over, and nobody took it."""
        return self.lasts and not self.ended_s and not self.acknowledged_by


class Notice(NamedTuple):
    """A text that a channel is owed. ``heard`` and ``ended`` are what it will know then."""

    channel: str
    kind: Literal["begins", "again", "over", "all clear"]
    record: AlertRecord
    heard: int
    ended: bool


Channels = Mapping[str, AlertChannel]


def with_event(record: AlertRecord | None, alert: Alert, channels: Channels) -> AlertRecord | None:
    """Return the record with an event counted; an event that is known leaves it as it is.

    None where there is nothing to store: the end of what never was.
    """
    if record and alert.id in record.events:
        return record
    if alert.ended:
        return _ended(record, alert)
    # What comes after its end, and happened before it, is over.
    ended_s = record.ended_s if record and (record.final or alert.at_s < record.ended_s) else 0
    final = record is not None and record.final
    if record is None or _is_past(record, alert.at_s, channels):
        record = _fresh(record, alert)
    severity = max(record.severity, alert.severity, key=rank)
    newest = alert if alert.at_s >= record.last_s else record
    # Who was told the end of an alert is to know that it goes on, however small the event is that says so.
    goes_on = bool(record.ended_s) and not ended_s
    loud = msgspec.structs.replace(alert, severity=severity) if goes_on else alert
    heard = [name for name, channel in channels.items() if _hears(name, channel, loud)]
    before = {name: record.deliveries.get(name, ChannelState()) for name in heard}
    hearing = {name: msgspec.structs.replace(delivery, heard=delivery.heard + 1) for name, delivery in before.items()}
    return msgspec.structs.replace(
        record,
        severity=severity,
        title=newest.title,
        text=newest.text,
        last_s=max(record.last_s, alert.at_s),
        count=record.count + 1,
        ended_s=ended_s,
        final=final,
        # To acknowledge an event covers that one; to acknowledge a lasting alert covers all of it, until it ends.
        acknowledged_by=record.acknowledged_by if record.lasts and not goes_on else "",
        events=[*record.events, alert.id][-EVENTS_MAX:],
        deliveries=record.deliveries | hearing,
    )


def _ended(record: AlertRecord | None, alert: Alert) -> AlertRecord | None:
    if record is None:
        unheard = msgspec.structs.replace(_fresh(None, alert), ended_s=alert.at_s, final=alert.final)
        return unheard if alert.kept else None
    known = record.last_s > alert.at_s or record.ended_s >= alert.at_s or (record.ended_s and not alert.kept)
    if record.final or (known and not alert.final):
        return None
    last_s = max(record.last_s, alert.at_s)
    return msgspec.structs.replace(
        record,
        ended_s=last_s if alert.final else alert.at_s,
        final=alert.final,
        last_s=last_s,
        events=[*record.events, alert.id][-EVENTS_MAX:],
    )


def _fresh(record: AlertRecord | None, alert: Alert) -> AlertRecord:
    return AlertRecord(
        key=alert.key, severity=alert.severity, title=alert.title, text=alert.text, first_s=alert.at_s,
        last_s=alert.at_s, lasts=alert.lasts, version=record.version if record else 0,
    )  # fmt: skip


def _hears(name: str, channel: AlertChannel, alert: Alert) -> bool:
    return name in alert.channels if alert.channels else rank(alert.severity) >= rank(channel.lowest)


def _is_past(record: AlertRecord, now_s: float, channels: Channels) -> bool:
    """Return whether a further event is the first of another alert: this one is over, and nobody is owed its end."""
    over = bool(record.ended_s) if record.lasts else now_s - record.last_s >= MOMENT_S
    return over and all(_is_settled(record, each, channels.get(name)) for name, each in record.deliveries.items())


def _is_settled(record: AlertRecord, delivery: ChannelState, channel: AlertChannel | None) -> bool:
    if channel is None or (channel.after_s and not delivery.delivered):
        return True
    return delivery.knows_end if record.lasts else delivery.delivered == delivery.heard or bool(record.acknowledged_by)


def owed(record: AlertRecord, name: str, channel: AlertChannel, now_s: int) -> Notice | None:
    """Return what a channel is to be told now; None where nothing is, or another process is at it."""
    delivery = record.deliveries.get(name, ChannelState())
    if delivery.heard == 0 or now_s < max(delivery.claimed_until_s, delivery.retry_at_s):
        return None
    if QuietHours.of(channel.quiet).hold(now_s) and rank(record.severity) < rank(channel.breaks):
        return None
    kind = _first(record, channel, now_s) if delivery.delivered == 0 else _further(record, delivery, channel, now_s)
    return Notice(name, kind, record, delivery.heard, bool(record.ended_s)) if kind else None


def _first(record: AlertRecord, channel: AlertChannel, now_s: int) -> Literal["begins", "over"] | None:
    taken = record.ended_s or record.acknowledged_by
    if channel.after_s and (taken or now_s < record.first_s + channel.after_s):
        return None
    return "over" if record.ended_s else "begins"


def _further(
    record: AlertRecord, delivery: ChannelState, channel: AlertChannel, now_s: int
) -> Literal["again", "all clear"] | None:
    if record.ended_s:
        return "all clear" if not delivery.knows_end and now_s >= record.ended_s + SETTLED_S else None
    if record.acknowledged_by:
        return None
    worse = rank(record.severity) > rank(delivery.severity)
    more = delivery.heard > delivery.delivered and now_s >= delivery.at_s + channel.repeat_s
    # Who was told that it is over takes it for over: that it goes on does not wait.
    return "again" if worse or more or delivery.ended else None


def with_claims(record: AlertRecord, channels: Channels, now_s: int) -> tuple[AlertRecord, list[Notice]]:
    """Return the notices that are owed, and the record that keeps other processes from telling them too."""
    owing = [owed(record, name, channel, now_s) for name, channel in channels.items()]
    notices = [notice for notice in owing if notice]
    claims = {
        notice.channel: msgspec.structs.replace(record.deliveries[notice.channel], claimed_until_s=now_s + CLAIM_S)
        for notice in notices
    }
    return msgspec.structs.replace(record, deliveries=record.deliveries | claims), notices


def with_delivery(record: AlertRecord, notice: Notice, now_s: int) -> AlertRecord:
    """Return the record once a channel took a notice."""
    before = record.deliveries.get(notice.channel, ChannelState())
    delivery = ChannelState(
        heard=before.heard, delivered=notice.heard, severity=notice.record.severity, at_s=now_s, ended=notice.ended
    )
    return msgspec.structs.replace(record, deliveries=record.deliveries | {notice.channel: delivery})


def with_failure(record: AlertRecord, notice: Notice, reason: str, now_s: int) -> AlertRecord:
    """Return the record once a channel did not take a notice."""
    before = record.deliveries.get(notice.channel, ChannelState())
    pause_s = min(PAUSE_S * 2**before.failures, PAUSE_S_MAX)
    delivery = msgspec.structs.replace(
        before, claimed_until_s=0, failures=before.failures + 1, failure=reason, retry_at_s=now_s + pause_s
    )
    return msgspec.structs.replace(record, deliveries=record.deliveries | {notice.channel: delivery})


def with_acknowledgement(record: AlertRecord, who: str) -> AlertRecord:
    """Return the record once somebody took the alert."""
    return msgspec.structs.replace(record, acknowledged_by=who)
