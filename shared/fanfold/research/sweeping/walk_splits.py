"""The splits of a walk forward: its options, and how far the decisions of its strategy look back."""

from functools import partial, reduce
from typing import NamedTuple

import numpy as np

from fanfold.errors import BadInput
from fanfold.local.run_plan import RunPlan
from fanfold.market import timeframes
from fanfold.market.recording import RECORD, Recording
from fanfold.research.columns import Integers
from fanfold.research.sweeping import splits
from fanfold.research.sweeping.splits import LookBack, Split
from fanfold.research.sweeping.sweep_job import SweepJob
from fanfold.research.sweeping.windows_of_span import length_s
from fanfold.strategy import contract
from fanfold.strategy.contract import Strategy
from fanfold.strategy.loading import attempted


class WalkOptions(NamedTuple):
    """The options of a walk: lengths such as 180d, and the figure that params are chosen by.

    With ``folds`` of two or more the tests are those of a purged k-fold, ``embargo`` long behind each.
    """

    train: str = ""
    test: str = ""
    anchored: bool = False
    folds: int = 0
    embargo: str = ""
    rank: str = "sharpe"


def splits_of(job: SweepJob, planned: RunPlan, options: WalkOptions) -> list[Split]:
    """Return the splits of a job's window. Raises BadInput for lengths that do not fit, or do not go together."""
    bar_s, (span,) = timeframes.seconds(planned.recordings[0].timeframe), job.windows
    if options.folds:
        if options.train or options.test or options.anchored:
            raise BadInput(
                "the parts of a k-fold are its tests, and the rest trains: leave --train, --test and --anchored out"
            )
        embargo_s = length_s(options.embargo) if options.embargo else 0
        return splits.purged_folds(span, bar_s, options.folds, _reach(job, planned), embargo_s)
    if options.embargo:
        raise BadInput("--embargo is behind a test of a k-fold: name --purged-k-fold, or leave it out")
    if not options.train or not options.test:
        raise BadInput("name the windows, such as --train 180d --test 30d, or --purged-k-fold 5")
    lengths = length_s(options.train), length_s(options.test)
    return splits.rolling(span, bar_s, *lengths, anchored=options.anchored)


def _reach(job: SweepJob, planned: RunPlan) -> LookBack:
    """Return how far back the configurations look that the strategy takes, in bars of its own timeframe."""
    (market,) = job.markets
    length = timeframes.seconds(job.instance.timeframe)
    closes = [_closes(recording, length) for recording in planned.recordings if recording.instrument in market]
    bound = [
        strategy
        for configuration in job.configurations
        if isinstance(
            strategy := attempted(partial(contract.bind, job.instance.strategy, configuration, len(market))), Strategy
        )
    ]
    if any(strategy.cross_sectional for strategy in bound):
        closes = [reduce(np.intersect1d, closes)]
    longer_s = length - timeframes.seconds(planned.recordings[0].timeframe)
    return LookBack(max((strategy.lookback for strategy in bound), default=0), closes, longer_s)


def _closes(recording: Recording, length: int) -> Integers:
    """Return the closes of a recording's bars, or of the longer ones that are made of them."""
    own = np.frombuffer(recording.records, dtype="<i8")[:: RECORD.size // 8]
    closes: Integers = np.unique(-(-own // length) * length)
    return closes
