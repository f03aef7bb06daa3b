"""The last bars that market-data has published of each series of a venue: one item a venue."""

from collections.abc import Mapping

import msgspec

from fanfold.aws.attribute_values import integer
from fanfold.aws.tables import ABSENT, Key, Table
from fanfold.bars import Bar, Series
from fanfold.sources import Noted

SeriesKey = tuple[str, str]
# Timeframe, instrument, scales of price and volume, and the bars.
_Row = tuple[str, str, int, int, list[Bar]]
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[_Row]).decode


class CursorTable:
    """See market_data_service.poll.Cursors: by (timeframe, instrument), the last bars that were published."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self, venue: str) -> Noted:
        item = self._table.get(_key(venue))
        if not item:
            return Noted({}, 0)
        cursors = {row[:2]: _series(*row) for row in _unpack(item["cursors"])}
        return Noted(cursors, integer(item["version"]), integer(item["held_until"]))

    def write(self, venue: str, cursors: Mapping[SeriesKey, Series], version: int, held_until: int = 0) -> None:
        """Raises Conflict where the version is not the one that was read."""
        rows = [(*key, one.price_scale, one.volume_scale, one.bars) for key, one in cursors.items()]
        item = {"cursors": _pack(rows), "version": version + 1, "held_until": held_until}
        condition = "version = :version" if version else ABSENT
        values = {":version": version} if version else None
        self._table.write([self._table.putting(_key(venue), item, condition, values)])


def _series(timeframe: str, instrument: str, price_scale: int, volume_scale: int, bars: list[Bar]) -> Series:
    return Series(instrument=instrument, timeframe=timeframe, price_scale=price_scale, volume_scale=volume_scale,
                  after=0, bars=bars)


def _key(venue: str) -> Key:
    return f"venue#{venue}", "cursors"
