"""Trials by a fixed quantity: no limits, and an account that never runs dry.

Bars are prepared once for a batch; a trial is two compiled scans over them, of which neither makes a series.
"""

from collections.abc import Sequence
from decimal import Decimal
from functools import partial

import numpy as np

from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.market.recording import Recording
from fanfold.research.daily_ratios import DailyRatios
from fanfold.research.fixed_size import FixedSize, money_scale, scan_terms
from fanfold.research.folding import why_refused
from fanfold.research.quantity_scan import SPLIT, cached_trade
from fanfold.research.quantity_sums import QuantitySums, blank_sums
from fanfold.research.result import AccountMetrics
from fanfold.research.step_signals import NOT_FINITE
from fanfold.research.sweeping.curve_figures import metrics_of_curve
from fanfold.research.sweeping.sweep_job import TrialBatch
from fanfold.research.sweeping.swept_bars import PreparedBars
from fanfold.research.sweeping.swept_signals import SweptSignals
from fanfold.research.tape import OVERFLOW, blank_tape
from fanfold.strategy import checking
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
        self._signals, fixed = SweptSignals(batch, recording, prepared), fixed_terms(batch)
        self._swept = self._signals.swept
        self._scale = money_scale(self._swept.bars, fixed)
        self._terms = scan_terms(self._swept.bars, fixed, self._scale)
        self._tape = blank_tape(self._swept.bars.close.size, 1)

    def trade(self, place: int) -> QuantitySums:
        """Trade the batch's trial at a place, and return the sums of it. Raises BadInput."""
        strategy = self._signals.bound[place]
        if isinstance(strategy, BaseException):
            raise strategy
        if strategy.cross_sectional:
            raise BadInput(f"{strategy.name} sees a universe; sweep it without --quantity")
        count = attempted(partial(self._signals.write, strategy))
        if isinstance(count, BaseException):
            if why := why_refused(count):
                raise BadInput(
                    f"{why}, and a fixed quantity is traded by compiled code: leave --quantity out"
                ) from count
            raise count
        if count == NOT_FINITE:
            raise BadInput(f"{strategy.name} wants a weight that is no finite number")
        signals, valued = self._signals.tape, self._swept.valued
        if np.abs(signals.weight[:count]).max(initial=0.0) > 1.0:
            # A back-test refuses it; to ask for every trial would take longer than to trade it.
            checking.refuse(strategy.name, strategy.params._asdict(), 1)
        sums = blank_sums(valued.nights.size)
        trade = partial(cached_trade(), signals, count, valued, self._terms, self._tape, sums)
        code = trade(whole=True)
        if code == SPLIT:
            code = trade(whole=False)
        if code == OVERFLOW:
            raise BadInput(
                f"the position is worth more than 64 bits hold in units of 1e-{self._scale}: trade a smaller quantity, "
                "or coarser lots"
            )
        return sums

    def metrics(self, sums: QuantitySums, daily: DailyRatios) -> AccountMetrics:
        """Return the figures of a traded trial, but for the exposure, which takes a division a bar."""
        return metrics_of_curve(sums, daily, self._swept, self._scale, self._terms.cash, float("nan"))
