"""What a compiled scan of an account reads and keeps: few arrays of exact integers, a row a leg or an instrument.

A leg is a strategy instance on an instrument. Quantities are lots, prices ticks of their instrument's scale, money
steps of cash; shares are pairs of integers, numerator and denominator. Times are epoch seconds. A field's place in its
row is the member of its enum.
"""

from enum import IntEnum, auto
from typing import Any, NamedTuple

import numpy as np

from fanfold.research.columns import Floats, Integers
from fanfold.research.tape import Tape, blank_tape

# How a scan ended, besides DONE: a figure that fits into no 64 bits, or a weight whose digits it has to be told.
DONE, OVERFLOW, DIGITS = 0, 1, 2
# The state of a leg's standing target.
NOTHING, FRESH, SIZED = 0, 1, 2


class _Place(IntEnum):
    @staticmethod
    def _generate_next_value_(_name: str, _start: int, count: int, _last: list[Any]) -> int:
        return count


class Bar(_Place):
    """A bar of an instrument at a time: where it is not ``SEEN``, ``CLOSE`` is the last one, 0 before the first."""

    SEEN = auto()
    OPEN = auto()
    CLOSE = auto()
    VOLUME = auto()
    CLOSED_AT = auto()


class Rule(_Place):
    """The rules of an instrument: the worth of a lot at a price of one tick, the tick, the venue's least and most.

    ``ROOM_OF`` and ``ROOM_BY`` say how many lots an account may fill of a bar, as a share of its volume.
    """

    WORTH = auto()
    TICK = auto()
    NOTIONAL_MIN = auto()
    LOTS_MIN = auto()
    LOTS_MAX = auto()
    ROOM_OF = auto()
    ROOM_BY = auto()


class Sized(_Place):
    """How a leg is sized. ``BUNDLE`` is the instance whose legs are ordered together, -1 for none."""

    INSTANCE = auto()
    INSTRUMENT = auto()
    SHARES = auto()
    BUNDLE = auto()
    BAND_OF = auto()
    BAND_BY = auto()
    SLACK = auto()
    LIFETIME_S = auto()
    LENGTH_S = auto()


class Term(_Place):
    """The account's terms. ``STEP`` is what fees and reservations are whole multiples of, ``LENGTH_S`` a bar's."""

    CASH = auto()
    LENGTH_S = auto()
    STEP = auto()
    SPOT = auto()
    ORDER_MAX = auto()
    POSITION_MAX = auto()
    ORDERS_A_MINUTE = auto()
    BAR_AGE_S = auto()
    SIGNAL_AGE_S = auto()


class Rate(_Place):
    """The account's shares."""

    FEE = auto()
    FEE_MAX = auto()
    WORSE = auto()
    COLLAR = auto()
    GROSS = auto()
    NET = auto()
    DAILY_LOSS = auto()
    DRAWDOWN = auto()


class Leg(_Place):
    """What is kept of a leg.

    First its position and its live order, then its standing target, of the time number ``AT``, with the code of its
    last refusal, and when a protection closed the leg, where that made the target. Then its protection, as in
    ``risk.protection``, of which the best is a price, or a cost over lots; then what is decided now; last its lots.
    """

    QUANTITY = auto()
    OPEN = auto()
    LIMIT = auto()
    RESERVED = auto()
    DECIDED_AT = auto()
    ARRIVED = auto()
    STATE = auto()
    AT = auto()
    TARGET = auto()
    CODE = auto()
    EXIT = auto()
    GUARD = auto()
    SIDE = auto()
    BEST = auto()
    BEST_BY = auto()
    OUT = auto()
    OUT_AT = auto()
    OUTCOME = auto()
    ORDER = auto()
    REDUCES = auto()
    PROPOSED = auto()
    REFUSAL = auto()
    JUDGED = auto()


class Sum(_Place):
    """A figure of the account."""

    CASH = auto()
    RESERVED = auto()
    PEAK = auto()
    DAY = auto()
    DAY_START = auto()
    LAST = auto()
    MINUTE = auto()
    ORDERS = auto()
    ARRIVALS = auto()
    EQUITY = auto()
    GROSS = auto()
    LOWEST = auto()
    HIGHEST = auto()
    STALE = auto()
    LIVE = auto()
    REFUSALS = auto()


class Market(NamedTuple):
    """Bars on the times of all polls: by time, instrument and Bar; ``variance`` of returns has rows where it is asked.

    ``variance`` is as in ``risk.exposure``.
    """

    time: Integers
    bars: Integers
    variance: Floats


class Terms(NamedTuple):
    """The terms of an account by Term, by Rate, by leg and Sized, and by instrument and Rule.

    ``capital`` is by instance; ``volatility`` by leg that of a year which weights are scaled to, 0 for none.
    """

    account: Integers
    rate: Integers
    leg: Integers
    rule: Integers
    capital: Integers
    volatility: Floats
    bars_a_year: float


class Wanted(NamedTuple):
    """What strategies want, a row a time, a column a leg; NaN where a leg says nothing.

    ``digits`` tells of weights that were asked for how they are written: row, column, the digits as an integer, and the
    power of ten that divides it. ``protection`` is the row of ``shares`` that goes with a weight, in one row for all
    times or in a row each; a row of ``shares`` is stop, profit and trail, a pair each.
    """

    weight: Floats
    digits: Integers
    protection: Integers
    shares: Integers


class Book(NamedTuple):
    """All that a scan keeps: by Sum, by leg and Leg, and what it writes.

    ``weight`` is that of standing targets. ``largest`` and ``room`` of an instrument are its exposure and what is left
    of its bar; ``flow`` and ``worth`` of an instance the cash that came and its equity: a row each. ``refused`` has a
    row a refusal: the time's number, the leg, the number of the code. ``curve`` is, by time, equity and the gross worth
    of positions.
    """

    sums: Integers
    leg: Integers
    weight: Floats
    instrument: Integers
    instance: Integers
    tape: Tape
    refused: Integers
    curve: Integers


# Rows of Book.instrument and Book.instance.
LARGEST, ROOM = 0, 1
FLOW, WORTH = 0, 1


def blank_book(times: int, terms: Terms) -> Book:
    """Return the book of an account that was just opened."""
    sums, legs, rows = np.zeros(len(Sum), np.int64), len(terms.leg), times * len(terms.leg)
    sums[Sum.CASH], sums[Sum.LAST], sums[Sum.DAY] = terms.account[Term.CASH], -1, -1
    return Book(
        sums=sums,
        leg=np.zeros((legs, len(Leg)), np.int64),
        weight=np.zeros(legs),
        instrument=np.zeros((2, len(terms.rule)), np.int64),
        instance=np.zeros((2, len(terms.capital)), np.int64),
        tape=blank_tape(rows, legs),
        refused=np.empty((rows, 3), np.int64),
        curve=np.empty((times, 2), np.int64),
    )
