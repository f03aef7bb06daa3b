"""The replay venue: recorded bars in files of fixed-width records, with binary search in place.

An instrument is two files: ``BTC-USDT.bars``, little-endian int64 of closes_at_s, open, high, low, close, volume, and
beside it ``BTC-USDT.json``, which describes them.
"""

import json
import mmap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fanfold.errors import BadInput
from fanfold.market.bars import Series
from fanfold.market.recording import RECORD, Recording
from fanfold.market.recordings import Recordings


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


class ReplayVenue(Recordings):
    """Reads what ``write`` stored in a directory."""

    def __init__(self, directory: Path) -> None:
        recordings = [_mapped(header) for header in sorted(directory.glob("*.json"))]
        if not recordings:
            raise BadInput(f"{directory} holds no recorded bars; store series in it before they are replayed")
        super().__init__(recordings)


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
