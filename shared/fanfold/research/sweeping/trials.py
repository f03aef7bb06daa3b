"""Run the trials of a batch over bars: a pure function of both."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pyarrow as pa

from fanfold import __version__
from fanfold.errors import BadInput
from fanfold.local import spot_accounts
from fanfold.market.recording import Recording
from fanfold.research.account_market import History
from fanfold.research.account_result import run_account
from fanfold.research.daily_ratios import daily_ratios_of
from fanfold.research.data_hashes import data_hash, desk_hashes
from fanfold.research.result import AccountMetrics
from fanfold.research.sweeping.one_leg_trials import OneLegTrials, has_one_leg
from fanfold.research.sweeping.quantity_trials import QuantityTrials, fixed_terms
from fanfold.research.sweeping.sweep_job import Configuration, TrialBatch, trial_desk
from fanfold.research.sweeping.swept_bars import PreparedBars
from fanfold.research.sweeping.trial_rows import TrialHashes, row_of, table_of
from fanfold.risk.policy import prepare
from fanfold.strategy import checking, contract
from fanfold.strategy.loading import attempted

Outcome = AccountMetrics | BaseException


def run_batch(batch: TrialBatch, recordings: Sequence[Recording], prepared: PreparedBars | None = None) -> pa.Table:
    """Return a row a trial, in order; see ``trial_rows.row_schema``.

    ``recordings`` has the bars of the batch's market, and may have more; batches of one sweep share ``prepared``. A
    trial that cannot be traded is a row with the reason. Raises BadInput where the bars of an instrument are not there.
    """
    traded = _traded(batch, recordings)
    bars_hash = data_hash(traded, batch.window.since, batch.window.until)
    trade = _by_desk if batch.terms.quantity is None else _by_quantity
    outcomes = trade(batch, traded, prepared or PreparedBars())
    (name,) = batch.desk.strategies
    code, hashed = contract.code_of(batch.desk.strategies[name].strategy), desk_hashes(trial_desk(batch, {}), name)
    rows = []
    for place, (configuration, outcome) in enumerate(zip(batch.configurations, outcomes, strict=True)):
        hashes = TrialHashes(bars_hash, code, hashed(configuration), __version__)
        rows.append(row_of(batch, place, _reason(outcome) if isinstance(outcome, BaseException) else outcome, hashes))
    return table_of(rows)


def _traded(batch: TrialBatch, recordings: Sequence[Recording]) -> list[Recording]:
    known = {recording.instrument: recording for recording in recordings}
    lacking = [name for name in batch.market if name not in known]
    if lacking:
        raise BadInput(f"the data has no bars of {', '.join(lacking)}, which the batch trades")
    return [known[name] for name in batch.market]


def _by_desk(batch: TrialBatch, recordings: Sequence[Recording], prepared: PreparedBars) -> list[Outcome]:
    """Trade each configuration as a back-test trades its desk: by one leg where that can be."""
    history = History({each.instrument: each for each in recordings}, batch.window.since, batch.window.until)

    def figures(configuration: Configuration) -> AccountMetrics:
        traded = trial_desk(batch, configuration)
        (instance,) = traded.strategies.values()
        run = run_account(traded, instance.account, prepare(traded), history, batch.terms.latency_s)
        # A back-test refuses a step that raises, or wants more than it may; to ask for every trial would take too long.
        if run.plain or run.weight_max > 1.0 or run.weight_min < -1.0:
            checking.refuse(instance.strategy, instance.params, len(instance.instruments))
        if run.weight_min < 0.0:
            spot_accounts.refuse(traded, "the trial")
        return run.metrics()

    legs = zip(_by_one_leg(batch, recordings[0], prepared), batch.configurations, strict=True)
    return [attempted(partial(figures, each)) if metrics is None else metrics for metrics, each in legs]


def _by_one_leg(batch: TrialBatch, recording: Recording, prepared: PreparedBars) -> list[AccountMetrics | None]:
    """Trade the configurations that an account of one leg can; None for any other."""
    places = range(len(batch.configurations))
    if not has_one_leg(batch.desk, batch.market, recording):
        return [None for _ in places]
    try:
        trials = OneLegTrials(batch, recording, prepared)
    except BadInput:
        # A back-test of each says why.
        return [None for _ in places]
    traded = [trials.trade(place) for place in places]
    levels = [leg.sums.levels for leg in traded if leg is not None]
    daily = iter(daily_ratios_of(np.stack(levels)) if levels else [])
    return [None if leg is None else trials.metrics(leg, next(daily)) for leg in traded]


def _by_quantity(batch: TrialBatch, recordings: Sequence[Recording], prepared: PreparedBars) -> list[Outcome]:
    """Trade all configurations, then measure them: neither compiled code nor Python drives the other from the cache."""
    fixed_terms(batch)
    # Where there is nothing to trade, as in a window without bars, each trial says so.
    trials = attempted(partial(QuantityTrials, batch, recordings[0], prepared))
    if isinstance(trials, BaseException):
        return [trials] * len(batch.configurations)
    traded = [attempted(partial(trials.trade, place)) for place in range(len(batch.configurations))]
    levels = [sums.levels for sums in traded if not isinstance(sums, BaseException)]
    daily = iter(daily_ratios_of(np.stack(levels)) if levels else [])
    return [
        sums if isinstance(sums, BaseException) else attempted(partial(trials.metrics, sums, next(daily)))
        for sums in traded
    ]


def _reason(fault: BaseException) -> str:
    return str(fault) if isinstance(fault, BadInput) else f"{type(fault).__name__}: {fault}"
