"""The last bars that market-data has published of each series of a venue: one item a venue, and more beside it where
there are thousands of series."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from fanfold.aws.dynamodb.attribute_values import integer
from fanfold.aws.dynamodb.table import ABSENT, Key, Table, Write
from fanfold.errors import Conflict, retry_on_conflict
from fanfold.market.bars import Bar, Series
from fanfold.market.source import Noted, SkippedBars
from fanfold.money import ZERO

# An item takes 400 KB, its names and keys included.
PART_BYTES = 380_000
TRIES = 5
NO_GAP = (0, 0)


class _Row(msgspec.Struct, frozen=True, array_like=True):
    """A series as it is stored: its key, scales and last bars, and the gap before them that is still to be filled.

    A later version may add fields behind these: who reads a longer row leaves them out.
    """

    timeframe: str
    instrument: str
    price_scale: int
    volume_scale: int
    bars: list[Bar]
    gap: tuple[int, int] = NO_GAP

    @property
    def key(self) -> tuple[str, str]:
        return self.timeframe, self.instrument


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[_Row]).decode


class CursorTable:
    """See market_data_service.poll.PollCursors: the last bars that were published, by (timeframe, instrument)."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self, venue: str) -> Noted:
        """Read a venue's cursors. Raises Conflict where another process keeps writing them meanwhile."""
        subject = f"the cursors of {venue}"
        return retry_on_conflict(lambda: self._read(venue), TRIES, subject, self._table.backoff)

    def write(self, venue: str, noted: Noted) -> None:
        """Write a venue's notes as the next version. Raises Conflict where theirs is not the one that is stored."""
        rows = [
            _Row(*key, series.price_scale, series.volume_scale, list(series.bars), noted.gaps.get(key, NO_GAP))
            for key, series in noted.cursors.items()
        ]
        first, *more = _parts(rows)
        version = noted.version + 1
        item = {"cursors": first, "version": version, "held_until_s": noted.held_until, "more": len(more)}
        condition = "version = :version" if noted.version else ABSENT
        values = {":version": noted.version} if noted.version else None
        beside = [self._beside(venue, number, version, part) for number, part in enumerate(more, 1)]
        self._table.write([self._table.putting(_key(venue), item, condition, values), *beside])

    def _read(self, venue: str) -> Noted:
        item = self._table.get(_key(venue))
        if not item:
            return Noted({}, 0)
        version = integer(item["version"])
        rows = self._rows(venue, item, version)
        cursors = {row.key: _series(row) for row in rows}
        gaps = {row.key: SkippedBars(*row.gap) for row in rows if row.gap != NO_GAP}
        return Noted(cursors, version, integer(item["held_until_s"]), gaps)

    def _beside(self, venue: str, number: int, version: int, part: bytes) -> Write:
        return self._table.putting(_key(venue, number), {"cursors": part, "version": version})

    def _rows(self, venue: str, item: Mapping[str, Any], version: int) -> list[_Row]:
        """Return all rows that belong to an item. Raises Conflict where another writer changed the items beside it."""
        keys = [_key(venue, number) for number in range(1, integer(item["more"]) + 1)]
        items = self._table.get_all(keys)
        beside = [items.get(key, {}) for key in keys]
        if any(integer(part.get("version", ZERO)) != version for part in beside):
            raise Conflict(f"the cursors of {venue} are not all of version {version}")
        return [row for part in (item, *beside) for row in _unpack(part["cursors"])]


def _parts(rows: Sequence[_Row]) -> Iterator[bytes]:
    """Divide the rows into as many parts as they need, most often one."""
    body = _pack(rows)
    if len(body) <= PART_BYTES or len(rows) < 2:
        yield body
        return
    half = len(rows) // 2
    yield from _parts(rows[:half])
    yield from _parts(rows[half:])


def _series(row: _Row) -> Series:
    return Series(
        instrument=row.instrument,
        timeframe=row.timeframe,
        price_scale=row.price_scale,
        volume_scale=row.volume_scale,
        after=0,
        bars=row.bars,
    )


def _key(venue: str, number: int = 0) -> Key:
    return f"venue#{venue}", f"cursors/{number}" if number else "cursors"
