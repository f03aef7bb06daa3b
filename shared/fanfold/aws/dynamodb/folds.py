"""The store of signal's fold: an item for each bars message, with its new bars, the states after it, and its outputs.

The contents are compressed, because a write is billed by the KB.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any, NamedTuple, overload

import msgspec

from fanfold.aws.dynamodb.attribute_values import integer
from fanfold.aws.dynamodb.table import ABSENT, Table, Write, sort_key
from fanfold.market import history, timeframes
from fanfold.market.bars import Frame, Series
from fanfold.messages import Message, decode, stored_body
from fanfold.packing import packed, plain, unpacked
from fanfold.signals.legs import Group
from fanfold.signals.stored_fold import SEARCHED_AGAIN, Snapshot, StoredFold, searched

_pack = msgspec.msgpack.Encoder().encode
_frames = msgspec.msgpack.Decoder(list[Frame]).decode
_rest = msgspec.msgpack.Decoder(tuple[Snapshot, list[bytes]]).decode

# How many of the last messages' outputs a cold process knows at least.
RECENT = 64
# So many messages in a row may be of bars that are too old to matter; the bars of the others come in between.
CATCHING_UP = 16
# An item may have 400 KB, its names and keys included. Bars alone stay below, for a message has no more than 256 KB.
ITEM_BYTES = 380_000
# With its names, key and message an item of such bodies has a KB, the least that a write is billed for.
KB_BODIES = 850


class FoldTable:
    """The fold of one venue. Versions are dense, so if two writers write the same one, one of them is refused."""

    def __init__(self, table: Table, venue: str, timeframe: str) -> None:
        self._table = table
        self._venue = venue
        self._timeframe = timeframe

    def append(
        self, version: int, message: str, frames: list[Frame], snapshot: Snapshot, outputs: list[Message]
    ) -> None:
        """Write a version. Raises Conflict if it exists already."""
        finest = [frame for frame in frames if frame.timeframe == self._timeframe]
        # One body: to compress takes longer than all else here, and little by little saves less.
        body, rest = _pack(finest), _pack((snapshot, [stored_body(output) for output in outputs]))
        pack = packed if len(body) + len(rest) > KB_BODIES else plain
        item: dict[str, Any] = {"message": message, "version": version, "frames": pack(body)}
        rest = pack(rest)
        parts = _parts(rest) if len(item["frames"]) + len(rest) > ITEM_BYTES else []
        item |= {"parts": len(parts)} if parts else {"rest": rest}
        writes = [self._putting(self._venue, version, item)]
        writes += [
            self._table.putting((f"{self._venue} parts", f"{_fold_key(version)}#{number:03d}"), {"body": part}, ABSENT)
            for number, part in enumerate(parts)
        ]
        # Coarse bars lie apart, so that a long look back on them does not read every minute.
        writes += [
            self._putting(f"{self._venue} {frame.timeframe}", version, {"frames": packed(_pack([frame]))})
            for frame in frames
            if frame.timeframe != self._timeframe
        ]
        self._table.write(writes)

    def load(self, groups: Mapping[Group, int]) -> StoredFold:
        """Load the fold, with windows as long as the groups look back; see fanfold.signals.fold.Fold.groups."""
        items = self._newest(self._venue, groups.values())
        newest = next(items, None)
        if newest is None:
            return StoredFold(0, [], None, {})
        snapshot, _ = self._rest(newest)
        wanted = known_groups(groups, snapshot)
        finest = Reach(wanted.pop(self._timeframe, {}), snapshot.newest_s)
        windows, outputs = self._recent(chain([newest], items), finest)
        for timeframe in sorted(wanted, key=timeframes.seconds):
            reach = Reach(wanted[timeframe], snapshot.newest_s)
            windows += self._window(f"{self._venue} {timeframe}", reach, integer(newest["version"]))
        return StoredFold(integer(newest["version"]), windows, snapshot, outputs)

    def _recent(
        self, items: Iterable[dict[str, Any]], reach: "Reach"
    ) -> tuple[list[Series], dict[str, Sequence[Message]]]:
        outputs = dict[str, Sequence[Message]]()
        for item in items:
            if len(outputs) < RECENT:
                outputs[item["message"]] = StoredMessages(partial(self._outputs, item))
            if not reach.done():
                reach.take(_frames(unpacked(item["frames"])))
            if reach.done() and len(outputs) >= RECENT:
                break
        return reach.windows(), dict(reversed(outputs.items()))

    def _window(self, partition: str, reach: "Reach", version: int) -> list[Series]:
        for item in self._newest(partition, reach.lookbacks):
            # Versions after the newest that was read came in the meantime: their states are not known here.
            if reach.done():
                break
            if sort_key(item) <= _fold_key(version):
                reach.take(_frames(unpacked(item["frames"])))
        return reach.windows()

    def _newest(self, partition: str, lookbacks: Iterable[int]) -> Iterator[dict[str, Any]]:
        """Yield items of a partition, the newest first; a page has what suffices where each has a close of all."""
        page = max([RECENT, *lookbacks]) + 1
        return self._table.query(partition, "fold#", newest_first=True, page=page)

    def _outputs(self, item: dict[str, Any]) -> list[bytes]:
        return self._rest(item)[1]

    def _rest(self, item: dict[str, Any]) -> tuple[Snapshot, list[bytes]]:
        """Return snapshot and outputs of a version, from its item or from the parts beside it."""
        if "parts" not in item:
            return _rest(unpacked(item["rest"]))
        parts = self._table.query(f"{self._venue} parts", f"{_fold_key(integer(item['version']))}#")
        return _rest(unpacked(b"".join(part["body"] for part in parts)))

    def _putting(self, partition: str, version: int, values: dict[str, Any]) -> Write:
        return self._table.putting((partition, _fold_key(version)), values, ABSENT)


class StoredMessages(Sequence[Message]):
    """Messages that are decoded only on access: after a cold start almost no bars are delivered again."""

    def __init__(self, bodies: Callable[[], Sequence[bytes]]) -> None:
        self._bodies = bodies

    def __len__(self) -> int:
        return len(self._bodies())

    @overload
    def __getitem__(self, at: int) -> Message: ...

    @overload
    def __getitem__(self, at: slice) -> list[Message]: ...

    def __getitem__(self, at: int | slice) -> Message | list[Message]:
        if isinstance(at, slice):
            return [decode(body) for body in self._bodies()[at]]
        return decode(self._bodies()[at])

    def __iter__(self) -> Iterator[Message]:
        return iter(self[:])


class KnownGroup(NamedTuple):
    """The instruments of a group whose bars are searched for; ``since`` when each takes part, 0 where it always did."""

    instruments: tuple[str, ...]
    since: tuple[int, ...]


class Reach:
    """Windows read from the newest bars back, until every group has one more common time than its lookback.

    Of a group that has them no more are kept. What is older than is ``searched`` is read for those alone whose bars,
    at the rate found so far, suffice within SEARCHED_AGAIN bar lengths more: a silent instrument costs the others
    neither memory nor time, and one that trades seldom a bounded time.
    """

    def __init__(self, groups: Mapping[KnownGroup, int], newest_s: int) -> None:
        self._newest_first: list[Frame] = []
        self._newest_s = newest_s
        self.lookbacks = list(groups.values())
        self._groups = list(groups)
        # The bits of those that take part only since some time, with that time.
        self._later = [
            [(since, 1 << member) for member, since in enumerate(group.since) if since] for group in self._groups
        ]
        # Of each group at how many times all have a bar, and the bits of those that have one at a time.
        self._common = [0] * len(groups)
        self._present: list[dict[int, int]] = [{} for _ in groups]
        self._lacking = list(range(len(groups)))
        # The frames in a row that were out of reach: one may be of an instrument that was catching up.
        self._out: list[Frame] = []
        # How many bar lengths are searched.
        self._span = searched(max(self.lookbacks, default=0))
        self._again = False
        # The groups of an instrument, with its bit in each.
        self._places: dict[str, list[tuple[int, int]]] = {}
        self._search()

    def _search(self) -> None:
        """Look only for the bars of groups that lack some."""
        self._places.clear()
        for place in self._lacking:
            for member, instrument in enumerate(self._groups[place].instruments):
                self._places.setdefault(instrument, []).append((place, 1 << member))

    def take(self, older: list[Frame]) -> None:
        """Take frames of an earlier time than those taken before."""
        for frame in reversed(older):
            if self._is_out_of_reach(frame):
                self._out.append(frame)
            else:
                self._out.clear()
                self._keep(frame)
        if len(self._out) > CATCHING_UP:
            self._search_on()
        lacking = [place for place in self._lacking if self._common[place] <= self.lookbacks[place]]
        if lacking != self._lacking:
            self._lacking = lacking
            self._search()

    def _keep(self, frame: Frame) -> None:
        needed = history.part_of(frame, self._places)
        if needed.instruments:
            self._newest_first.append(needed)
            self._take(needed)

    def _search_on(self) -> None:
        """Look further back, once, for the groups of which that promises enough bars; give up the others."""
        span = self._span + SEARCHED_AGAIN
        self._lacking = [
            place
            for place in self._lacking
            if not self._again and self._common[place] * span > self.lookbacks[place] * self._span
        ]
        self._span, self._again = span, True
        self._search()
        passed, self._out = self._out, []
        if self._lacking:
            # From the newest on, as they were read.
            for frame in passed:
                self.take([frame])

    def _is_out_of_reach(self, frame: Frame) -> bool:
        """Return whether all bars of a frame are older than what is searched."""
        length = timeframes.seconds(frame.timeframe)
        newest = frame.first_close_s + max(frame.step, default=0) * length
        return newest < self._newest_s - self._span * length

    def _take(self, frame: Frame) -> None:
        begin = 0
        for instrument, count in zip(frame.instruments, frame.counts, strict=True):
            for place, bit in self._places[instrument]:
                self._count(place, bit, frame, begin, count)
            begin += count

    def _count(self, place: int, bit: int, frame: Frame, begin: int, count: int) -> None:
        """Count the times at which a group is complete by a member's bars; requested ones may repeat what was taken."""
        length, present, later = timeframes.seconds(frame.timeframe), self._present[place], self._later[place]
        everyone = (1 << len(self._groups[place].instruments)) - 1
        for step in frame.step[begin : begin + count]:
            at = frame.first_close_s + step * length
            before = present.get(at, 0)
            present[at] = before | bit
            absent = sum(other for since, other in later if at < since) if later else 0
            self._common[place] += before | absent != present[at] | absent == everyone

    def done(self) -> bool:
        return not self._lacking

    def windows(self) -> list[Series]:
        if self._lacking and self._out:
            # Nothing is older than what was just passed over.
            self._search_on()
        return history.joined(reversed(self._newest_first))


