"""The figures of a compiled scan of an account: few arrays of exact integers, a row a leg or an instrument.

A leg is a strategy instance on an instrument. Quantities are lots, prices ticks of their instrument's scale, money
steps of cash; shares are pairs of integers, numerator and denominator. Times are epoch seconds. A field's place in its
row is the member of its enum.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from fanfold.research.columns import Flags, Floats, Integers
from fanfold.research.tape import FillTape, blank_tape

INT64_MAX = 2**63 - 1
# How a scan ended, besides DONE and OVERFLOW: at a quantity that needs decimals.
UNTOLD_LOTS = 2
# The state of a leg's standing target.
NOTHING, FRESH, SIZED = 0, 1, 2


class BarField(IntEnum):
    """A bar of an instrument at a time: where none was seen, ``CLOSE`` is the last one, 0 before the first."""

    OPEN = 0
    CLOSE = 1
    VOLUME = 2
    CLOSED_AT = 3


class RuleField(IntEnum):
    """The rules of an instrument: the worth of a lot at a price of one tick, the tick, the venue's least and most.

    ``ROOM_OF`` and ``ROOM_BY`` say how many lots an account may fill of a bar, as a share of its volume.
    """

    WORTH = 0
    TICK = 1
    NOTIONAL_MIN = 2
    LOTS_MIN = 3
    LOTS_MAX = 4
    ROOM_OF = 5
    ROOM_BY = 6


class LegTerm(IntEnum):
    """The sizing of a leg. ``BUNDLE`` is the instance whose legs are ordered together, -1 for none."""

    INSTANCE = 0
    INSTRUMENT = 1
    SHARES = 2
    BUNDLE = 3
    BAND_OF = 4
    BAND_BY = 5
    SLACK = 6
    LIFETIME_S = 7
    LENGTH_S = 8


class AccountTerm(IntEnum):
    """The account's terms. ``STEP`` is what fees and reservations are whole multiples of, ``LENGTH_S`` a bar's length,
    ``LATENCY_S`` how long an order is on its way. ``RESTS`` says whether stops rest at the venue.
    """

    CASH = 0
    LENGTH_S = 1
    STEP = 2
    SPOT = 3
    ORDER_MAX = 4
    POSITION_MAX = 5
    ORDERS_A_MINUTE = 6
    BAR_AGE_S = 7
    SIGNAL_AGE_S = 8
    LATENCY_S = 9
    RESTS = 10


class AccountRate(IntEnum):
    """The account's shares."""

    FEE = 0
    FEE_MAX = 1
    WORSE = 2
    COLLAR = 3
    GROSS = 4
    NET = 5
    DAILY_LOSS = 6
    DRAWDOWN = 7
    MAKER = 8


class LegField(IntEnum):
    """The state of a leg.

    First its position and its live order, then its standing target, of the time number ``AT``, with the code of its
    last refusal, and when a protection closed the leg, where that made the target. Then its protection, as in
    ``risk.protection``, of which the best is a price, or a cost over lots; then what is decided now; last its lots.
    """

    QUANTITY = 0
    OPEN = 1
    LIMIT = 2
    RESERVED = 3
    DECIDED_AT = 4
    ARRIVED = 5
    STATE = 6
    AT = 7
    TARGET = 8
    CODE = 9
    EXIT = 10
    GUARD = 11
    SIDE = 12
    BEST = 13
    BEST_BY = 14
    OUT = 15
    OUT_AT = 16
    OUTCOME = 17
    ORDER = 18
    REDUCES = 19
    PROPOSED = 20
    REFUSAL = 21
    JUDGED = 22


class StopField(IntEnum):
    """The stop of a leg that rests at the venue, as the ledger notes it, and from ``RESTS`` on as the venue has it.

    ``SIGN`` is that of the position that it closes; a price of 0 is none. ``MET`` is the number of the last time whose
    bar it met, and one.
    """

    NOTED = 0
    SIGN = 1
    LOTS = 2
    PRICE = 3
    PROFIT = 4
    FILLED = 5
    ENDED = 6
    WITHDRAWN = 7
    RESTS = 8
    TRIGGERED = 9
    DECIDED_AT = 10
    ARRIVED = 11
    MET = 12


class BoundField(IntEnum):
    """Bounds within which a leg has nothing to do, of closes, lows and highs, and the worth of its lots at one tick."""

    UNIT = 0
    PRICE_LEAST = 1
    PRICE_MOST = 2
    LOW_LEAST = 3
    HIGH_MOST = 4


