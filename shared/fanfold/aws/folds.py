"""Where signal keeps its fold: an item a bars message, with the new bars, the states after them and what was published."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from fanfold import bars, timeframes
from fanfold.aws.tables import ABSENT, Table, Write
from fanfold.bars import Frame, Series
from fanfold.folding import Snapshot
from fanfold.messages import Message, decode, encode

_pack = msgspec.msgpack.Encoder().encode
_frames = msgspec.msgpack.Decoder(list[Frame]).decode
_snapshot = msgspec.msgpack.Decoder(Snapshot).decode


class Kept(NamedTuple):
    """What a cold process takes up: the version to go on from, windows, states, and recent outputs by message id."""

    version: int
    windows: list[Series]
    snapshot: Snapshot | None
    outputs: dict[str, list[Message]]


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
            "frames": _pack(finest),
            "snapshot": _pack(snapshot),
            "outputs": [encode(output) for output in outputs],
        })]
        # Coarse bars lie apart, so that a long look back on them does not read every minute.
        writes += [
            self._putting(f"{self._venue} {frame.timeframe}", version, {"frames": _pack([frame])})
            for frame in frames
            if frame.timeframe != self._timeframe
        ]
        self._table.write(writes)

    def load(self, lookbacks: Mapping[tuple[str, str], int]) -> Kept:
        """What is kept, with windows as long as the lookbacks, in bars by (timeframe, instrument)."""
        wanted = {name: count + 1 for (timeframe, name), count in lookbacks.items() if timeframe == self._timeframe}
        newest, windows, outputs = self._recent(wanted)
        if not newest:
            return Kept(0, [], None, {})
        for timeframe in sorted({timeframe for timeframe, _ in lookbacks} - {self._timeframe}, key=timeframes.seconds):
            wanted = {name: count + 1 for (one, name), count in lookbacks.items() if one == timeframe}
            windows += self._window(f"{self._venue} {timeframe}", wanted)
        return Kept(int(newest["version"]), windows, _snapshot(newest["snapshot"]), outputs)

    def _recent(self, wanted: dict[str, int]) -> tuple[dict[str, Any], list[Series], dict[str, list[Message]]]:
        newest: dict[str, Any] = {}
        windows: list[Series] = []
        outputs: dict[str, list[Message]] = {}
        for item in self._table.query(self._venue, "fold#", newest_first=True):
            newest = newest or item
            outputs[item["message"]] = [decode(body) for body in item["outputs"]]
            if _prepend(windows, item, wanted):
                break
        return newest, windows, dict(reversed(outputs.items()))

    def _window(self, partition: str, wanted: dict[str, int]) -> list[Series]:
        windows: list[Series] = []
        for item in self._table.query(partition, "fold#", newest_first=True):
            if _prepend(windows, item, wanted):
                break
        return windows

    def _putting(self, partition: str, version: int, values: dict[str, Any]) -> Write:
        return self._table.putting((partition, f"fold#{version:012d}"), values, ABSENT)


def _prepend(windows: list[Series], item: dict[str, Any], wanted: dict[str, int]) -> bool:
    """Put an older item's bars in front; true when no instrument wants more."""
    found = bars.unpack(_frames(item["frames"]))
    windows[:0] = found
    for series in found:
        wanted[series.instrument] = wanted.get(series.instrument, 0) - len(series.bars)
    return all(count <= 0 for count in wanted.values())
