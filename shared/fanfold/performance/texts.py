"""Times and lengths of time as reports and pages write them."""

from datetime import UTC, datetime


def moment(at: int) -> str:
    """Return an epoch second to the minute, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def duration(seconds: int) -> str:
    """Return a time that something lasted.

    >>> duration(45), duration(3_660), duration(93_600)
    ('45 seconds', '1 hour 1 minute', '1 day 2 hours')
    """
    return length(seconds // 60) if seconds >= 60 else f"{seconds} second{'' if seconds == 1 else 's'}"


def length(minutes: int) -> str:
    """Return a span of market time.

    >>> length(2 * 1_440 + 120), length(1), length(0)
    ('2 days 2 hours', '1 minute', '0 minutes')
    """
    spans = [f"{count:,} {unit}{'' if count == 1 else 's'}" for count, unit in _units(minutes)]
    return " ".join(spans) or "0 minutes"


def brief(seconds: int) -> str:
    """Return a length in its two largest units, where there is little room.

    >>> brief(147_480), brief(3_600), brief(59)
    ('1 d 16 h', '1 h', '0 min')
    """
    short = {"day": "d", "hour": "h", "minute": "min"}
    return " ".join(f"{count:,} {short[unit]}" for count, unit in _units(seconds // 60)[:2]) or "0 min"


def _units(minutes: int) -> list[tuple[int, str]]:
    """Return the days, hours and minutes of a length, those that it has."""
    days, rest = divmod(minutes, 1_440)
    return [(count, unit) for count, unit in ((days, "day"), (rest // 60, "hour"), (rest % 60, "minute")) if count]
