"""Messages written with the change that they tell of, published after it: at once, on redelivery, and on schedule.

One that its topic will never take, or that this version cannot read, is put aside with its reason and stops no other.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from fanfold.aws.tables import Table, Write, sort_key
from fanfold.aws.topics import Topics, Unpublishable
from fanfold.messages import Message, decode, encode

REASON_MAX = 1_000
# An item takes 400 KB; of a longer body the beginning is kept.
BODY_MAX = 350_000
Item = Mapping[str, Any]


class Outbox:
    """One service's unpublished messages. ``aside`` hears of the id and the reason of each that was put aside."""

    def __init__(
        self, table: Table, service: str, topics: Topics, aside: Callable[[str, str], None] = lambda _id, _reason: None
    ) -> None:
        self._table = table
        self._partition = f"outbox#{service}"
        self._quarantine = f"quarantine#{service}"
        self._topics = topics
        self._aside = aside

    def holding(self, message: Message) -> Write:
        """The write that puts a message into the outbox, for the transaction of its change."""
        return self._table.putting((self._partition, message.id), {"body": encode(message)})

    def publish(self, held: Sequence[Message], others: Sequence[Message] = ()) -> None:
        """Publish messages that the outbox holds, and others that it need not hold, and forget them."""
        published = self._published([*held, *others])
        for message in held:
            if message.id in published:
                self._table.write([self._table.deleting((self._partition, message.id))])

    def items(self) -> list[Item]:
        """All that is in the outbox's partition; execution's live orders are there, too."""
        return list(self._table.query(self._partition))

    def sweep(self, items: Iterable[Item] | None = None) -> int:
        """Publish what a crash has left, oldest first; how many there were. ``items`` are those of a read before."""
        left = [item for item in (self.items() if items is None else items) if "body" in item]
        messages = [message for item in left for message in self._decoded(item)]
        self.publish(sorted(messages, key=lambda message: (message.at, message.id)))
        return len(left)

    def _decoded(self, item: Item) -> list[Message]:
        try:
            return [decode(item["body"])]
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as wrong:
            self._put_aside(sort_key(item), item["body"], f"it cannot be read: {wrong}")
            return []

    def _published(self, messages: Sequence[Message]) -> set[str]:
        try:
            self._topics.publish(messages)
        except Unpublishable as fault:
            if len(messages) > 1:
                return {name for one in messages for name in self._published([one])}
            (message,) = messages
            self._put_aside(message.id, encode(message), str(fault))
            return set()
        return {message.id for message in messages}

    def _put_aside(self, name: str, body: bytes, reason: str) -> None:
        kept = {"body": body[:BODY_MAX], "length": len(body), "reason": reason[:REASON_MAX]}
        self._table.write([
            self._table.putting((self._quarantine, name), kept), self._table.deleting((self._partition, name)),
        ])
        self._aside(name, reason[:REASON_MAX])
