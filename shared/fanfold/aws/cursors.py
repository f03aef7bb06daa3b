"""How far market-data has published each series of a venue: one item a venue."""

from collections.abc import Mapping

import msgspec

from fanfold.aws.attribute_values import integer
from fanfold.aws.tables import ABSENT, Key, Table

SeriesKey = tuple[str, str]
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[tuple[str, str, int]]).decode


class CursorTable:
    """See market_data_service.poll.Cursors: keys are (timeframe, instrument), values closes in epoch seconds."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self, venue: str) -> tuple[Mapping[SeriesKey, int], int]:
        item = self._table.get(_key(venue))
        if not item:
            return {}, 0
        rows = _unpack(item["cursors"])
        return {(timeframe, instrument): at for timeframe, instrument, at in rows}, integer(item["version"])

    def write(self, venue: str, cursors: Mapping[SeriesKey, int], version: int) -> None:
        """Raises Conflict where the version is not the one that was read."""
        rows = [(timeframe, instrument, at) for (timeframe, instrument), at in cursors.items()]
        item = {"cursors": _pack(rows), "version": version + 1}
        condition = "version = :version" if version else ABSENT
        values = {":version": version} if version else None
        self._table.write([self._table.putting(_key(venue), item, condition, values)])


def _key(venue: str) -> Key:
    return f"venue#{venue}", "cursors"
