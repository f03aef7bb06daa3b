"""One strategy on one instrument by a fixed quantity: step, size, fill and value in one compiled scan.

The rules are those of ``matching.fills`` for orders at market: what a close decides fills at the next open that has
volume, worsened by half the spread and the slippage, with the taker's fee.
"""

from functools import cache
from types import FunctionType
from typing import Any, NamedTuple

from numba import njit

from fanfold.research.columns import IntegerBars, Integers, StepColumns, borrow
from fanfold.research.compiled import inlined
from fanfold.research.kept import STRATEGY, keep
from fanfold.research.tape import LIMIT, FillTape, fee_of, small, worsened, write_fill
from fanfold.strategy.contract import Bars
from fanfold.strategy.step_code import digest

DONE, OVERFLOW = 0, 1
# Bound anew in the copy of the scan for each strategy.
step: Any = None


class LaneTerms(NamedTuple):
    """The terms of a lane, as integers.

    ``cash`` is in steps of cash, ``size`` the lots of a weight of 1, ``worth`` the steps of cash of a lot at a price of
    one tick of the bars' scale; ``fee`` and ``worse`` are shares, as numerator and denominator; ``tick`` is in ticks of
    that scale, ``step`` what fees are multiples of. ``notional_max`` is the most that a lot costs at any price.
    """

    cash: int
    size: int
    worth: int
    fee: tuple[int, int]
    worse: tuple[int, int]
    tick: int
    step: int
    notional_max: int
    lookback: int


class LaneEnd(NamedTuple):
    """The end of a scan: ``code``, its bar, and what is held and owned then."""

    code: int
    at: int
    cash: int
    position: int
    invested: int


@small
def quantity_of(weight: float, size: int) -> int:
    """Return a weight's share of a size, in whole lots towards zero; 0.29 of 100 is 29."""
    exact = weight * size
    nearest = round(exact)
    return int(nearest) if abs(exact - nearest) <= 1e-12 * size else int(exact)


def _scan(
    params: Any, state: Any, columns: StepColumns, bars: IntegerBars, terms: LaneTerms, tape: FillTape,
    equity: Integers,
) -> LaneEnd:  # fmt: skip
    seen, opens, closes, traded = borrow(columns), borrow(bars.open), borrow(bars.close), borrow(bars.volume)
    written, worths = borrow(tape), borrow(equity)
    cash, position, pending, weight, invested = terms.cash, 0, 0, 0.0, 0
    for at in range(worths.size):
        if pending != 0 and traded[at] > 0:
            price = worsened(pending, opens[at], terms.worse[0], terms.worse[1], terms.tick)
            notional = abs(pending) * price * terms.worth
            fee = fee_of(notional, terms.fee[0], terms.fee[1], terms.step)
            write_fill(written, 0, at, pending, price, fee, terms.worth, terms.step)
            cash -= (notional if pending > 0 else -notional) + fee
            position += pending
            pending = 0
            if abs(float(position)) * terms.notional_max + abs(float(cash)) > LIMIT:
                return LaneEnd(OVERFLOW, at, cash, position, invested)
        view = Bars(at + terms.lookback, seen.time, seen.open, seen.high, seen.low, seen.close, seen.volume)
        state, wanted = step(params, state, view)
        if at >= terms.lookback and wanted != weight:
            weight = wanted
            pending = quantity_of(weight, terms.size) - position
        worths[at] = cash + position * closes[at] * terms.worth
        invested += position != 0
    return LaneEnd(DONE, worths.size, cash, position, invested)


@cache
def lane(step: FunctionType) -> Any:
    """Return the compiled scan of a step."""
    scan = FunctionType(_scan.__code__, _scan.__globals__ | {"step": inlined(step)}, "lane")
    return keep(njit(scan), STRATEGY, digest(step))
