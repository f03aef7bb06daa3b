"""Trials by a fixed quantity: no limits, and an account that never runs dry.

Bars are prepared once for a batch; a trial is two compiled scans over them, of which neither makes a series.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np

from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.market import timeframes
from fanfold.market.recording import Recording
from fanfold.money import ratio
from fanfold.performance.ratios import Drawdown
from fanfold.research.columns import IntegerBars, StepColumns, contiguous, integer_bars, resampled, step_columns
from fanfold.research.compiled import columns_read
from fanfold.research.crossing import ROUNDED, crossings, summed, windows_of
from fanfold.research.figures import TradedSums, TripSums, metrics_from
from fanfold.research.fixed_size import FixedSize, money_scale, scan_terms
from fanfold.research.fixed_size_scan import BLOCK, ScanTerms
from fanfold.research.folding import why_refused
from fanfold.research.quantity_scan import cached_trade
from fanfold.research.quantity_sums import BarFact, CurveSum, blank_sums, valued_bars
from fanfold.research.result import AccountMetrics
from fanfold.research.step_signals import NOT_FINITE, StepSource, blank_signals, signals_by
from fanfold.research.sweeping.sweep_job import TrialBatch
from fanfold.research.tape import OVERFLOW, blank_tape
from fanfold.strategy import checking, contract
from fanfold.strategy.contract import Strategy
from fanfold.strategy.loading import attempted


def check_quantity(desk: Desk, market: Sequence[str], quantity: Decimal) -> None:
    """Raise BadInput for what a fixed quantity cannot trade."""
    if len(market) != 1:
        raise BadInput(f"a fixed quantity is of one instrument, and {len(market)} are traded together")
    lot = desk.instruments[market[0]].lot
    if quantity <= 0 or quantity % lot:
        raise BadInput(f"the quantity {quantity} is no multiple of the lot of {market[0]}, {lot}")


def fixed_terms(batch: TrialBatch) -> FixedSize:
    """Return the terms of the batch's account. Raises BadInput for what a fixed quantity cannot trade."""
    quantity = batch.terms.quantity or Decimal(0)
    check_quantity(batch.desk, batch.market, quantity)
    (instance,) = batch.desk.strategies.values()
    account, rules = batch.desk.accounts[instance.account], batch.desk.instruments[batch.market[0]]
    slippage = account.spread_bps / 2 + account.slippage_bps
    return FixedSize(account.cash, quantity, rules.tick, rules.lot, account.taker_bps, slippage)


