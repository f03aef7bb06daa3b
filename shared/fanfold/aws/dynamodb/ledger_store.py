"""The ledger on a DynamoDB table: a commit is a transaction in which each change is one write."""

from collections.abc import Iterable, Mapping, Sequence

from fanfold.aws.dynamodb import ledger, ledger_changes
from fanfold.aws.dynamodb.ledger import ReadPosition
from fanfold.aws.dynamodb.outbox import Outbox
from fanfold.aws.dynamodb.table import TRANSACTION_MAX, Table
from fanfold.ledger.account_books import AccountBooks
from fanfold.ledger.booking import Trade
from fanfold.ledger.changes import Change
from fanfold.ledger.orders import OrderRecord
from fanfold.ledger.positions import Lot
from fanfold.ledger.requests import PendingResume, Remembered
from fanfold.ledger.store import Excerpt, LiveOrder, within
from fanfold.ledger.trading_state import OrderPermissions
from fanfold.messages import Message
from fanfold.risk.exposure import PositionKey


class DynamoLedger:
    """See fanfold.ledger.store.LedgerStore. Messages are held in the outbox of the service whose changes these are."""

    changes_max = TRANSACTION_MAX

    def __init__(self, table: Table, outbox: Outbox) -> None:
        self._table = table
        self._outbox = outbox
        self._read: dict[str, dict[str, ReadPosition]] = {}

    def books(self, account: str) -> AccountBooks:
        return ledger.read(self._table, account, self._read.setdefault(account, {}))

    def excerpt(
        self, account: str, keys: Iterable[PositionKey], order_ids: Iterable[str], trades: Iterable[Trade]
    ) -> Excerpt:
        return ledger.excerpt(self._table, account, keys, order_ids, trades)

    def orders(self, order_ids: Sequence[str]) -> Mapping[str, OrderRecord]:
        return ledger.records(self._table, order_ids)

    def lots(self, account: str, key: PositionKey, numbers: Sequence[int]) -> Mapping[int, tuple[Lot, ...]]:
        return ledger.lots(self._table, account, key, numbers)

    def live(self, account: str) -> list[LiveOrder]:
        return ledger.live(self._table, account)

    def placed(self, account: str, names: Sequence[str]) -> Mapping[str, str]:
        return ledger.placed(self._table, account, names)

    def permissions(self, account: str) -> OrderPermissions:
        return ledger.trading_state(self._table, account)

    def remembered(self, principal: str, key: str) -> Remembered | None:
        return ledger.remembered(self._table, principal, key)

    def pending_resume(self, account: str) -> PendingResume | None:
        return ledger.pending_resume(self._table, account)

    def commit(self, changes: Sequence[Change]) -> None:
        within(self.changes_max, changes)
        self._table.write([ledger_changes.write_of(self._table, self._outbox, change) for change in changes])

    def publish(self, held: Sequence[Message], others: Sequence[Message] = ()) -> None:
        self._outbox.publish(held, others)
