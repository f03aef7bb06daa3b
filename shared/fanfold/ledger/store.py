"""The port to where the ledger is stored: reads, and one commit that applies changes as a whole or not at all."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

import msgspec

from fanfold.errors import Backoff, Conflict, Refused, retry_on_conflict
from fanfold.ledger.account_books import AccountBooks
from fanfold.ledger.booking import Trade
from fanfold.ledger.changes import Change
from fanfold.ledger.orders import OrderRecord
from fanfold.ledger.positions import Lot
from fanfold.ledger.requests import PendingResume, Remembered
from fanfold.ledger.trading_state import OrderPermissions
from fanfold.messages import Message
from fanfold.risk.exposure import PositionKey

INSIST_TRIES = 50


class LiveOrder(NamedTuple):
    """An order that has not ended, and the id and time of the message that told of its approval."""

    account: str
    order_id: str
    cause: str
    at: datetime


class Excerpt(msgspec.Struct, frozen=True):
    """Records of the ledger as of one read: an account with those of its positions that were asked for, the orders of
    those that exist by id, and the quantities of those of the trades that are booked."""

    books: AccountBooks
    permissions: OrderPermissions
    orders: Mapping[str, OrderRecord]
    trades: Mapping[Trade, Decimal]


class LedgerStore(Protocol):
    """Accounts, positions, orders and trades, and the messages that changes hold until they are published."""

    @property
    def changes_max(self) -> int:
        """Return the number of changes that a commit takes."""

    def books(self, account: str) -> AccountBooks:
        """Return an account and its positions, without the lots of their pages."""

    def excerpt(
        self, account: str, keys: Iterable[PositionKey], order_ids: Iterable[str], trades: Iterable[Trade]
    ) -> Excerpt:
        """Return an account and its permissions, and of positions, orders and trades those that are named and exist."""

    def orders(self, order_ids: Sequence[str]) -> Mapping[str, OrderRecord]:
        """Return those of the orders that exist, by id."""

    def lots(self, account: str, key: PositionKey, numbers: Sequence[int]) -> Mapping[int, tuple[Lot, ...]]:
        """Return those pages of a position's lots that exist, by number."""

    def live(self, account: str) -> list[LiveOrder]:
        """Return the account's orders that have not ended."""

    def placed(self, account: str, names: Sequence[str]) -> Mapping[str, str]:
        """Return the ids of those orders that the account's venue knows by these names, by them."""

    def permissions(self, account: str) -> OrderPermissions:
        """Return the account's trading state, and since when; without a state for an account that was never opened."""

    def remembered(self, principal: str, key: str) -> Remembered | None:
        """Return the request that was done under a key."""

    def pending_resume(self, account: str) -> PendingResume | None:
        """Return the request to resume that waits for its confirmation."""

    def commit(self, changes: Sequence[Change]) -> None:
        """Apply all changes or none.

        Raises Refused with the positions of the changes whose expectation failed, or without any where another commit
        was under way. A commit that is repeated after an unknown outcome may be refused by its own first run.
        """

    def publish(self, held: Sequence[Message], others: Sequence[Message] = ()) -> None:
        """Publish messages that are held, and others that are not; then forget those that were held."""


def within(changes_max: int, changes: Sequence[Change]) -> None:
    """Raise ValueError for more changes than a commit takes: callers divide theirs."""
    if len(changes) > changes_max:
        raise ValueError(f"a commit takes {changes_max} changes, not {len(changes)}")


def insist(store: LedgerStore, changes: Sequence[Change], backoff: Backoff) -> None:
    """Commit what must hold whatever else goes on: try again while only other commits are in the way.

    Raises Refused where an expectation failed.
    """
    retry_on_conflict(lambda: store.commit(changes), INSIST_TRIES, "the ledger", backoff, only_contended)


def only_contended(conflict: Conflict) -> bool:
    """Return whether no expectation failed, so that the same changes may still land."""
    return not (isinstance(conflict, Refused) and conflict.failed)
