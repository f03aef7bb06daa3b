"""Messages written with the change that they tell of, published after it: at once, on redelivery, and on schedule."""

from collections.abc import Sequence

from fanfold.aws.tables import Table, Write
from fanfold.aws.topics import Topics
from fanfold.messages import Message, decode, encode


class Outbox:
    """One service's unpublished messages."""

    def __init__(self, table: Table, service: str, topics: Topics) -> None:
        self._table = table
        self._partition = f"outbox#{service}"
        self._topics = topics

    def holding(self, message: Message) -> Write:
        """The write that puts a message into the outbox, for the transaction of its change."""
        return self._table.putting((self._partition, message.id), {"body": encode(message)})

    def publish(self, held: Sequence[Message], others: Sequence[Message] = ()) -> None:
        """Publish messages that the outbox holds, and others that it need not hold, and forget them."""
        self._topics.publish([*held, *others])
        for message in held:
            self._table.write([self._table.deleting((self._partition, message.id))])

    def sweep(self) -> int:
        """Publish what a crash has left; how many there were."""
        left = [decode(item["body"]) for item in self._table.query(self._partition)]
        self.publish(left)
        return len(left)
