"""The clock port: the system's clock, or the market's, which a fast run sets."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from fanfold.errors import BadInput

Clock = Callable[[], datetime]


def clock_of(setting: str) -> Clock:
    """Return the clock of a setting: ``wall``, or ``market:FILE`` for a file that holds epoch seconds as text."""
    if setting == "wall":
        return _wall
    kind, _, path = setting.partition(":")
    if kind != "market" or not path:
        raise BadInput(f"CLOCK is {setting!r}; it is `wall` or `market:FILE`")
    return lambda: read_market_clock(Path(path))


def read_market_clock(path: Path) -> datetime:
    return datetime.fromtimestamp(float(path.read_bytes()), UTC)


def _wall() -> datetime:
    return datetime.now(UTC)