def known_groups(groups: Mapping[Group, int], snapshot: Snapshot) -> dict[str, dict[KnownGroup, int]]:
    """Return groups by timeframe, without instruments that left or had no bar: they are not searched for.

    A group is left out if one of its instruments has been silent for as long as bars are searched.
    """
    known: dict[str, dict[KnownGroup, int]] = {}
    for (timeframe, instruments), count in groups.items():
        apart = snapshot.apart.get(" ".join((timeframe, *instruments)), {})
        group = tuple(
            instrument
            for instrument in instruments
            if f"{timeframe} {instrument}" in snapshot.through and apart.get(instrument, 0) >= 0
        )
        oldest = snapshot.newest_s - searched(count) * timeframes.seconds(timeframe)
        if group and all(snapshot.through[f"{timeframe} {instrument}"] > oldest for instrument in group):
            wanted = known.setdefault(timeframe, {})
            searched_for = KnownGroup(group, tuple(apart.get(instrument, 0) for instrument in group))
            wanted[searched_for] = max(wanted.get(searched_for, 0), count)
    return known


def _parts(body: bytes) -> list[bytes]:
    return [body[first : first + ITEM_BYTES] for first in range(0, len(body), ITEM_BYTES)]


def _fold_key(version: int) -> str:
    return f"fold#{version:012d}"
