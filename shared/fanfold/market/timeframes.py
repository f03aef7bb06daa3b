"""Bar lengths, named as venues name them: 1m, 5m, 1h, 1d."""

import re
from functools import cache

from fanfold.errors import BadInput

DAY_S = 86_400
# In which a time that a user writes may lie: days and bars beside it are computed of it.
YEARS = range(1900, 9999)
YEARS_SPAN = f"from {YEARS.start} to {YEARS.stop - 1}"
_SECONDS = {"m": 60, "h": 3_600, "d": DAY_S}
_WEEK = 7 * DAY_S
_NAME = re.compile(r"([1-9][0-9]*)([mhd])")


@cache
def seconds(timeframe: str) -> int:
    """Return the length of a timeframe in seconds. Raises BadInput for an unknown one, and for weeks.

    >>> seconds("5m")
    300
    """
    match = _NAME.fullmatch(timeframe)
    if match is None:
        raise BadInput(f"timeframe {timeframe!r} is not a number and one of m, h, d, such as 1m, 15m, 4h or 1d")
    length = int(match[1]) * _SECONDS[match[2]]
    if length % _WEEK == 0:
        raise BadInput(
            f"timeframe {timeframe!r} is whole weeks, which venues begin on Monday and bars here would on "
            "Thursday, as the epoch did; use 1d, and look back on more days"
        )
    return length


def closes(timeframe: str, at: int) -> bool:
    """Return whether a bar of this timeframe closes at an epoch second. Days end at UTC midnight."""
    return at % seconds(timeframe) == 0
