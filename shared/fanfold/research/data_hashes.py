"""Hashes of bars."""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2s
from typing import Any

from fanfold.market.recording import Recording


def data_hash(recordings: Iterable[Recording], start: int, until: int) -> str:
    """Return the hash of bars, and of the first and the last close that are traded of them."""
    first, *others = sorted(recordings, key=lambda entry: entry.instrument)
    bars = _begun(first).copy()
    for recording in others:
        _add(bars, recording)
    bars.update(f"{start} {until}".encode())
    return str(bars.hexdigest())


@lru_cache(maxsize=4)
def _begun(recording: Recording) -> Any:
    """Return a hash that begins with a recording; batches and windows ask for the same ones, which takes a while."""
    bars = blake2s(digest_size=16)
    _add(bars, recording)
    return bars


def _add(bars: Any, recording: Recording) -> None:
    bars.update(_head(recording).encode())
    bars.update(recording.records)


def _head(recording: Recording) -> str:
    scales = f"{recording.price_scale} {recording.volume_scale}"
    return f"{recording.instrument} {recording.timeframe} {scales} {recording.count}\n"
