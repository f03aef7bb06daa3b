"""Messages written with the change that they report, published after it: at once, on redelivery, and on schedule.

A message that its topic will never accept, or that this version cannot read, is set aside with its reason and blocks no
other.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

import msgspec

from fanfold.aws.clock import Clock
from fanfold.aws.dynamodb.attribute_values import integer
from fanfold.aws.dynamodb.table import Table, Write, sort_key
from fanfold.aws.sns import Topics, Unpublishable
from fanfold.messages import Message, decode, encode, stored_body

REASON_MAX = 1_000
# An item takes 400 KB; of a longer body the beginning is kept.
BODY_MAX = 350_000
# A message is published right after its change, else by the sweep of the next minute: one this old goes by neither.
OLD_S = 300
Item = Mapping[str, Any]


class OutboxMonitor(Protocol):
    """The port that is notified of messages that cannot be published; see fanfold.aws.telemetry.telemetry."""

    def report_unpublishable(self, name: str, reason: str) -> None: ...

    def report_overdue(self, name: str, seconds: int) -> None: ...


class Outbox:
    """One service's unpublished messages. With a ``clock`` it knows their age.

    ``watch`` is notified of each that was set aside, with the reason, and of those that a sweep finds older than
    ``OLD_S``.
    """

    def __init__(
        self, table: Table, service: str, topics: Topics, watch: OutboxMonitor | None = None, clock: Clock | None = None
    ) -> None:
        self._table = table
        self._partition = f"outbox#{service}"
        self._quarantine = f"quarantine#{service}"
        self._topics = topics
        self._watch = watch
        self._clock = clock

    def holding(self, message: Message) -> Write:
        """Return the write that puts a message into the outbox, for the transaction of its change."""
        item: dict[str, Any] = {"body": stored_body(message)}
        if self._clock is not None:
            item["held_at_s"] = int(self._clock().timestamp())
        return self._table.putting((self._partition, message.id), item)

    def publish(self, held: Sequence[Message], others: Sequence[Message] = ()) -> None:
        """Publish messages that the outbox holds, and others that it need not hold, and delete them."""
        published = self._published([*held, *others])
        for message in held:
            if message.id in published:
                self._table.write([self._table.deleting((self._partition, message.id))])

    def items(self) -> list[Item]:
        """Read everything in the outbox's partition, which also holds execution's live orders."""
        return list(self._table.query(self._partition))

    def sweep(self, items: Iterable[Item] | None = None) -> int:
        """Publish what a crash has left, oldest first; return the number of messages. ``items`` were read before."""
        left = [item for item in (self.items() if items is None else items) if "body" in item]
        self._report_old(left)
        messages = [message for item in left for message in self._decoded(item)]
        self.publish(sorted(messages, key=lambda message: (message.at, message.id)))
        return len(left)

    def _report_old(self, left: Iterable[Item]) -> None:
        """Report old messages before publishing, so that those that make the sweep fail are reported as well."""
        if self._clock is None or self._watch is None:
            return
        now = int(self._clock().timestamp())
        for item in left:
            seconds = now - integer(item.get("held_at_s", Decimal(now)))
            if seconds > OLD_S:
                self._watch.report_overdue(sort_key(item), seconds)

    def _decoded(self, item: Item) -> list[Message]:
        name = sort_key(item)
        try:
            message = decode(item["body"])
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as wrong:
            self._put_aside(name, item["body"], f"it cannot be read: {wrong}")
            return []
        if message.id != name:
            self._put_aside(name, item["body"], f"it is held under another name than its own, {message.id}")
            return []
        return [message]

    def _published(self, messages: Sequence[Message]) -> set[str]:
        try:
            self._topics.publish(messages)
        except Unpublishable as fault:
            if len(messages) > 1:
                return {name for message in messages for name in self._published([message])}
            (message,) = messages
            self._put_aside(message.id, encode(message), str(fault))
            return set()
        return {message.id for message in messages}

    def _put_aside(self, name: str, body: bytes, reason: str) -> None:
        kept = {"body": body[:BODY_MAX], "length": len(body), "reason": reason[:REASON_MAX]}
        self._table.write(
            [
                self._table.putting((self._quarantine, name), kept),
                self._table.deleting((self._partition, name)),
            ]
        )
        if self._watch is not None:
            self._watch.report_unpublishable(name, reason[:REASON_MAX])
