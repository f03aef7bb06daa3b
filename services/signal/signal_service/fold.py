"""Fold one bars message: each bar once, each output stored, so that a redelivery publishes the same again."""

import gc
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import accumulate, groupby
from typing import Protocol

import msgspec

from fanfold import ids
from fanfold.desk import Desk
from fanfold.errors import Backoff, BadInput, Conflict, retry_on_conflict
from fanfold.market import bars, timeframes
from fanfold.market.bars import Frame, Series
from fanfold.messages import BarsClosed, BarsRequested, LegCode, LegState, LegStatus, Message, Target, Targets
from fanfold.signals.due import due, stepped_series
from fanfold.signals.fold import Fold
from fanfold.signals.legs import Group
from fanfold.signals.short_windows import Gap
from fanfold.signals.stored_fold import Snapshot, StoredFold

log = logging.getLogger("fanfold")
TRIES = 5
RECENT = 64
# States in a message: each becomes an item of a view, and all fit into what a topic takes.
STATES_MAX = 200
# Bytes of targets in a message: with its head, and a target more, well within the 256 KB that a topic takes.
CHUNK_BYTES = 200_000
# No target has more: its names are parts of table keys.
TARGET_BYTES = 2_000
# The time from one poll to the next.
POLL_S = 60


class FoldStore(Protocol):
    """The store of a venue's fold; see fanfold.aws.dynamodb.folds."""

    def load(self, groups: Mapping[Group, int]) -> StoredFold: ...

    def append(
        self, version: int, message: str, frames: list[Frame], snapshot: Snapshot, outputs: list[Message]
    ) -> None: ...


class TargetsBus(Protocol):
    """The bus on which outputs are published."""

    def publish(self, messages: Iterable[Message]) -> None: ...


class WarmFold:
    """The current fold in this process, with the version it was stored under."""

    def __init__(self, desk: Desk, venue: str, store: FoldStore) -> None:
        self.warm = False
        self.fold = Fold(desk, venue)
        with collecting_no_garbage():
            self._take_up(store.load(self.fold.groups))

    def _take_up(self, kept: StoredFold) -> None:
        self.version = kept.version
        self.outputs = kept.outputs
        if kept.snapshot is not None:
            self.fold.restore(kept.windows, kept.snapshot)


