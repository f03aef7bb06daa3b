"""Back-test one strategy on one instrument by a fixed quantity: no desk, no limits, an account that never runs dry."""

from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from fanfold.errors import BadInput
from fanfold.money import CASH_STEP, decimals
from fanfold.research.columns import IntegerBars, Integers, contiguous, step_columns
from fanfold.research.compiled import columns_read
from fanfold.research.lane import OVERFLOW, LaneTerms, lane
from fanfold.research.tape import blank_tape, fills_of, trips_of
from fanfold.strategy.contract import Strategy


class FixedSize(NamedTuple):
    """The terms: cash, the quantity of a weight of 1, fee and slippage in basis points, and the instrument's steps."""

    cash: Decimal
    quantity: Decimal
    tick: Decimal
    lot: Decimal
    fee_bps: Decimal = Decimal(0)
    slippage_bps: Decimal = Decimal(0)


class FixedSizeResult(NamedTuple):
    """The outcome, in integers: money of ``scale`` decimals; see ``research.tape`` for the rows."""

    fills: Integers
    trips: Integers
    equity: Integers
    scale: int


def fixed_size(strategy: Strategy, bars: IntegerBars, terms: FixedSize) -> FixedSizeResult:
    """Trade a strategy over bars: what a close decides fills at the next open that has volume.

    Raises BadInput for a strategy of a universe, and for figures that 64 bits do not hold.
    """
    if strategy.cross_sectional:
        raise BadInput(f"{strategy.name} sees a universe; back-test it with a desk")
    bars, scale = contiguous(bars), money_scale(bars, terms)
    tape, equity = blank_tape(bars.time.size, 1), np.empty(bars.time.size, np.int64)
    columns = step_columns([bars], strategy.lookback, columns_read(strategy.step))
    run = lane(strategy.step)
    end = run(strategy.params, strategy.start(strategy.params), columns, bars, lane_terms(strategy, bars, terms, scale),
              tape, equity)  # fmt: skip
    if end.code == OVERFLOW:
        raise BadInput(
            f"at bar {end.at} the position is worth more than 64 bits hold in units of 1e-{scale}: trade a smaller "
            "quantity, or coarser lots"
        )
    return FixedSizeResult(fills_of(tape), trips_of(tape), equity, scale)


def money_scale(bars: IntegerBars, terms: FixedSize) -> int:
    """Return the decimals that amounts have."""
    return max(bars.price_scale + decimals(terms.lot), decimals(terms.cash, CASH_STEP))


def lane_terms(strategy: Strategy, bars: IntegerBars, terms: FixedSize, scale: int) -> LaneTerms:
    """Return the terms as integers, money of so many decimals."""
    worth = int(terms.lot.scaleb(scale - bars.price_scale))
    rates = [Fraction(rate) / 10_000 for rate in (terms.fee_bps, terms.slippage_bps)]
    return LaneTerms(
        cash=int(terms.cash.scaleb(scale)),
        size=int(terms.quantity / terms.lot),
        worth=worth,
        fee=rates[0].as_integer_ratio(),
        worse=rates[1].as_integer_ratio(),
        tick=int(terms.tick.scaleb(bars.price_scale)),
        step=int(CASH_STEP.scaleb(scale)),
        notional_max=int(bars.high.max()) * worth,
        lookback=strategy.lookback,
    )
