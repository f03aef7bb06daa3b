"""The stores of signal, market-data and risk's polls, each the cloud's own on a table in memory, empty at first."""

from collections.abc import Iterable

from fanfold.aws.dynamodb.cursors import CursorTable
from fanfold.aws.dynamodb.folds import FoldTable
from fanfold.aws.dynamodb.polls import DynamoPolls
from fanfold.messages import Message
from fanfold.simulation.cloud import MemoryCloud
from fanfold.simulation.ledger import MemoryLedger


class MemoryBus:
    """The messages that were published, in order; the same id again is delivered again, as after five minutes."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def publish(self, messages: Iterable[Message]) -> None:
        self.messages.extend(messages)


class MemoryFolds(FoldTable):
    """The fold of one venue."""

    def __init__(self, venue: str = "v", timeframe: str = "1m") -> None:
        super().__init__(MemoryCloud().table("folds"), venue, timeframe)


class MemoryCursors(CursorTable):
    """The last bars of the published series of the venues."""

    def __init__(self) -> None:
        super().__init__(MemoryCloud().table("cursors"))


class MemoryPolls(DynamoPolls):
    """The polls of the accounts, one for each; in the table of a ledger, as in the cloud, where one is passed."""

    def __init__(self, ledger: MemoryLedger | None = None) -> None:
        super().__init__(ledger.polls_table if ledger else MemoryCloud().table("ledger"))
