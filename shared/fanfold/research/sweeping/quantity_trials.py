"""Trials by a fixed quantity: no limits, and an account that never runs dry.

Bars are prepared once for a batch; a trial is two compiled scans over them, of which neither makes a series.
"""

from collections.abc import Sequence
from decimal import Decimal
from functools import partial

import numpy as np

from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.market import timeframes
from fanfold.market.recording import Recording
from fanfold.money import ratio
from fanfold.performance.ratios import Drawdown
from fanfold.research.columns import StepColumns, step_columns
from fanfold.research.compiled import columns_read
from fanfold.research.crossing import ROUNDED, crossings, windows_of
from fanfold.research.daily_ratios import DailyRatios
from fanfold.research.figures import TradedSums, TripSums, metrics_from
from fanfold.research.fixed_size import FixedSize, money_scale, scan_terms
from fanfold.research.fixed_size_scan import BLOCK
from fanfold.research.folding import why_refused
from fanfold.research.quantity_scan import SPLIT, cached_trade
from fanfold.research.quantity_sums import CurveSum, QuantitySums, blank_sums
from fanfold.research.result import AccountMetrics
from fanfold.research.step_signals import NOT_FINITE, StepSource, blank_signals, signals_by
from fanfold.research.sweeping.sweep_job import TrialBatch
from fanfold.research.sweeping.swept_bars import PreparedBars, asked_from
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

    def __init__(self, batch: TrialBatch, recording: Recording, prepared: PreparedBars) -> None:
        (instance,) = batch.desk.strategies.values()
        self._name, self._length_s = instance.strategy, timeframes.seconds(instance.timeframe)
        self._window, fixed = batch.window, fixed_terms(batch)
        bind = partial(contract.bind, self._name, count=1)
        self._bound = [attempted(partial(bind, dict(configuration))) for configuration in batch.configurations]
        lookback = max((each.lookback for each in self._bound if isinstance(each, Strategy)), default=1)
        swept = prepared.of(recording, instance.timeframe, batch.window, lookback)
        self._bars, self._valued, self._summed, self._padding = swept
        self._scale = money_scale(self._bars, fixed)
        self._terms = scan_terms(self._bars, fixed, self._scale)
        closes = self._bars.close
        self._growth = [ratio(Decimal(int(closes[-1])), Decimal(int(closes[self._valued.first])))]
        self._tape = blank_tape(closes.size, 1)
        self._signals, self._above = blank_signals(closes.size), np.empty(BLOCK, np.uint8)
        self._columns: StepColumns | None = None

    def trade(self, place: int) -> QuantitySums:
        """Trade the batch's trial at a place, and return the sums of it. Raises BadInput."""
        strategy = self._bound[place]
        if isinstance(strategy, BaseException):
            raise strategy
        if strategy.cross_sectional:
            raise BadInput(f"{strategy.name} sees a universe; sweep it without --quantity")
        count = self._fold(strategy)
        if np.abs(self._signals.weight[:count]).max(initial=0.0) > 1.0:
            # A back-test refuses it; to ask for every trial would take longer than to trade it.
            checking.refuse(self._name, strategy.params._asdict(), 1)
        sums = blank_sums(self._valued.nights.size)
        trade = partial(cached_trade(), self._signals, count, self._valued, self._terms, self._tape, sums)
        code = trade(whole=True)
        if code == SPLIT:
            code = trade(whole=False)
        if code == OVERFLOW:
            raise BadInput(
                f"the position is worth more than 64 bits hold in units of 1e-{self._scale}: trade a smaller quantity, "
                "or coarser lots"
            )
        return sums

    def _fold(self, strategy: Strategy) -> int:
        """Write the signals of a strategy, which begins with its own first bar, and return how many there are."""
        first = int(
            np.searchsorted(self._bars.time, asked_from(self._window, self._length_s, strategy.lookback), side="right")
        )
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

    def metrics(self, sums: QuantitySums, daily: DailyRatios) -> AccountMetrics:
        """Return the figures of a traded trial, but for the exposure, which takes a division a bar."""
        curve, trips, (worth, notional) = sums.curve.tolist(), sums.trips.tolist(), sums.rough.tolist()
        traded = TradedSums(
            scale=self._scale,
            since=self._valued.since,
            until=int(self._bars.time[-1]),
            cash=self._terms.cash,
            equity=curve[CurveSum.EQUITY],
            daily=daily,
            fall=self._fall(curve),
            longest_fall_s=curve[CurveSum.LONGEST_S],
            closes=self._bars.time.size - self._valued.first,
            held=curve[CurveSum.HELD_BARS],
            gross_exposure=float("nan"),
            equity_sum=_unwrapped(curve[CurveSum.WORTH], worth),
            fills=curve[CurveSum.FILLS],
            notional=_unwrapped(curve[CurveSum.NOTIONAL], notional),
            paid_over=curve[CurveSum.PAID_OVER],
            fees=curve[CurveSum.FEES],
            trips=TripSums(*trips),
            growth=self._growth,
        )
        return metrics_from(traded)

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