class QuantityTrials:
    """The trials of a batch, with what they share; it is of one thread."""

    def __init__(self, batch: TrialBatch, recording: Recording) -> None:
        (instance,) = batch.desk.strategies.values()
        self._name, self._length_s = instance.strategy, timeframes.seconds(instance.timeframe)
        self._window, self._fixed = batch.window, fixed_terms(batch)
        self._padding = max((each.lookback for each in self._bound(batch)), default=1)
        self._bars = self._window_bars(recording, instance.timeframe)
        first = int(np.searchsorted(self._bars.time, batch.window.since))
        if first == self._bars.time.size:
            raise BadInput(f"{recording.instrument} has no bar of {instance.timeframe} in the window")
        self._valued = valued_bars(self._bars, first, self._length_s)
        self._scale = money_scale(self._bars, self._fixed)
        count = self._bars.time.size
        self._tape, self._sums = blank_tape(count, 1), blank_sums(self._valued.nights.size)
        self._signals, self._above = blank_signals(count), np.empty(BLOCK, np.uint8)
        self._summed = summed(self._bars.close, np.ascontiguousarray(self._valued.facts[:, BarFact.CLOSES_BEFORE]))
        self._columns: StepColumns | None = None
        self._terms: ScanTerms | None = None

    def _bound(self, batch: TrialBatch) -> list[Strategy]:
        """Return the strategies of the configurations that it takes."""
        bound = []
        for configuration in batch.configurations:
            try:
                bound.append(contract.bind(self._name, dict(configuration), 1))
            except BadInput:
                # Its trial says so.
                continue
        return bound

    def _window_bars(self, recording: Recording, timeframe: str) -> IntegerBars:
        bars = integer_bars(recording, self._asked_from(self._padding), self._window.until)
        if timeframe != recording.timeframe:
            bars = resampled(bars, timeframe, self._window.until)
        return contiguous(bars)

    def _asked_from(self, lookback: int) -> int:
        """Return the time behind which a run asks for bars: it warms up before it begins."""
        return self._window.since - self._window.since % self._length_s - (lookback + 1) * self._length_s

    def metrics(self, configuration: Mapping[str, Any]) -> AccountMetrics:
        """Return the figures of a trial, but for the exposure, which takes a division a bar. Raises BadInput."""
        strategy = contract.bind(self._name, dict(configuration), 1)
        if strategy.cross_sectional:
            raise BadInput(f"{strategy.name} sees a universe; sweep it without --quantity")
        count = self._fold(strategy)
        if np.abs(self._signals.weight[:count]).max(initial=0.0) > 1.0:
            # A back-test refuses it; to ask for every trial would take longer than to trade it.
            checking.refuse(self._name, dict(configuration), 1)
        self._terms = terms = self._terms or scan_terms(self._bars, self._fixed, self._scale)
        code = cached_trade()(self._signals, count, self._valued, terms, self._tape, self._sums)
        if code == OVERFLOW:
            raise BadInput(
                f"the position is worth more than 64 bits hold in units of 1e-{self._scale}: trade a smaller quantity, "
                "or coarser lots"
            )
        return metrics_from(self._traded(terms))

    def _fold(self, strategy: Strategy) -> int:
        """Write the signals of a strategy, which begins with its own first bar, and return how many there are."""
        first = int(np.searchsorted(self._bars.time, self._asked_from(strategy.lookback), side="right"))
        windows, count = windows_of(strategy, self._bars.price_scale), ROUNDED
        if windows is not None:
            count = crossings()(self._summed, windows, first + strategy.lookback, self._above, self._signals)
        return self._fold_step(strategy, first) if count == ROUNDED else count

    def _fold_step(self, strategy: Strategy, first: int) -> int:
        """Write the signals of a step that begins with bar ``first``."""
        if self._columns is None:
            self._columns = step_columns([self._bars], self._padding, columns_read(strategy.step))
        columns, lookback = self._columns, strategy.lookback
        begins = self._padding + first
        before = slice(begins - lookback, begins)
        kept = [column[before].copy() for column in columns]
        for column in columns:
            column[before] = column[begins : begins + 1]
        end = self._bars.time.size
        source = StepSource(strategy.params, columns, self._padding, first + lookback)
        try:
            count = attempted(partial(self._signalled, strategy, source, first, end))
        finally:
            for place, values in enumerate(kept):
                columns[place][before] = values
        if isinstance(count, BaseException):
            if why := why_refused(count):
                raise BadInput(
                    f"{why}, and a fixed quantity is traded by compiled code: leave --quantity out"
                ) from count
            raise count
        if count == NOT_FINITE:
            raise BadInput(f"{strategy.name} wants a weight that is no finite number")
        return count

    def _signalled(self, strategy: Strategy, source: StepSource, first: int, end: int) -> int:
        start = strategy.start(strategy.params)
        return int(signals_by(strategy.step)(source, start, first, end, self._signals))

    def _traded(self, terms: ScanTerms) -> TradedSums:
        curve, trips, bars = self._sums.curve.tolist(), self._sums.trips.tolist(), self._bars
        closes, opened = bars.close, self._valued.first
        return TradedSums(
            scale=self._scale,
            since=self._valued.since,
            until=int(bars.time[-1]),
            cash=terms.cash,
            equity=curve[CurveSum.EQUITY],
            levels=self._sums.levels,
            fall=self._fall(curve),
            longest_fall_s=curve[CurveSum.LONGEST_S],
            closes=bars.time.size - opened,
            held=curve[CurveSum.HELD_BARS],
            gross_exposure=float("nan"),
            equity_sum=_unwrapped(curve[CurveSum.WORTH], self._sums.rough[0]),
            fills=int(self._tape.counts[0]),
            notional=_unwrapped(curve[CurveSum.NOTIONAL], self._sums.rough[1]),
            paid_over=curve[CurveSum.PAID_OVER],
            fees=curve[CurveSum.FEES],
            trips=TripSums(*trips),
            growth=[ratio(Decimal(int(closes[-1])), Decimal(int(closes[opened])))],
        )

    def _fall(self, curve: list[int]) -> Drawdown | None:
        peak, low = curve[CurveSum.FALL_PEAK], curve[CurveSum.FALL_LOW]
        if not peak:
            return None
        ended = curve[CurveSum.FALL_END]
        return Drawdown(
            share=ratio(Decimal(peak - low), Decimal(peak)),
            peak=self._at(curve[CurveSum.FALL_PEAK_AT]),
            low=self._at(curve[CurveSum.FALL_LOW_AT]),
            recovered=None if ended < 0 else self._at(ended),
        )

    def _at(self, bar: int) -> int:
        """Return the close of a bar, or when the account began."""
        return int(self._bars.time[bar]) if bar >= self._valued.first else self._valued.since


def _unwrapped(wrapped: int, rough: float) -> int:
    """Return a sum of which the lower 64 bits are known, and the rest roughly."""
    return wrapped + round((rough - wrapped) / 2.0**64) * 2**64
