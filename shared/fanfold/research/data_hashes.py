"""Hashes of bars."""

from collections.abc import Iterable
from hashlib import blake2s

from fanfold.market.recording import Recording


def data_hash(recordings: Iterable[Recording], start: int, until: int) -> str:
    """Return the hash of bars, and of the first and the last close that are traded of them."""
    bars = blake2s(digest_size=16)
    for recording in sorted(recordings, key=lambda entry: entry.instrument):
        bars.update(_head(recording).encode())
        bars.update(recording.records)
    bars.update(f"{start} {until}".encode())
    return bars.hexdigest()


def _head(recording: Recording) -> str:
    scales = f"{recording.price_scale} {recording.volume_scale}"
    return f"{recording.instrument} {recording.timeframe} {scales} {recording.count}\n"
