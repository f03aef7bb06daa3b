"""Where signal keeps its fold: an item a bars message, with its new bars, the states after it, what was published.

They lie there compressed, for a write is billed by the KB.
"""

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any
from zlib import compress, decompress

import msgspec

from fanfold import bars, timeframes
from fanfold.aws.attribute_values import integer
from fanfold.aws.tables import ABSENT, Table, Write, sort_key
from fanfold.bars import Frame, Series
from fanfold.folding import Group, Kept, Snapshot
from fanfold.messages import Message, decode, encode

_pack = msgspec.msgpack.Encoder().encode
_frames = msgspec.msgpack.Decoder(list[Frame]).decode
_snapshot = msgspec.msgpack.Decoder(Snapshot).decode


# How many of the last messages' outputs a cold process knows at least.
RECENT = 64


class FoldTable:
    """The fold of one venue. Versions are dense, so of two writers one is refused."""

    def __init__(self, table: Table, venue: str, timeframe: str) -> None:
        self._table = table
        self._venue = venue
        self._timeframe = timeframe

    def append(
        self, version: int, message: str, series: list[Series], snapshot: Snapshot, outputs: list[Message]
    ) -> None:
        """Write a version; raises Conflict if it is there already."""
        frames = bars.pack(series)
        finest = [frame for frame in frames if frame.timeframe == self._timeframe]
        writes = [self._putting(self._venue, version, {
            "message": message,
            "version": version,
            "frames": compress(_pack(finest)),
            "snapshot": compress(_pack(snapshot)),
            "outputs": [compress(encode(output)) for output in outputs],
        })]
        # Coarse bars lie apart, so that a long look back on them does not read every minute.
        writes += [
            self._putting(f"{self._venue} {frame.timeframe}", version, {"frames": compress(_pack([frame]))})
            for frame in frames
            if frame.timeframe != self._timeframe
        ]
        self._table.write(writes)

    def load(self, groups: Mapping[Group, int]) -> Kept:
        """What is kept, with windows as long as the groups look back; see fanfold.folding.Fold.groups."""
        items = self._table.query(self._venue, "fold#", newest_first=True)
        newest = next(items, None)
        if newest is None:
            return Kept(0, [], None, {})
        snapshot = _snapshot(decompress(newest["snapshot"]))
        wanted = _known(groups, snapshot)
        windows, outputs = self._recent(chain([newest], items), wanted.pop(self._timeframe, {}))
        for timeframe in sorted(wanted, key=timeframes.seconds):
            windows += self._window(f"{self._venue} {timeframe}", wanted[timeframe], integer(newest["version"]))
        return Kept(integer(newest["version"]), windows, snapshot, outputs)

    def _recent(
        self, items: Iterable[dict[str, Any]], groups: dict[tuple[str, ...], int]
    ) -> tuple[list[Series], dict[str, list[Message]]]:
        reach, outputs = Reach(groups), dict[str, list[Message]]()
        for item in items:
            outputs[item["message"]] = [decode(decompress(body)) for body in item["outputs"]]
            reach.take(bars.unpack(_frames(decompress(item["frames"]))))
            if reach.done() and len(outputs) >= RECENT:
                break
        return reach.windows, dict(reversed(outputs.items()))

    def _window(self, partition: str, groups: dict[tuple[str, ...], int], version: int) -> list[Series]:
        reach = Reach(groups)
        for item in self._table.query(partition, "fold#", newest_first=True):
            # Versions after the newest that was read came in the meantime: their states are not known here.
            if reach.done():
                break
            if sort_key(item) <= _fold_key(version):
                reach.take(bars.unpack(_frames(decompress(item["frames"]))))
        return reach.windows

    def _putting(self, partition: str, version: int, values: dict[str, Any]) -> Write:
        return self._table.putting((partition, _fold_key(version)), values, ABSENT)


class Reach:
    """Windows that are read from the newest bars back, until every group has one more common time than its lookback."""

    def __init__(self, groups: Mapping[tuple[str, ...], int]) -> None:
        self.windows: list[Series] = []
        self._lacking = dict(groups)
        self._times: dict[str, set[int]] = {}

    def take(self, older: list[Series]) -> None:
        self.windows[:0] = older
        for series in older:
            self._times.setdefault(series.instrument, set()).update(bar.closes_at for bar in series.bars)

    def done(self) -> bool:
        self._lacking = {group: count for group, count in self._lacking.items() if self._common(group) <= count}
        return not self._lacking

    def _common(self, group: tuple[str, ...]) -> int:
        return len(set.intersection(*(self._times.get(instrument, set()) for instrument in group)))


def _known(groups: Mapping[Group, int], snapshot: Snapshot) -> dict[str, dict[tuple[str, ...], int]]:
    """Groups by timeframe, without instruments that are apart or had no bar: they would be looked for for ever."""
    known: dict[str, dict[tuple[str, ...], int]] = {}
    for (timeframe, instruments), count in groups.items():
        apart = snapshot.apart.get(" ".join((timeframe, *instruments)), {})
        group = tuple(one for one in instruments if f"{timeframe} {one}" in snapshot.through and one not in apart)
        if group:
            wanted = known.setdefault(timeframe, {})
            wanted[group] = max(wanted.get(group, 0), count)
    return known


def _fold_key(version: int) -> str:
    return f"fold#{version:012d}"
