"""Send alerts to channels: store what happened, claim the notices that are due, deliver them, store that they were.

Delivery is at least once: an alert that was stored reaches each of its channels as soon as the channel takes it. A
notice is delivered twice only where a process ends between the channel's answer and the write that follows, or where a
channel takes a notice and says that it did not.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from fanfold.alerts import record as states
from fanfold.alerts.record import FAILURES, Alert, AlertRecord, Channels, Notice
from fanfold.errors import Backoff, BadInput, retry_on_conflict

TRIES = 8


class ChannelFailed(Exception):
    """A channel did not take a notice. The text says why, and holds no part of the channel's address."""


class AlertStore(Protocol):
    """The stored alerts."""

    def get(self, key: str) -> AlertRecord | None: ...

    def put(self, record: AlertRecord) -> None:
        """Replace the record of version ``record.version``, 0 being none. Raises Conflict where there is another."""

    def all(self, *, consistent: bool = True) -> Iterable[AlertRecord]:
        """Return every record; at half the price, what is not ``consistent`` may be as it was a moment ago."""


class AlertSender(NamedTuple):
    """The one way to a person: a store, the channels of the desk, and what delivers a notice.

    ``deliver`` raises ChannelFailed; ``now_s`` returns seconds of the epoch; ``report`` is called with what a channel
    refused.
    """

    store: AlertStore
    channels: Channels
    deliver: Callable[[Notice], None]
    now_s: Callable[[], int]
    backoff: Backoff
    report: Callable[[str, str], None]

    def send(self, alert: Alert) -> None:
        """Count an event of an alert, and deliver the notices that are due to its channels."""
        self._deliver_due(alert.key, lambda record: states.with_event(record, alert, self.channels))

    def follow_up(self) -> int:
        """Deliver what became due since, or was left by a process that ended; return how many alerts are open."""
        # What a late look misses is found at the next; whatever is delivered is claimed at the record as it is now.
        records = list(self.store.all(consistent=False))
        for record in records:
            if states.with_claims(record, self.channels, self.now_s())[1]:
                self._deliver_due(record.key, lambda current: current)
        return sum(record.open for record in records)

    def _deliver_due(self, key: str, change: Callable[[AlertRecord | None], AlertRecord | None]) -> None:
        for notice in self._changed(key, change):
            try:
                self.deliver(notice)
            except ChannelFailed as failure:
                self._failed(notice, str(failure))
            else:
                self._delivered(notice)

    def _changed(self, key: str, change: Callable[[AlertRecord | None], AlertRecord | None]) -> Sequence[Notice]:
        """Store a change and the claims of the notices that it makes due, in one write; return these."""

        def attempt() -> Sequence[Notice]:
            before = self.store.get(key)
            changed = change(before)
            if changed is None:
                return ()
            claimed, notices = states.with_claims(changed, self.channels, self.now_s())
            if claimed != before:
                self.store.put(claimed)
            return notices

        return retry_on_conflict(attempt, TRIES, f"the alert {key}", self.backoff)

    def _delivered(self, notice: Notice) -> None:
        failures = notice.record.deliveries[notice.channel].failures
        self._changed_by(notice, lambda record: states.with_delivery(record, notice, self.now_s()))
        if failures >= FAILURES:
            self.send(_of_channel(notice, "", self.now_s(), ended=True))

    def _failed(self, notice: Notice, reason: str) -> None:
        self.report(notice.channel, reason)
        failures = notice.record.deliveries[notice.channel].failures + 1
        self._changed_by(notice, lambda record: states.with_failure(record, notice, reason, self.now_s()))
        if failures == FAILURES and not notice.record.key.startswith(CHANNEL):
            others = tuple(name for name in self.channels if name != notice.channel)
            if others:
                self.send(_of_channel(notice, reason, self.now_s(), others=others))

    def _changed_by(self, notice: Notice, change: Callable[[AlertRecord], AlertRecord]) -> None:
        def attempt() -> None:
            record = self.store.get(notice.record.key)
            if record is not None:
                self.store.put(change(record))

        retry_on_conflict(attempt, TRIES, f"the alert {notice.record.key}", self.backoff)


def acknowledge(store: AlertStore, key: str, who: str, backoff: Backoff) -> AlertRecord:
    """Take an alert: it neither repeats nor goes on to further channels. Raises BadInput where there is none."""

    def take() -> AlertRecord:
        record = store.get(key)
        if record is None:
            raise BadInput(f"there is no alert {key!r}; `fanfold alerts --all` lists them")
        taken = states.with_acknowledgement(record, who)
        store.put(taken)
        return taken

    return retry_on_conflict(take, TRIES, f"the alert {key}", backoff)


CHANNEL = "channel "


def _of_channel(notice: Notice, reason: str, now_s: int, *, ended: bool = False, others: tuple[str, ...] = ()) -> Alert:
    """Return the alert that a channel takes nothing, or takes something again."""
    name = notice.channel
    return Alert(
        id=f"{notice.record.key} {notice.heard} {now_s}", key=f"{CHANNEL}{name}", severity="critical",
        title=f"the channel {name} takes no alerts", text=f"{name} failed {FAILURES} times: {reason}",
        at_s=now_s, lasts=True, ended=ended, channels=others,
    )  # fmt: skip
