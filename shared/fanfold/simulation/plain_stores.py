"""The stores of a desk that runs in one process: what is stored stays the objects that it is, and nobody packs it.

Each keeps to the port that the cloud's adapter keeps to; the tests of the adapters hold both to the same.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from fanfold.aws.dynamodb.folds import RECENT, Reach, known_groups
from fanfold.errors import Conflict
from fanfold.market.bars import Frame, Series
from fanfold.market.source import Noted
from fanfold.matching.book import PaperBookVersion, RestingOrder, canceled, updated
from fanfold.messages import Message, Order
from fanfold.signals.legs import Group
from fanfold.signals.stored_fold import Snapshot, StoredFold

# Appends between two looks at which of the bars a load would still read.
TRIMMED_EVERY = 1_000


class PlainCursors:
    """See market_data_service.poll.PollCursors."""

    def __init__(self) -> None:
        self._noted: dict[str, Noted] = {}

    def read(self, venue: str) -> Noted:
        return self._noted.get(venue, Noted({}, 0))

    def write(self, venue: str, noted: Noted) -> None:
        if self.read(venue).version != noted.version:
            raise Conflict(f"the cursors of {venue} are not of version {noted.version}")
        self._noted[venue] = noted._replace(version=noted.version + 1)


class PlainFolds:
    """See signal_service.fold.FoldStore: the fold of one venue."""

    def __init__(self) -> None:
        self._version = 0
        self._snapshot: Snapshot | None = None
        self._outputs: dict[str, Sequence[Message]] = {}
        # The frames of the messages by timeframe, oldest first.
        self._frames: dict[str, deque[Frame]] = {}
        self._groups: Mapping[Group, int] = {}

    def append(
        self, version: int, message: str, frames: list[Frame], snapshot: Snapshot, outputs: list[Message]
    ) -> None:
        if version != self._version + 1:
            raise Conflict(f"version {version} of the fold is there already")
        for frame in frames:
            self._frames.setdefault(frame.timeframe, deque()).append(frame)
        self._version, self._snapshot = version, snapshot
        self._outputs[message] = outputs
        while len(self._outputs) > RECENT:
            self._outputs.pop(next(iter(self._outputs)))
        if version % TRIMMED_EVERY == 0:
            self._windows(snapshot)

    def load(self, groups: Mapping[Group, int]) -> StoredFold:
        self._groups = groups
        windows = self._windows(self._snapshot) if self._snapshot else []
        return StoredFold(self._version, windows, self._snapshot, dict(self._outputs))

    def _windows(self, snapshot: Snapshot) -> list[Series]:
        """Return the bars that the groups look back on; forget those before them."""
        windows: list[Series] = []
        wanted = known_groups(self._groups, snapshot)
        for timeframe, kept in self._frames.items():
            reach, taken = Reach(wanted.get(timeframe, {}), snapshot.newest_s), 0
            for frame in reversed(kept):
                if reach.done():
                    break
                reach.take([frame])
                taken += 1
            while len(kept) > taken:
                kept.popleft()
            windows += reach.windows()
        return windows


class PlainBook:
    """See fanfold.matching.book.PaperOrderStore."""

    def __init__(self) -> None:
        self._pages: dict[str, PaperBookVersion] = {}
        # Whether each order id that was ever seen, by account, was added; the others were shut out.
        self._added: dict[tuple[str, str], bool] = {}

    def add(self, order: Order) -> bool:
        key = order.account, order.client_order_id
        if key not in self._added:
            self._added[key] = True
            page = self.read(order.account)
            self._put(order.account, page, [*page.resting, RestingOrder(order=order)], page.matched_through_s)
        return self._added[key]

    def knows(self, order: Order) -> bool:
        return self._added.get((order.account, order.client_order_id), False)

    def shut_out(self, order: Order) -> bool:
        return not self._added.setdefault((order.account, order.client_order_id), False)

    def cancel(self, account: str, client_order_ids: Sequence[str], at: datetime, reason: str) -> None:
        page = self.read(account)
        resting = [canceled(entry, client_order_ids, at, reason) for entry in page.resting]
        if resting != page.resting:
            self._put(account, page, resting, page.matched_through_s)

    def read(self, account: str) -> PaperBookVersion:
        return self._pages.get(account) or PaperBookVersion()

    def write(
        self,
        account: str,
        version: int,
        changed: list[RestingOrder],
        gone: list[str],
        matched_through_s: dict[str, int],
    ) -> None:
        page = self.read(account)
        if page.version != version:
            raise Conflict(f"the book of {account} is at version {page.version}, not {version}; resolve again")
        self._put(account, page, updated(page.resting, changed, frozenset(gone)), matched_through_s)

    def _put(
        self, account: str, page: PaperBookVersion, resting: list[RestingOrder], matched_through_s: dict[str, int]
    ) -> None:
        self._pages[account] = msgspec.structs.replace(
            page, resting=resting, matched_through_s=matched_through_s, version=page.version + 1
        )
