"""A sweep as data: what is tried, split into batches that can run anywhere, in any order.

A batch has all that its trials need besides the bars, so ``trials.run_batch`` gives the same rows in a thread, in a
process or on another machine. Both are msgspec structs and travel as JSON.
"""

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from fanfold.desk import Desk, StrategyInstance
from fanfold.errors import BadInput

Configuration = dict[str, int | float]


class TradedWindow(msgspec.Struct, frozen=True):
    """The first and the last close to trade, in epoch seconds."""

    since: int
    until: int


class SizingTerms(msgspec.Struct, frozen=True, kw_only=True):
    """The terms of all trials: orders take ``latency_s`` on their way.

    ``quantity`` is what a weight of 1 holds; None sizes by the desk, with its limits, as a back-test does.
    """

    latency_s: int = 0
    quantity: Decimal | None = None


class SweepJob(msgspec.Struct, frozen=True, kw_only=True):
    """All trials of a sweep: each configuration on each market in each window.

    ``desk`` has one strategy instance, whose params and instruments the trials replace. A market is the instruments
    that are traded together from one account.
    """

    desk: Desk
    configurations: tuple[Configuration, ...]
    markets: tuple[tuple[str, ...], ...]
    windows: tuple[TradedWindow, ...]
    terms: SizingTerms = SizingTerms()

    @property
    def trials(self) -> int:
        """Return the number of trials."""
        return len(self.configurations) * len(self.markets) * len(self.windows)

    @property
    def varied(self) -> list[str]:
        """Return the params of which more than one value is tried."""
        names = self.configurations[0]
        return [name for name in names if len({each[name] for each in self.configurations}) > 1]

    @property
    def instance(self) -> StrategyInstance:
        """Return the strategy instance that is varied."""
        (instance,) = self.desk.strategies.values()
        return instance


class TrialBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Trials on one market in one window, numbered from ``first`` on, a configuration each."""

    desk: Desk
    market: tuple[str, ...]
    window: TradedWindow
    terms: SizingTerms
    first: int
    configurations: tuple[Configuration, ...]


def batches(job: SweepJob, trials_max: int) -> Iterator[TrialBatch]:
    """Split a job into batches of at most so many trials; the number of a trial does not depend on the split."""
    count = len(job.configurations)
    for place, (market, window) in enumerate((market, window) for market in job.markets for window in job.windows):
        for first in range(0, count, trials_max):
            yield TrialBatch(
                desk=job.desk,
                market=market,
                window=window,
                terms=job.terms,
                first=place * count + first,
                configurations=job.configurations[first : first + trials_max],
            )


def trial_desk(batch: TrialBatch, configuration: Configuration) -> Desk:
    """Return the desk of a trial: the batch's, its strategy on the market with this configuration."""
    ((name, instance),) = batch.desk.strategies.items()
    own = msgspec.structs.replace(instance, params=configuration, instruments=list(batch.market))
    return msgspec.structs.replace(batch.desk, strategies={name: own})


def check(job: SweepJob) -> None:
    """Raise BadInput for a job without a trial, or whose desk has not exactly one strategy."""
    if len(job.desk.strategies) != 1:
        raise BadInput(f"a sweep varies one strategy, and the desk has {len(job.desk.strategies)}; name it")
    for what, there in (("configuration", job.configurations), ("market", job.markets), ("window", job.windows)):
        if not there:
            raise BadInput(f"the sweep has no {what} to try")
