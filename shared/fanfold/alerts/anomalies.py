"""Anomalies of an account's trading: few rules, held against its own last days. docs/alerts.md has their rates.

Each rule returns why it thinks that something is wrong, "" where it does not, or where it knows too little.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import comb
from statistics import median

import msgspec

HOUR_S, DAY_S = 3600, 86_400
# What is usual is taken from these days before the hours that are judged.
BASE_S = 7 * DAY_S
# Success: so many recent hours, orders in them, orders before, and how seldom chance alone may look like it.
SUCCESS_S, SUCCESS_ORDERS, SUCCESS_BASE, CHANCE = 4 * HOUR_S, 8, 50, 1e-5
# Latency: recent hours, hours before that have any, and how many spreads and times the usual it must be.
LATENCY_S, LATENCY_BASE, SPREADS, TIMES = 2 * HOUR_S, 24, 8, 2
# Of a median's own deviations, those of a normal spread; and a spread is at least a tenth of the usual.
NORMAL, SPREAD_MIN = 1.4826, 0.1
# No fills: on so many days of seven there were some, and none for so many times the longest pause, at least so long.
FILL_DAYS, PAUSES, PAUSE_MIN_S = 6, 2, 6 * HOUR_S
# Silence: so many bars without a decision, and a grace for what is slow.
SILENT_BARS, GRACE_S = 3, 600


class Hour(msgspec.Struct, frozen=True, kw_only=True):
    """An hour of an account: orders filled and failed, fills, and the latency of its reports, from the bar's close.

    ``equity`` is the last one of the hour as decimal text, "" where none is known.
    """

    at_s: int
    filled: int = 0
    failed: int = 0
    fills: int = 0
    reports: int = 0
    latency_ms: int = 0
    equity: str = ""


def success_fell(hours: Sequence[Hour], now_s: int) -> str:
    """Compare the share of orders that filled, of those that filled or failed, by the binomial's tail."""
    base, recent = _split(hours, now_s, SUCCESS_S)
    before, orders = _outcomes(base), _outcomes(recent)
    if sum(before) < SUCCESS_BASE or sum(orders) < SUCCESS_ORDERS:
        return ""
    usual = (before[0] + 1) / (sum(before) + 2)
    if _tail(orders[0], sum(orders), usual) >= CHANCE:
        return ""
    return f"{orders[0]} of the last {sum(orders)} orders filled in {SUCCESS_S // HOUR_S} h; usual are {usual:.0%}"


def _outcomes(hours: Sequence[Hour]) -> tuple[int, int]:
    return sum(hour.filled for hour in hours), sum(hour.failed for hour in hours)


def _tail(successes: int, trials: int, share: float) -> float:
    """Return the probability of so many successes or fewer.

    >>> _tail(0, 2, 0.5), _tail(1, 2, 0.5), _tail(2, 2, 0.5)
    (0.25, 0.75, 1.0)
    """
    return sum(comb(trials, count) * share**count * (1 - share) ** (trials - count) for count in range(successes + 1))


def latency_rose(hours: Sequence[Hour], now_s: int) -> str:
    """Compare the mean latency of reports with the median of the hours before, by their median deviation."""
    base, recent = _split(hours, now_s, LATENCY_S)
    usual = [hour.latency_ms / hour.reports for hour in base if hour.reports]
    reports = sum(hour.reports for hour in recent)
    if len(usual) < LATENCY_BASE or not reports:
        return ""
    latency, middle = sum(hour.latency_ms for hour in recent) / reports, median(usual)
    spread = max(NORMAL * median(abs(each - middle) for each in usual), SPREAD_MIN * middle)
    if latency <= max(middle + SPREADS * spread, TIMES * middle):
        return ""
    return f"reports come {latency:,.0f} ms after the bar's close; usual are {middle:,.0f} ms"


def fills_stopped(hours: Sequence[Hour], now_s: int) -> str:
    """Compare the time since the last fill with the longest pause of the days before."""
    filled = [hour.at_s for hour in hours if hour.fills and now_s - BASE_S <= hour.at_s]
    days = {(now_s - at_s) // DAY_S for at_s in filled}
    if len(days) < FILL_DAYS:
        return ""
    longest = max((later - earlier for earlier, later in pairwise(filled)), default=HOUR_S)
    pause = now_s - filled[-1] - HOUR_S
    if pause <= max(PAUSES * longest, PAUSE_MIN_S):
        return ""
    return f"no fill for {pause // HOUR_S} h; the longest pause of {BASE_S // DAY_S} days was {longest // HOUR_S} h"


def fell_silent(decided_s: int, now_s: int, bar_s: int) -> str:
    """Return since when nothing was decided, where that is longer than some bars; of 0, never, nothing is said."""
    silent_s = now_s - decided_s
    if not decided_s or silent_s <= SILENT_BARS * bar_s + GRACE_S:
        return ""
    return (
        f"nothing was decided for {silent_s // 60} min, with bars of {bar_s // 60} min: no bars come, or a service "
        "of the desk has stopped"
    )


def _split(hours: Sequence[Hour], now_s: int, recent_s: int) -> tuple[list[Hour], list[Hour]]:
    """Return the hours that say what is usual, and those that are judged."""
    known = [hour for hour in hours if now_s - recent_s - BASE_S <= hour.at_s <= now_s]
    first = now_s - recent_s
    return [hour for hour in known if hour.at_s < first], [hour for hour in known if hour.at_s >= first]
