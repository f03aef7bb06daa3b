"""Trials of a desk with one leg, which is stepped at each poll and has no protection: all that most sweeps try.

Bars, terms and polls are made once for a batch; a trial is two compiled scans, of which neither makes a series but
that of the exposure. What these cannot do, ``account_result`` does, with the same figures.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.market.recording import Recording
from fanfold.research.account_book import UNTOLD_LOTS, AccountTerm, Wanted, blank_book
from fanfold.research.account_market import History, refuse_wide_figures
from fanfold.research.account_result import lots_of_target
from fanfold.research.account_terms import FIGURE_MAX, account_terms, refuse_resting, refuse_webhooks
from fanfold.research.columns import Integers
from fanfold.research.daily_ratios import DailyRatios
from fanfold.research.one_leg_scan import LegMarket, LegTrade, ScanField, cached_scan
from fanfold.research.quantity_sums import QuantitySums, blank_sums
from fanfold.research.result import AccountMetrics
from fanfold.research.step_signals import NOT_FINITE
from fanfold.research.sweeping.curve_figures import metrics_of_curve
from fanfold.research.sweeping.sweep_job import TrialBatch, trial_desk
from fanfold.research.sweeping.swept_bars import PreparedBars
from fanfold.research.sweeping.swept_signals import SweptSignals
from fanfold.research.tape import DONE
from fanfold.risk.policy import prepare
from fanfold.signals.legs import protection_of
from fanfold.strategy import contract
from fanfold.strategy.contract import Protected, Strategy
from fanfold.strategy.loading import attempted

# What a scan writes anew before it reads it, or begins anew by itself.
WRITTEN = frozenset({"tape", "refused", "curve"})


class TradedLeg(NamedTuple):
    """The sums of a trial, and the mean of its gross exposure."""

    sums: QuantitySums
    gross_exposure: float


def has_one_leg(desk: Desk, market: Sequence[str], recording: Recording) -> bool:
    """Return whether a desk has one leg on a market, without protection or target volatility, stepped at each poll."""
    (instance,) = desk.strategies.values()
    polled = desk.venues[desk.accounts[instance.account].venue].timeframe
    return (
        len(market) == 1
        and instance.timeframe == polled == recording.timeframe
        and not instance.volatility
        and protection_of(instance) == Protected(0.0)
        and instance.strategy != contract.EXTERNAL
    )


class OneLegTrials:
    """The trials of a batch, with what they share; it is of one thread. Raises BadInput for what it cannot trade."""

    def __init__(self, batch: TrialBatch, recording: Recording, prepared: PreparedBars) -> None:
        self._signals = SweptSignals(batch, recording, prepared)
        self._swept = self._signals.swept
        desk = self._desk(batch)
        (instance,) = desk.strategies.values()
        account, policy = instance.account, prepare(desk)
        refuse_webhooks(desk, account)
        refuse_resting(desk, account)
        history = History({recording.instrument: recording}, batch.window.since, batch.window.until)
        self._terms = account_terms(desk, account, policy.terms(account), history.recordings, batch.terms.latency_s)
        unit = 10 ** (self._terms.scales.prices[0] - recording.price_scale)
        polls = prepared.polls(recording, batch.window, unit)
        refuse_wide_figures(polls, history, self._terms)
        if polls.least[0] <= 0:
            raise BadInput(f"{recording.instrument} closes at a price that is not above 0")
        self._market = LegMarket(polls, self._swept.valued, unit)
        self._blank, self._book = blank_book(0, self._terms.terms), blank_book(polls.time.size, self._terms.terms)
        self._exposure = np.empty(polls.time.size)
        # A back-test refuses what is known to be short on a spot account.
        self._weight_least = 0.0 if self._terms.terms.account[AccountTerm.SPOT] else -1.0

    def _desk(self, batch: TrialBatch) -> Desk:
        """Return the desk of the first trial whose params can be: terms and polls do not hang on these."""
        bound = zip(batch.configurations, self._signals.bound, strict=True)
        known = (configuration for configuration, strategy in bound if isinstance(strategy, Strategy))
        return trial_desk(batch, next(known, batch.configurations[0]))

    def trade(self, place: int) -> TradedLeg | None:
        """Trade the batch's trial at a place; None where ``account_result`` has to, or has to say why it cannot be."""
        strategy = self._signals.bound[place]
        if isinstance(strategy, BaseException) or strategy.cross_sectional:
            return None
        count = attempted(partial(self._signals.write, strategy))
        if isinstance(count, BaseException) or count == NOT_FINITE:
            return None
        weights = self._signals.tape.weight[:count]
        if weights.max(initial=0.0) > 1.0 or weights.min(initial=0.0) < self._weight_least:
            return None
        trade = self._blank_trade()
        scan = partial(cached_scan(), self._signals.tape, count, self._market, self._terms.terms)
        sizes, code = np.zeros((0, 3), np.int64), UNTOLD_LOTS
        while code == UNTOLD_LOTS:
            code = scan(_told(sizes), trade, min(self._terms.money_max, FIGURE_MAX))
            at = int(trade.progress[ScanField.AT])
            sizes = np.array([[at, 0, lots_of_target(self._terms, self._market.polls, self._book, at, 0)]])
        return TradedLeg(trade.sums, float(self._exposure.mean())) if code == DONE else None

    def _blank_trade(self) -> LegTrade:
        for name, blank in self._blank._asdict().items():
            if name not in WRITTEN:
                getattr(self._book, name)[:] = blank
        sums = blank_sums(self._swept.valued.nights.size)
        return LegTrade(self._book, sums, self._exposure, np.zeros(len(ScanField), np.int64))

    def metrics(self, traded: TradedLeg, daily: DailyRatios) -> AccountMetrics:
        """Return the figures of a traded trial."""
        cash, scale = int(self._terms.terms.account[AccountTerm.CASH]), self._terms.scales.money
        return metrics_of_curve(traded.sums, daily, self._swept, scale, cash, traded.gross_exposure)


def _told(sizes: Integers) -> Wanted:
    """Return what a scan of signals takes of targets: quantities that were asked for."""
    return Wanted(np.zeros((0, 0)), sizes, np.zeros((0, 0), np.int64), np.zeros((0, 0), np.int64))
