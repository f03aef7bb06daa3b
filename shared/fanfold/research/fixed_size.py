"""Back-test one strategy on one instrument by a fixed quantity: no desk, no limits, an account that never runs dry."""

from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from fanfold.errors import BadInput
from fanfold.money import CASH_STEP, decimals
from fanfold.research.arguments import exact_share
from fanfold.research.columns import IntegerBars, Integers, contiguous, step_columns
from fanfold.research.compiled import columns_read
from fanfold.research.crossing import ROUNDED, SumWindows, begun, crossing_scan, windows_of
from fanfold.research.fixed_size_scan import BLOCK, FULL, ScanEnd, ScanTerms, before_all, blank_room, step_scan
from fanfold.research.step_signals import NOT_FINITE, StepProgress, StepSource
from fanfold.research.tape import OVERFLOW, FillTape, ScanResult, blank_tape, fills_of, longer, trips_of
from fanfold.strategy.contract import Strategy

# Bars for which a tape has room for a fill to begin with. Room for a fill at each bar is memory that is taken anew from
# the system, and given back, in every run, which takes longer than to trade.
BARS_OF_A_FILL = 32


class FixedSize(NamedTuple):
    """The terms: cash, the quantity of a weight of 1, fee and slippage in basis points, and the instrument's steps."""

    cash: Decimal
    quantity: Decimal
    tick: Decimal
    lot: Decimal
    fee_bps: Decimal = Decimal(0)
    slippage_bps: Decimal = Decimal(0)


class _Run(NamedTuple):
    """A run over bars, and where it writes."""

    bars: IntegerBars
    terms: ScanTerms
    tape: FillTape
    equity: Integers


def fixed_size(strategy: Strategy, bars: IntegerBars, terms: FixedSize) -> ScanResult:
    """Trade a strategy over bars: what a close decides fills at the next open that has volume.

    Raises BadInput for a strategy of a universe, a weight that is no finite number, no bars at all, and for figures
    that 64 bits do not hold.
    """
    if strategy.cross_sectional:
        raise BadInput(f"{strategy.name} sees a universe; back-test it with a desk")
    if not bars.time.size:
        raise BadInput("there is no bar to trade; ask for a longer time")
    scale = money_scale(bars, terms)
    run = _blank(contiguous(bars), scan_terms(bars, terms, scale))
    windows = windows_of(strategy, bars.price_scale)
    end, traded = _by_step(strategy, run) if windows is None else _by_sums(windows, run)
    if end.code == ROUNDED:
        end, traded = _by_step(strategy, _blank(run.bars, run.terms))
    _check(end, strategy, scale)
    return ScanResult(fills_of(traded.tape), trips_of(traded.tape), traded.equity, scale)


def _blank(bars: IntegerBars, terms: ScanTerms) -> _Run:
    count = bars.time.size
    tape = blank_tape(min(2 * BLOCK + count // BARS_OF_A_FILL, count), 1)
    return _Run(bars, terms, tape, np.empty(count, np.int64))


def _by_sums(windows: SumWindows, run: _Run) -> tuple[ScanEnd, _Run]:
    return _scanned(crossing_scan(), *begun(windows, run.bars), run)


def _by_step(strategy: Strategy, run: _Run) -> tuple[ScanEnd, _Run]:
    columns = step_columns([run.bars], strategy.lookback, columns_read(strategy.step))
    source = StepSource(strategy.params, columns, strategy.lookback, strategy.lookback)
    return _scanned(step_scan(strategy.step), source, StepProgress(strategy.start(strategy.params), 0.0), run)


def _scanned(scan: Any, source: Any, progress: Any, run: _Run) -> tuple[ScanEnd, _Run]:
    """Scan all bars; return the end, and the run with a tape that had room for each fill."""
    room, end = blank_room(), ScanEnd(FULL, before_all(progress, run.terms))
    while True:
        end = scan(source, end.point, run.bars, run.terms, room, *run[2:])
        if end.code != FULL:
            return end, run
        run = run._replace(tape=longer(run.tape))


def _check(end: ScanEnd, strategy: Strategy, scale: int) -> None:
    """Raise BadInput for a scan that ended early."""
    if end.code == NOT_FINITE:
        raise BadInput(f"{strategy.name} wants a weight that is no finite number")
    if end.code == OVERFLOW:
        raise BadInput(
            f"after bar {end.point.at} the position is worth more than 64 bits hold in units of 1e-{scale}: trade a "
            "smaller quantity, or coarser lots"
        )


def money_scale(bars: IntegerBars, terms: FixedSize) -> int:
    """Return the decimals that amounts have."""
    return max(bars.price_scale + decimals(terms.lot), decimals(terms.cash, CASH_STEP))


def scan_terms(bars: IntegerBars, terms: FixedSize, scale: int) -> ScanTerms:
    """Return the terms as integers, money of so many decimals."""
    step = int(CASH_STEP.scaleb(scale))
    return ScanTerms(
        cash=int(terms.cash.scaleb(scale)),
        size=int(terms.quantity / terms.lot),
        worth=int(terms.lot.scaleb(scale - bars.price_scale)),
        fee=exact_share("the fee", Fraction(terms.fee_bps) / 10_000, step),
        worse=exact_share("the slippage", Fraction(terms.slippage_bps) / 10_000),
        tick=int(terms.tick.scaleb(bars.price_scale)),
        step=step,
    )
