"""The clock port: the system's clock, or the market's, which a fast run sets."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from fanfold.errors import BadInput

Clock = Callable[[], datetime]
wall_sleep = time.sleep
# Real time in seconds, to time requests to other platforms, also where the market's clock is simulated.
wall_seconds = time.monotonic


def clock_of(setting: str) -> Clock:
    """Return the clock of a setting: ``wall``, or ``market:FILE`` for a file that holds epoch seconds as text."""
    if setting == "wall":
        return _wall
    kind, _, path = setting.partition(":")
    if kind != "market" or not path:
        raise BadInput(f"CLOCK is {setting!r}; it is `wall` or `market:FILE`")
    return lambda: read_market_clock(Path(path))


def sleep_of(setting: str) -> Callable[[float], None]:
    """Return the sleep for a clock; for one that is set by hand, and so does not move, it returns at once."""
    return wall_sleep if setting == "wall" else _pass_by


def read_market_clock(path: Path) -> datetime:
    return datetime.fromtimestamp(float(path.read_bytes()), UTC)


def _pass_by(_seconds: float) -> None:
    """Return at once."""


def _wall() -> datetime:
    return datetime.now(UTC)
