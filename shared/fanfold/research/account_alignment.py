"""Bars of several instruments aligned on common times, in one compiled pass over their records."""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from fanfold.research.account_book import HIGH, INT64_MAX, LOW, BarField, PollTable
from fanfold.research.columns import Floats, Integers, borrow
from fanfold.research.compile_cache import keep

ALIGNMENT = ("account_book", "account_alignment", "columns")
TIME, OPEN, HIGHEST, LOWEST, CLOSE, VOLUME = range(6)


class KnownBars(NamedTuple):
    """The records of an instrument, ticks of the table in one of theirs, and the variance after each, where asked for.

    They may begin before the times that they are aligned on.
    """

    records: Integers
    unit: int
    variances: Floats


def align(times: Integers, known: Sequence[KnownBars], *, spans: bool) -> PollTable:
    """Return the bars of instruments, in their order, at all times; with ``spans`` their highs and lows, too."""
    count = times.size if any(bars.variances.size for bars in known) else 0
    # Code is compiled once more for an array that may be written to.
    fixed = times.view()
    fixed.flags.writeable = False
    market = PollTable(
        time=fixed,
        seen=np.empty((len(known), times.size), np.bool_),
        bars=np.empty((len(BarField), len(known), times.size), np.int64),
        variance=np.zeros((count, len(known))),
        span=np.zeros((2, len(known), times.size if spans else 0), np.int64),
        most=np.zeros((len(known), 2), np.int64),
        least=np.full(len(known), INT64_MAX),
    )
    for instrument, bars in enumerate(known):
        _compiled()(bars, market, instrument)
    return market


@cache
def _compiled() -> Any:
    return keep(njit(error_model="numpy", nogil=True)(_align), ALIGNMENT)


def _align(bars: KnownBars, market: PollTable, instrument: int) -> None:
    records, times, rows = borrow(bars.records), borrow(market.time), borrow(market.bars)[:, instrument]
    flags, variance = borrow(market.seen)[instrument], borrow(market.variance)
    span, variances = borrow(market.span), borrow(bars.variances)
    most, least, place = borrow(market.most)[instrument], borrow(market.least), 0
    for at in range(times.size):
        while place < len(records) and records[place, TIME] <= times[at]:
            place += 1
        newest = records[max(place - 1, 0)]
        seen = place > 0 and newest[TIME] == times[at]
        flags[at] = seen
        rows[BarField.OPEN, at] = newest[OPEN] * bars.unit if seen else 0
        rows[BarField.VOLUME, at] = newest[VOLUME] if seen else 0
        rows[BarField.CLOSE, at] = newest[CLOSE] * bars.unit if place > 0 else 0
        rows[BarField.CLOSED_AT, at] = newest[TIME] if place > 0 else 0
        if seen:
            least[instrument] = min(least[instrument], newest[CLOSE])
            most[0], most[1] = max(most[0], newest[HIGHEST]), max(most[1], newest[VOLUME])
        if span.size and seen:
            span[HIGH, instrument, at], span[LOW, instrument, at] = (
                newest[HIGHEST] * bars.unit,
                newest[LOWEST] * bars.unit,
            )
        if variances.size and place > 0:
            variance[at, instrument] = variances[place - 1]
