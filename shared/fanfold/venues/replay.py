"""The replay venue: recorded bars in files of fixed-width records that are searched in place.

An instrument is two files: ``BTC-USDT.bars``, little-endian int64 of closes_at_s, open, high, low, close, volume, and
beside it ``BTC-USDT.json``, which says what they are.
"""

import json
import mmap
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from pathlib import Path
from struct import Struct
from typing import Any

from fanfold.errors import BadInput
from fanfold.market import timeframes
from fanfold.market.bars import Bar, Series, bars_of
from fanfold.market.resample import resample
from fanfold.market.source import BarsRequest, Failure

_RECORD = Struct("<6q")


def write(directory: Path, series: Iterable[Series]) -> None:
    """Store series, one an instrument, each in place of an earlier one; its longer timeframes follow from it."""
    directory.mkdir(parents=True, exist_ok=True)
    for recording in series:
        if not recording.bars:
            raise BadInput(f"{recording.instrument} {recording.timeframe} has no bars to store")
        stem = recording.instrument.replace("/", "-").replace(":", "_")
        _replace(directory / f"{stem}.bars", b"".join(_RECORD.pack(*bar) for bar in recording.bars))
        _replace(directory / f"{stem}.json", json.dumps(_header(recording), indent=1).encode())


class ReplayVenue:
    """Reads what ``write`` stored in a directory."""

    recorded = True

    def __init__(self, directory: Path) -> None:
        recordings = [_Recording(header) for header in sorted(directory.glob("*.json"))]
        if not recordings:
            raise BadInput(f"{directory} holds no recorded bars; store series in it before they are replayed")
        self._recordings = {recording.instrument: recording for recording in recordings}

    @property
    def instruments(self) -> list[str]:
        return sorted(self._recordings)

    def span(self, instrument: str) -> tuple[int, int]:
        """Closes of the first and of the last bar of an instrument, in epoch seconds."""
        recording = self._recording(instrument)
        return recording.closes_at_s(0), recording.closes_at_s(recording.count - 1)

    def bars(self, instrument: str, timeframe: str, since: int, until: int) -> Series:
        """Bars that close after ``since`` and no later than ``until``, in epoch seconds.

        ``after`` is the close of the bar before the first one, 0 if there is none. A timeframe coarser than the
        recorded one is resampled. Raises BadInput for an instrument that was not recorded or a finer timeframe.
        """
        recording = self._recording(instrument)
        if timeframe == recording.timeframe:
            return recording.series(since, until)
        length = timeframes.seconds(timeframe)
        whole = recording.series(since // length * length, until // length * length)
        return resample(whole, timeframe, until)

    def bars_of(self, requests: Sequence[BarsRequest]) -> list[Series | Failure]:
        """The bars of each request; see bars. A file never fails for one instrument alone."""
        return [self.bars(*request) for request in requests]

    def _recording(self, instrument: str) -> "_Recording":
        if instrument not in self._recordings:
            raise BadInput(f"{instrument} was not recorded; there are {', '.join(self.instruments)}")
        return self._recordings[instrument]


class _Recording:
    def __init__(self, header: Path) -> None:
        fields: dict[str, Any] = json.loads(header.read_bytes())
        self.instrument: str = fields["instrument"]
        self.timeframe: str = fields["timeframe"]
        self._price_scale: int = fields["price_scale"]
        self._volume_scale: int = fields["volume_scale"]
        self._after: int = fields["after"]
        with header.with_suffix(".bars").open("rb") as file:
            self._records = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.count, torn = divmod(len(self._records), _RECORD.size)
        if torn or self.count != fields["count"]:
            raise BadInput(f"{header.with_suffix('.bars')} is damaged: {fields['count']} bars were written to it")
        # In place, and little-endian as all machines are that this runs on.
        self._closes = memoryview(self._records).cast("q")[:: len(Bar._fields)]

    def closes_at_s(self, index: int) -> int:
        return self._closes[index]

    def series(self, since: int, until: int) -> Series:
        first = bisect_right(self._closes, since)
        last = bisect_right(self._closes, until, lo=first)
        records = self._records[first * _RECORD.size : last * _RECORD.size]
        return Series(
            instrument=self.instrument,
            timeframe=self.timeframe,
            price_scale=self._price_scale,
            volume_scale=self._volume_scale,
            after=self.closes_at_s(first - 1) if first else self._after,
            bars=bars_of(_RECORD.iter_unpack(records)),
        )


def _header(series: Series) -> dict[str, str | int]:
    return {
        "instrument": series.instrument,
        "timeframe": series.timeframe,
        "price_scale": series.price_scale,
        "volume_scale": series.volume_scale,
        "after": series.after,
        "count": len(series.bars),
        "first": series.bars[0].closes_at_s,
        "last": series.bars[-1].closes_at_s,
    }


def _replace(path: Path, content: bytes) -> None:
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_bytes(content)
    fresh.replace(path)