class AccountField(IntEnum):
    """A figure of the account. ``RESTING`` is how many stops rest, ``DAY_BEFORE`` the first time of the next day,
    ``AHEAD`` the number of the block of times that ``Book.ahead`` is of, and ``SETTLED`` the time that ended idle bars
    with all closes in their bounds; -1 for none.
    """

    CASH = 0
    RESERVED = 1
    PEAK = 2
    DAY = 3
    DAY_START = 4
    LAST = 5
    MINUTE = 6
    ORDERS = 7
    ARRIVALS = 8
    EQUITY = 9
    GROSS = 10
    LOWEST = 11
    HIGHEST = 12
    STALE = 13
    LIVE = 14
    REFUSALS = 15
    RESTING = 16
    DAY_BEFORE = 17
    AHEAD = 18
    SETTLED = 19


class PollTable(NamedTuple):
    """Bars on the times of all polls, by BarField, instrument and time; ``seen`` says where there is one.

    ``variance`` of returns, as in ``risk.exposure``, has rows where a leg asks for it; ``span`` has highs and lows,
    then instrument and time, where stops rest. ``most`` are the highest high and volume of each instrument, in figures
    of its recording, and ``least`` its lowest close.
    """

    time: Integers
    seen: Flags
    bars: Integers
    variance: Floats
    span: Integers
    most: Integers
    least: Integers


class Terms(NamedTuple):
    """The terms of an account by AccountTerm, by AccountRate, by leg and LegTerm, and by instrument and RuleField.

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
    """Target weights of strategies, a row a leg, a column a time; NaN where a leg says nothing.

    ``sizes`` has quantities that were asked for: time, leg, lots. ``protection`` is the row of ``shares`` that goes
    with a weight, in one row for all times or in a row each; a row of ``shares`` is stop, profit and trail, a pair
    each.
    """

    weight: Floats
    sizes: Integers
    protection: Integers
    shares: Integers


class Book(NamedTuple):
    """All that a scan keeps: by AccountField, by leg and LegField, and what it writes.

    ``weight`` is that of standing targets. ``largest`` and ``room`` of an instrument are its exposure and what is left
    of its bar; ``flow`` and ``worth`` of an instance the cash that came and its equity: a row each. ``refused`` has a
    row a refusal: the time's number, the leg, the number of the code. ``curve`` is equity and the gross worth of
    positions: a row each, a column a time. ``stop`` is by leg and StopField. ``bound`` is by leg and BoundField, while
    ``bound_weight`` is wanted, and ``least`` and ``most`` of an instance what it is worth within these. ``ahead`` has
    for each time of a block the next at which a leg says something else.
    """

    sums: Integers
    leg: Integers
    stop: Integers
    weight: Floats
    instrument: Integers
    instance: Integers
    tape: FillTape
    refused: Integers
    curve: Integers
    bound: Integers
    bound_weight: Floats
    ahead: Integers


# Rows of Book.instrument and Book.instance.
LARGEST, ROOM = 0, 1
# Rows of PollTable.span.
HIGH, LOW = 0, 1
FLOW, WORTH, WORTH_LEAST, WORTH_MOST = 0, 1, 2, 3
# Rows of Book.curve.
WORTHS, GROSSES = 0, 1
# Bars that are valued at once, and times that are looked through at once for other weights.
BLOCK, AHEAD = 64, 512


def blank_book(times: int, terms: Terms) -> Book:
    """Return the book of an account that was just opened."""
    sums, legs = np.zeros(len(AccountField), np.int64), len(terms.leg)
    # A leg has at most an order and a stop that fill in a bar.
    rows = times * legs * (1 + int(terms.account[AccountTerm.RESTS]))
    sums[AccountField.CASH], sums[[AccountField.LAST, AccountField.DAY, AccountField.AHEAD, AccountField.SETTLED]] = (
        terms.account[AccountTerm.CASH],
        -1,
    )
    return Book(
        sums=sums,
        leg=np.zeros((legs, len(LegField)), np.int64),
        stop=np.zeros((legs, len(StopField)), np.int64),
        weight=np.zeros(legs),
        instrument=np.zeros((2, len(terms.rule)), np.int64),
        instance=np.zeros((4, len(terms.capital)), np.int64),
        tape=blank_tape(rows, legs),
        refused=np.empty((times * legs, 3), np.int64),
        curve=np.empty((2, times), np.int64),
        bound=np.zeros((legs, len(BoundField)), np.int64),
        bound_weight=np.zeros(legs),
        ahead=np.zeros(AHEAD, np.int64),
    )