@contextmanager
def collecting_no_garbage() -> Iterator[None]:
    """Disable the cyclic garbage collector, which takes most of the time while hundreds of thousands of bars load."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class StrategyRunner:
    """The verb of signal, for one venue."""

    def __init__(
        self,
        desk: Desk,
        venue: str,
        store: FoldStore,
        bus: TargetsBus,
        backoff: Backoff,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        """Tell bars that waited in the queue by ``clock``; without one, all are the newest."""
        self._desk = desk
        self._venue = venue
        self._store = store
        self._bus = bus
        self._backoff = backoff
        self._clock = clock
        self._memory: WarmFold | None = None
        self._stepped = stepped_series(desk)

    def fold(self, message: BarsClosed) -> None:
        """Fold a message of bars. Raises Conflict when other processes kept being faster; it is delivered again."""
        subject = f"the fold of {self._venue}"
        self._bus.publish(retry_on_conflict(lambda: self._fold(message), TRIES, subject, self._backoff))

    def _fold(self, message: BarsClosed) -> Sequence[Message]:
        # Taken out while it changes: if a write fails, the next try starts from what is stored.
        memory, self._memory = self._memory or WarmFold(self._desk, self._venue, self._store), None
        outputs = self._outputs(memory, message)
        memory.warm, self._memory = True, memory
        return outputs

    def _outputs(self, memory: WarmFold, message: BarsClosed) -> Sequence[Message]:
        known = memory.outputs.get(message.id)
        if known is not None:
            return known
        fold, at = memory.fold, int(message.at.timestamp())
        gaps_before = dict(fold.requested)
        usable, as_sent = _usable(fold, message)
        targets, gaps = fold.accept(usable, at)
        if gaps and memory.warm:
            raise Conflict("what is missing here may have been folded by another process")
        states = fold.changes()
        outputs: list[Message] = list(self._targets(message, targets))
        if states:
            outputs += _statuses(message, states)
        if gaps or fold.lacking:
            outputs += _wanted(message, [*gaps, *self._newest(fold.lacking)])
        if fold.fresh or states or gaps_before != fold.requested:
            memory.version += 1
            # What was taken as it came is not packed anew.
            frames = message.frames if as_sent and fold.fresh == usable else bars.pack(fold.fresh)
            self._store.append(memory.version, message.id, frames, fold.snapshot(), outputs)
            memory.outputs[message.id] = outputs
            while len(memory.outputs) > RECENT:
                memory.outputs.pop(next(iter(memory.outputs)))
        return outputs

    def _newest(self, lacking: Sequence[Gap]) -> list[Gap]:
        """Return the gaps to request now: none for bars that waited, since newer ones behind them request the same.

        Each request makes market-data ask the venue for the whole look-back.
        """
        now = self._clock().timestamp() if self._clock else 0
        waited_s = POLL_S + self._desk.venues[self._venue].grace_s
        return [gap for gap in lacking if now < gap.until + 2 * timeframes.seconds(gap.timeframe) + waited_s]

    def _targets(self, message: BarsClosed, targets: list[tuple[str, Target]]) -> list[Targets]:
        # Requested bars only bring the fold up to date: whether they come in time to trade on would be chance.
        if message.requested:
            return []
        by_account = defaultdict[str, list[Target]](list)
        for account, target in targets:
            by_account[account].append(target)
        accounts = [name for name, account in self._desk.accounts.items() if account.venue == message.venue]
        # Published even when it is empty: risk waits for it.
        return [
            chunk
            for account in accounts
            if account in by_account or due(self._stepped[account], message)
            for chunk in _chunks(message, account, by_account.get(account, []))
        ]


def _chunks(message: BarsClosed, account: str, targets: list[Target]) -> Iterator[Targets]:
    """Yield the targets of an account in messages of at most CHUNK_BYTES; at least one message, even if it is empty."""
    short = len(targets) * TARGET_BYTES <= CHUNK_BYTES or len(msgspec.json.encode(targets)) <= CHUNK_BYTES
    chunks = [targets] if short else _cut(targets)
    for number, chunk in enumerate(chunks, 1):
        yield Targets(
            id=ids.derive("targets", message.id, account, *([number] if number > 1 else [])),
            cause=message.id,
            at=message.at,
            account=account,
            poll_id=message.cause,
            part=message.part,
            parts=message.parts,
            chunk=number,
            chunks=len(chunks),
            targets=chunk,
        )


def _cut(targets: list[Target]) -> list[list[Target]]:
    sizes = accumulate(len(msgspec.json.encode(target)) + 1 for target in targets)
    sized = zip(sizes, targets, strict=True)
    groups = groupby(sized, key=lambda item: item[0] // CHUNK_BYTES)
    return [[target for _, target in group] for _, group in groups]


def _usable(fold: Fold, message: BarsClosed) -> tuple[list[Series], bool]:
    """Return the series of a message, and whether its frames are of just these, one frame a timeframe.

    Those with figures that no store can hold are stepped over, and reported.
    """
    frames, received = message.frames, bars.unpack(message.frames)
    if all(map(bars.fit, frames)):
        return received, len({frame.timeframe for frame in frames}) == len(frames)
    usable = []
    for series in received:
        try:
            usable.append(bars.fitted(series))
        except BadInput as refused:
            log.warning("bars are stepped over: %s", refused)
            fold.step_over(series, str(refused))
    return usable, False


def _statuses(message: BarsClosed, states: list[tuple[str, LegState]]) -> Iterator[LegStatus]:
    by_account: dict[str, list[LegState]] = {}
    for account, state in states:
        by_account.setdefault(account, []).append(state)
        if state.code is LegCode.FAULT:
            log.error(
                "a strategy failed and sends no targets: %s on %s %s", state.instance, state.instrument, state.detail
            )
    for account, account_states in by_account.items():
        for number, first in enumerate(range(0, len(account_states), STATES_MAX)):
            yield LegStatus(
                id=ids.derive("leg-status", message.id, account, number),
                cause=message.id,
                at=message.at,
                account=account,
                statuses=account_states[first : first + STATES_MAX],
            )


def _wanted(message: BarsClosed, gaps: list[Gap]) -> list[BarsRequested]:
    ranges: dict[tuple[str, int, int], list[str]] = {}
    for gap in gaps:
        ranges.setdefault((gap.timeframe, gap.since, gap.until), []).append(gap.instrument)
    return [
        BarsRequested(
            id=ids.derive("bars-requested", message.venue, timeframe, since, until, *instruments),
            cause=message.id,
            at=message.at,
            venue=message.venue,
            timeframe=timeframe,
            instruments=instruments,
            since_s=since,
            until_s=until,
        )
        for (timeframe, since, until), instruments in ranges.items()
    ]
