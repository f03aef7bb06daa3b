"""Compare bars with those before them: whether they are possible, follow one another, and do not jump."""

from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from itertools import pairwise
from operator import itemgetter, le

from fanfold.market.bars import Bar


def possible(bar: Bar) -> bool:
    """Return whether a bar is possible: open and close within low and high, prices above 0, volume not negative."""
    _, opened, high, low, close, volume = bar
    return 0 < low <= opened <= high and low <= close <= high and volume >= 0


def follows(bar: Bar, before: Bar, length: int, jump_max: Decimal, now: int) -> bool:
    """Return whether a bar follows another without a defect: a fast path, since ``check`` accepts nearly every bar."""
    at, opened, high, low, close, volume = bar
    top, bottom = _ratio(jump_max)
    # As ``possible`` and ``near``, without their calls: it is asked of each bar of each poll.
    return (
        at == before.closes_at_s + length
        and at <= now
        and at % length == 0
        and volume > 0
        and 0 < low <= opened <= high
        and low <= close <= high
        and abs(close - before.close) * bottom <= before.close * top
    )


def unbroken(bars: Sequence[Bar], length: int, jump_max: Decimal) -> bool:
    """Return whether every bar comes right after the one before it, none is impossible, and none jumps."""
    if not bars:
        return True
    # A column at a time, without a step of Python a bar: an hour's bars of every instrument are looked at when longer
    # bars close.
    times, opens, highs, lows, closes, volumes = zip(*bars, strict=True)
    return (
        times[0] % length == 0
        and _in_steps(times, length)
        and min(lows) > 0
        and min(volumes) >= 0
        and all(map(le, lows, opens))
        and all(map(le, opens, highs))
        and all(map(le, lows, closes))
        and all(map(le, closes, highs))
        and _steady(closes, jump_max)
    )


def _steady(closes: Sequence[int], jump_max: Decimal) -> bool:
    """Return whether no close is further than ``jump_max`` from the one before it."""
    top, bottom = _ratio(jump_max)
    lowest = min(closes)
    # No step is wider than the whole range.
    if (max(closes) - lowest) * bottom <= lowest * top:
        return True
    return all(abs(later - earlier) * bottom <= earlier * top for earlier, later in pairwise(closes))


def consecutive(bars: Sequence[Bar], length: int) -> bool:
    """Return whether every bar closes right after the one before it."""
    if not bars or bars[-1].closes_at_s - bars[0].closes_at_s != (len(bars) - 1) * length:
        return not bars
    return len(bars) < 3 or _in_steps(tuple(map(itemgetter(0), bars)), length)


def _in_steps(times: tuple[int, ...], length: int) -> bool:
    return times == tuple(range(times[0], times[0] + len(times) * length, length))


def near(before: Bar, bar: Bar, jump_max: Decimal) -> bool:
    """Return whether two closes differ by at most ``jump_max``, as a share of the earlier one."""
    top, bottom = _ratio(jump_max)
    return abs(bar.close - before.close) * bottom <= before.close * top


@cache
def _ratio(share: Decimal) -> tuple[int, int]:
    return share.as_integer_ratio()
