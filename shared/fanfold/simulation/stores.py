"""The stores of signal, market-data and risk's gathering in memory, one effect a call as in DynamoDB."""

from collections.abc import Iterable, Mapping

import msgspec

from fanfold.bars import Series
from fanfold.folding import Group, Kept, Snapshot
from fanfold.messages import Message, Targets
from fanfold.refusals import Conflict
from fanfold.risk.exposure import Book, Mark
from fanfold.risk.gathering import Gathered, Poll

SeriesKey = tuple[str, str]


class MemoryBus:
    """Everything that was published, in order; the same id again is heard again, as after five minutes."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def publish(self, messages: Iterable[Message]) -> None:
        self.messages.extend(messages)


class MemoryFolds:
    """The fold of one venue; what is loaded is as long as it ever was."""

    def __init__(self) -> None:
        self._versions: list[tuple[str, list[Series], Snapshot, list[Message]]] = []

    def append(
        self, version: int, message: str, series: list[Series], snapshot: Snapshot, outputs: list[Message]
    ) -> None:
        if version != len(self._versions) + 1:
            raise Conflict(f"version {version} is there already")
        self._versions.append((message, series, snapshot, outputs))

    def load(self, groups: Mapping[Group, int]) -> Kept:
        if not self._versions:
            return Kept(0, [], None, {})
        windows = [series for _, news, _, _ in self._versions for series in news]
        outputs = {message: told for message, _, _, told in self._versions}
        return Kept(len(self._versions), windows, self._versions[-1][2], outputs)


class MemoryCursors:
    """How far the series of the venues were published."""

    def __init__(self) -> None:
        self._cursors: dict[str, tuple[Mapping[SeriesKey, int], int]] = {}

    def read(self, venue: str) -> tuple[Mapping[SeriesKey, int], int]:
        return self._cursors.get(venue, ({}, 0))

    def write(self, venue: str, cursors: Mapping[SeriesKey, int], version: int) -> None:
        if self.read(venue)[1] != version:
            raise Conflict(f"the cursors of {venue} are not of version {version}")
        self._cursors[venue] = (dict(cursors), version + 1)


class MemoryGathering:
    """The polls of the accounts, one an account."""

    def __init__(self) -> None:
        self._gathered: dict[str, Gathered] = {}

    def read(self, account: str) -> Gathered:
        return self._gathered.get(account, Gathered())

    def marked(self, account: str, poll: Poll, marks: Mapping[str, Mark], version: int) -> Gathered:
        found = self.read(account)
        if found.marks_version != version or not _takes(found, poll):
            raise Conflict(f"the marks of {account} are not of version {version}")
        self._gathered[account] = msgspec.structs.replace(found, marks=dict(marks), marks_version=version + 1)
        return self._arrive(account, poll, f"bars/{poll.part}", {})

    def settled(self, account: str, poll: Poll) -> Gathered:
        return self._arrive(account, poll, f"settled/{poll.part}", {})

    def targeted(self, account: str, poll: Poll, targets: Targets) -> Gathered:
        return self._arrive(account, poll, f"targets/{poll.part}", {poll.part: targets})

    def decide(self, account: str, batch: str, book: Book) -> None:
        found = self.read(account)
        if found.batch == batch:
            self._gathered[account] = msgspec.structs.replace(
                found, decided=True, peak_equity=book.peak_equity, day=book.day,
                day_start_equity=book.day_start_equity,
            )

    def _arrive(self, account: str, poll: Poll, token: str, targets: dict[int, Targets]) -> Gathered:
        found = self.read(account)
        if not _takes(found, poll):
            return found
        if found.batch != poll.batch:
            found = msgspec.structs.replace(
                found, batch=poll.batch, at=poll.at, parts=poll.parts, got=frozenset(), targets=(), decided=False
            )
        parts = {one.part: one for one in found.targets} | targets
        after = msgspec.structs.replace(
            found, got=found.got | {token}, targets=tuple(parts[number] for number in sorted(parts))
        )
        self._gathered[account] = after
        return after


def _takes(found: Gathered, poll: Poll) -> bool:
    return found.at < poll.at or (found.batch == poll.batch and not found.decided)
