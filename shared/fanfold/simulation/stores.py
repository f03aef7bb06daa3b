"""The stores of signal, market-data and risk's gathering in memory, one effect a call as in DynamoDB."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from fanfold.bars import Series
from fanfold.folding import Group, Kept, Snapshot
from fanfold.messages import Message, Targets
from fanfold.refusals import Conflict
from fanfold.risk.exposure import Book, Mark
from fanfold.risk.gathering import Gathered, Poll, Unfinished
from fanfold.risk.standing import Standing

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

    def read_all(self, accounts: Sequence[str]) -> dict[str, Gathered]:
        return {account: self.read(account) for account in accounts}

    def marked(
        self, account: str, poll: Poll, marks: Mapping[str, Mark], version: int, *, idle: bool
    ) -> Gathered:
        found = self._finished(account, poll)
        if found.marks_version != version or not _takes(found, poll):
            raise Conflict(f"the marks of {account} are not of version {version}")
        self._gathered[account] = msgspec.structs.replace(found, marks=dict(marks), marks_version=version + 1)
        tokens = {f"bars/{poll.part}"} | ({f"idle/{poll.part}"} if idle else set())
        return self._arrive(account, poll, tokens, {})

    def settled(self, account: str, poll: Poll) -> Gathered:
        return self._arrive(account, poll, {f"settled/{poll.part}"}, {})

    def targeted(self, account: str, poll: Poll, targets: Targets) -> Gathered:
        return self._arrive(account, poll, {f"targets/{poll.part}"}, {poll.part: targets})

    def note(
        self, account: str, gathered: Gathered, book: Book, left: Standing, reported: Mapping[str, str], decided: str
    ) -> None:
        found = self.read(account)
        if found.standing_version != gathered.standing_version:
            raise Conflict(f"the targets of {account} are not of version {gathered.standing_version}")
        self._gathered[account] = msgspec.structs.replace(
            found, decided=found.decided or found.batch == decided, standing=dict(left), reported=dict(reported),
            standing_version=found.standing_version + 1, peak_equity=book.peak_equity, day=book.day,
            day_start_equity=book.day_start_equity, last_equity=book.last_equity, rearmed=book.rearmed,
        )

    def _finished(self, account: str, poll: Poll) -> Gathered:
        found = self.read(account)
        if found.batch and found.at < poll.at and not found.decided:
            raise Unfinished(found)
        return found

    def _arrive(self, account: str, poll: Poll, tokens: set[str], targets: dict[int, Targets]) -> Gathered:
        found = self._finished(account, poll)
        if not _takes(found, poll):
            return found
        if found.batch != poll.batch:
            found = msgspec.structs.replace(
                found, batch=poll.batch, at=poll.at, parts=poll.parts, got=frozenset(), targets=(), decided=False
            )
        parts = {one.part: one for one in found.targets} | targets
        after = msgspec.structs.replace(
            found, got=found.got | tokens, targets=tuple(parts[number] for number in sorted(parts))
        )
        self._gathered[account] = after
        return after


def _takes(found: Gathered, poll: Poll) -> bool:
    return found.at < poll.at or (found.batch == poll.batch and not found.decided)
