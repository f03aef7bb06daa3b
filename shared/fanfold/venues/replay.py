"""The replay venue: recorded bars in files of fixed-width records, with binary search in place.

An instrument is two files: ``BTC-USDT.bars``, little-endian int64 of closes_at_s, open, high, low, close, volume, and
beside it ``BTC-USDT.json``, which describes them.
"""

import json
import mmap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from fanfold.errors import BadInput
from fanfold.market import timeframes
from fanfold.market.bars import Series
from fanfold.market.recording import RECORD, Recording
from fanfold.market.resample import resample
from fanfold.market.source import BarsRequest, Failure


def write(directory: Path, recordings: Iterable[Series | Recording]) -> None:
    """Store series, one an instrument, each in place of an earlier one; longer timeframes are made from it."""
    directory.mkdir(parents=True, exist_ok=True)
    for entry in recordings:
        recording = Recording.of(entry) if isinstance(entry, Series) else entry
        if not recording.count:
            raise BadInput(f"{recording.instrument} {recording.timeframe} has no bars to store")
        stem = recording.instrument.replace("/", "-").replace(":", "_")
        _replace(directory / f"{stem}.bars", recording.records)
        _replace(directory / f"{stem}.json", json.dumps(_header(recording), indent=1).encode())


class ReplayVenue:
    """Reads what ``write`` stored in a directory."""

    recorded = True

    def __init__(self, directory: Path) -> None:
        recordings = [_mapped(header) for header in sorted(directory.glob("*.json"))]
        if not recordings:
            raise BadInput(f"{directory} holds no recorded bars; store series in it before they are replayed")
        self._recordings = {recording.instrument: recording for recording in recordings}

    @property
    def instruments(self) -> list[str]:
        return sorted(self._recordings)

    def span(self, instrument: str) -> tuple[int, int]:
        """Return the closes of the first and of the last bar of an instrument, in epoch seconds."""
        recording = self.recording(instrument)
        return recording.closes_at_s(0), recording.closes_at_s(-1)

    def bars(self, instrument: str, timeframe: str, since: int, until: int) -> Series:
        """Return bars that close after ``since`` and no later than ``until``, in epoch seconds.

        ``after`` is the close of the bar before the first one, 0 if there is none. A timeframe coarser than the
        recorded one is resampled. Raises BadInput for an instrument that was not recorded or a finer timeframe.
        """
        recording = self.recording(instrument)
        if timeframe == recording.timeframe:
            return recording.series(since, until)
        length = timeframes.seconds(timeframe)
        whole = recording.series(since // length * length, until // length * length)
        return resample(whole, timeframe, until)

    def bars_of(self, requests: Sequence[BarsRequest]) -> list[Series | Failure]:
        """Return the bars of each request; see bars. A file never fails for one instrument alone."""
        return [self.bars(*request) for request in requests]

    def recording(self, instrument: str) -> Recording:
        """Return all that was recorded of an instrument. Raises BadInput for one that was not."""
        if instrument not in self._recordings:
            raise BadInput(f"{instrument} was not recorded; there are {', '.join(self.instruments)}")
        return self._recordings[instrument]


def _mapped(header: Path) -> Recording:
    """Map what ``write`` stored into memory. Raises BadInput where a file of it was cut."""
    fields: dict[str, Any] = json.loads(header.read_bytes())
    with header.with_suffix(".bars").open("rb") as file:
        records = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if len(records) != fields["count"] * RECORD.size:
        raise BadInput(f"{header.with_suffix('.bars')} is damaged: {fields['count']} bars were written to it")
    scales = fields["price_scale"], fields["volume_scale"]
    return Recording(fields["instrument"], fields["timeframe"], *scales, fields["after"], memoryview(records))


def _header(recording: Recording) -> dict[str, str | int]:
    return {
        "instrument": recording.instrument,
        "timeframe": recording.timeframe,
        "price_scale": recording.price_scale,
        "volume_scale": recording.volume_scale,
        "after": recording.after,
        "count": recording.count,
        "first": recording.closes_at_s(0),
        "last": recording.closes_at_s(-1),
    }


def _replace(path: Path, content: bytes | memoryview) -> None:
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_bytes(content)
    fresh.replace(path)
