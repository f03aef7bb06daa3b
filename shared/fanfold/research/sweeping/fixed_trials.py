"""Trials by a fixed quantity: no limits, and an account that never runs dry."""

from typing import NamedTuple

import numpy as np

from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.market import timeframes
from fanfold.market.recording import Recording
from fanfold.research.columns import IntegerBars, integer_bars, resampled
from fanfold.research.figures import metrics_of
from fanfold.research.fixed_figures import fixed_figures
from fanfold.research.fixed_size import FixedSize, fixed_size
from fanfold.research.result import AccountMetrics
from fanfold.research.sweeping.sweep_job import TradedWindow, TrialBatch
from fanfold.strategy import contract
from fanfold.strategy.contract import Strategy


class WindowBars(NamedTuple):
    """The bars of a window behind those that a strategy warms up over, of which there are ``warm_up``."""

    bars: IntegerBars
    warm_up: int


def window_bars(recording: Recording, timeframe: str, window: TradedWindow, lookback: int) -> WindowBars:
    """Return the bars that a run would see of a window: it asks for those of the lookback before it begins."""
    length = timeframes.seconds(timeframe)
    since = window.since - window.since % length - (lookback + 1) * length
    bars = integer_bars(recording, since, window.until)
    if timeframe != recording.timeframe:
        bars = resampled(bars, timeframe, window.until)
    warm_up = int(np.searchsorted(bars.time, window.since))
    if warm_up == bars.time.size:
        raise BadInput(f"{recording.instrument} has no bar of {timeframe} in the window")
    return WindowBars(bars, warm_up)


def fixed_terms(batch: TrialBatch) -> FixedSize:
    """Return the terms of the batch's account. Raises BadInput for what a fixed quantity cannot trade."""
    (instance,), quantity = batch.desk.strategies.values(), batch.terms.quantity
    if len(batch.market) != 1 or quantity is None:
        raise BadInput(f"a fixed quantity is of one instrument, and {len(batch.market)} are traded together")
    account, rules = batch.desk.accounts[instance.account], batch.desk.instruments[batch.market[0]]
    if quantity <= 0 or quantity % rules.lot:
        raise BadInput(f"the quantity {quantity} is no multiple of the lot of {batch.market[0]}, {rules.lot}")
    slippage = account.spread_bps / 2 + account.slippage_bps
    return FixedSize(account.cash, quantity, rules.tick, rules.lot, account.taker_bps, slippage)


def fixed_trial(traded: Desk, recording: Recording, window: TradedWindow, terms: FixedSize) -> AccountMetrics:
    """Return the figures of a trial on one instrument."""
    (instance,) = traded.strategies.values()
    strategy: Strategy = contract.bind(instance.strategy, instance.params, 1)
    seen = window_bars(recording, instance.timeframe, window, strategy.lookback)
    result = fixed_size(strategy, seen.bars, terms)
    length = timeframes.seconds(instance.timeframe)
    return metrics_of(fixed_figures(result, seen.bars, terms, seen.warm_up, length))
