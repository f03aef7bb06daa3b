"""Walk forward: choose params on one window, trade them on the next, and join what came of it."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from hashlib import blake2s
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from fanfold.errors import BadInput
from fanfold.local.run_plan import RunPlan
from fanfold.market import timeframes
from fanfold.market.timeframes import DAY_S
from fanfold.performance import ratios
from fanfold.performance.texts import moment
from fanfold.research.account_market import History
from fanfold.research.account_result import run_account
from fanfold.research.arguments import Files, Moment
from fanfold.research.backtesting import NO_FRICTIONS, Frictions, planned_of
from fanfold.research.columns import Floats, Integers
from fanfold.research.library import COSTS, RunLibrary, RunStamp, check_figure
from fanfold.research.sweeping.parts_of_sweep import SweepParts, job_hash
from fanfold.research.sweeping.planning import SweepOptions
from fanfold.research.sweeping.running import run_job
from fanfold.research.sweeping.splits import Split
from fanfold.research.sweeping.sweep_job import Configuration, SweepJob, TradedWindow, TrialBatch, trial_desk
from fanfold.research.sweeping.sweep_result import stopped_notes
from fanfold.research.sweeping.sweeps import planned_job
from fanfold.research.sweeping.trial_rows import TIME, table_of
from fanfold.research.sweeping.trials import run_batch
from fanfold.research.sweeping.walk_splits import WalkOptions, splits_of
from fanfold.risk.policy import prepare
from fanfold.strategy import folder


class WalkedFold(msgspec.Struct, frozen=True, kw_only=True):
    """A test: its windows, the params that were best in training, and what they earned there and in the test.

    Figures are those that params are chosen by, returns shares of the capital, ``efficiency`` the return of a year in
    the test over that in training; None where training earned nothing.
    """

    train: tuple[TradedWindow, ...]
    test: TradedWindow
    params: Configuration
    train_figure: float
    test_figure: float | None
    train_return: float
    test_return: float
    efficiency: float | None


class WalkForwardResult(NamedTuple):
    """A walk: its folds in order, and the tests joined to one.

    ``equity`` has a row a close of a test: at, and the level, which begins with 1 and grows from test to test.
    ``rows`` are the trials of the tests; see ``trial_rows.row_schema``. ``sharpe`` is of all tests joined.
    """

    run: str
    strategy: str
    rank: str
    folds: list[WalkedFold]
    equity: pa.Table
    rows: pa.Table
    total_return: float
    sharpe: float | None
    efficiency: float | None
    notes: list[str]


def walk_forward(
    strategy: str,
    data: Files = (),
    *,
    grid: Mapping[str, str | Sequence[Any]],
    train: str = "",
    test: str = "",
    anchored: bool = False,
    folds: int = 0,
    embargo: str = "",
    rank: str = "sharpe",
    desk: str | Path | None = None,
    params: Mapping[str, Any] | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
    minutes: int | None = None,
    cash: Decimal | int | None = None,
    strategies: str | Path | None = None,
    timeframe: str = "",
    frictions: Frictions = NO_FRICTIONS,
    library: str | Path | None = None,
) -> WalkForwardResult:
    """Choose the best params of a grid on each train window, and trade them on the test that follows.

    ``train`` and ``test`` are lengths such as 180d; ``anchored`` training begins with the data. With ``folds`` the
    tests are those of a purged k-fold. Other options are those of ``sweep``. Raises BadInput, which says what to do.
    """
    if strategies is not None:
        folder.use(Path(strategies))
    planned = planned_of(strategy, data, desk, params, since, until, minutes, cash)
    job = planned_job(planned, SweepOptions(grid, timeframe=timeframe), frictions)
    options = WalkOptions(train, test, anchored, folds, embargo, rank)
    return of_job(job, planned, options, None if library is None else RunLibrary(Path(library)))


def of_job(
    job: SweepJob,
    planned: RunPlan,
    options: WalkOptions,
    library: RunLibrary | None = None,
    on_trials: Callable[[int], None] = lambda _count: None,
    made_at: int | None = None,
    tags: Sequence[str] = (),
) -> WalkForwardResult:
    """Walk a job of one window and one market forward; the library keeps the trials of the tests."""
    check_figure(options.rank)
    parted = splits_of(job, planned, options)
    trained = msgspec.structs.replace(job, windows=train_windows(parted))
    training = f"training-{job_hash(trained, planned.recordings)}"
    run = f"walk-forward-{_hash(training, parted, options.rank)}"
    parts = SweepParts(library.folder / "sweeps" / training if library is not None else None)
    rows = run_job(trained, planned.recordings, parts, on_trials)
    folds, trials, curves = [], [], []
    for number, split in enumerate(parted):
        best = best_of(rows, trained, split, options.rank)
        batch = _batch(job, split.test, number, best)
        (tested,) = run_batch(batch, planned.recordings).to_pylist()
        folds.append(_fold(rows, trained, split, best, options.rank, tested))
        trials.append(tested)
        curves.append(_curve(batch, planned))
    joined = joined_curve(curves)
    result = WalkForwardResult(
        run=run,
        strategy=job.instance.strategy,
        rank=options.rank,
        folds=folds,
        equity=joined,
        rows=table_of(trials),
        total_return=joined["level"][-1].as_py() - 1,
        sharpe=_sharpe(joined),
        efficiency=_efficiency(folds),
        notes=[*planned.notes, *stopped_notes(trained, rows)],
    )
    if library is not None:
        library.keep_tried(run, rows)
        library.keep(RunStamp(run, "walk-forward", made_at, f"{len(parted)} tests"), result.rows, tags)
        parts.remove()
    return result


def _hash(training: str, parted: Sequence[Split], rank: str) -> str:
    """Hash a walk: what is trained on what, which tests follow, and the figure that chooses between them."""
    return blake2s(msgspec.json.encode([training, parted, rank]), digest_size=8).hexdigest()


def train_windows(parted: Sequence[Split]) -> tuple[TradedWindow, ...]:
    """Return the windows to train on, each once."""
    return tuple(dict.fromkeys(window for split in parted for window in split.train))


def best_of(rows: pa.Table, job: SweepJob, split: Split, rank: str) -> Configuration:
    """Return the configuration that was best on a split's train windows, the first of equals.

    Of two windows a figure is their mean by length. Raises BadInput where no configuration has the figure.
    """
    scores = _scores(rows, job, split, rank)
    if np.isnan(scores).all():
        if rows["error"].null_count == 0:
            raise BadInput(f"no configuration of the grid can be traded: {rows['error'][0]}")
        raise BadInput(
            f"no configuration has a {rank} on the train window; ratios need 10 days: train longer, or rank by "
            "total_return"
        )
    place = np.nanargmin(scores) if rank in COSTS else np.nanargmax(scores)
    return job.configurations[int(place)]


def _scores(rows: pa.Table, job: SweepJob, split: Split, rank: str) -> Floats:
    """Return the figure of each configuration on train windows, NaN where any of them has none."""
    count = len(job.configurations)
    figures = rows[rank].cast(pa.float64()).to_numpy(zero_copy_only=False).reshape(len(job.windows), count)
    places = [job.windows.index(window) for window in split.train]
    lengths = [window.until - window.since for window in split.train]
    means: Floats = (
        np.average(figures[places], axis=0, weights=lengths) if sum(lengths) else figures[places].mean(axis=0)
    )
    return means


def _fold(
    rows: pa.Table, job: SweepJob, split: Split, best: Configuration, rank: str, tested: Mapping[str, Any]
) -> WalkedFold:
    place, count = job.configurations.index(best), len(job.configurations)
    earned = rows["total_return"].to_numpy(zero_copy_only=False).reshape(len(job.windows), count)
    factors = [max(1 + earned[job.windows.index(window), place], 0.0) for window in split.train]
    grown = float(np.prod(factors)) - 1
    if tested["error"] is not None:
        raise BadInput(f"the test from {moment(split.test.since)} cannot be traded: {tested['error']}")
    train_s, figure = sum(map(_length_s, split.train)), tested[rank]
    return WalkedFold(
        train=split.train,
        test=split.test,
        params=best,
        train_figure=float(_scores(rows, job, split, rank)[place]),
        test_figure=None if figure is None else float(figure),
        train_return=grown,
        test_return=tested["total_return"],
        efficiency=_ratio(tested["total_return"] / _length_s(split.test), grown / max(train_s, 1)),
    )


def _length_s(window: TradedWindow) -> int:
    return max(window.until - window.since, 1)


def _ratio(test: float, train: float) -> float | None:
    return test / train if train > 0 else None


def _efficiency(folds: Sequence[WalkedFold]) -> float | None:
    """Return what all tests earned in a year over what training did; None where training earned nothing."""
    train_s = sum(_length_s(window) for fold in folds for window in fold.train)
    test_s = sum(_length_s(fold.test) for fold in folds)
    return _ratio(sum(fold.test_return for fold in folds) / test_s, sum(fold.train_return for fold in folds) / train_s)


def _curve(batch: TrialBatch, planned: RunPlan) -> tuple[Integers, Floats]:
    """Return the times of a trial's closes, that before the first in front, and its equity over its cash."""
    traded = trial_desk(batch, batch.configurations[0])
    (instance,) = traded.strategies.values()
    own = {each.instrument: each for each in planned.recordings if each.instrument in batch.market}
    history = History(own, batch.window.since, batch.window.until)
    result = run_account(traded, instance.account, prepare(traded), history, batch.terms.latency_s).result()
    times = result.equity["at"].cast(pa.int64()).to_numpy()
    equity = result.equity["equity"].cast(pa.float64()).to_numpy()
    before = times[0] - timeframes.seconds(planned.recordings[0].timeframe)
    return np.append(before, times), np.append(1.0, equity / float(result.metrics.start))


def joined_curve(curves: Sequence[tuple[Integers, Floats]]) -> pa.Table:
    """Return the curves of tests as one, of columns ``at`` and ``level``; each begins where the one before ended.

    Where a test lost more than all there was, the level is 0 from then on: no later test begins with a debt.
    """
    level, times, levels = 1.0, list[Integers](), list[Floats]()
    for number, (at, growth) in enumerate(curves):
        first = 0 if number == 0 else 1
        times.append(at[first:])
        lost = np.flatnonzero(growth <= 0)
        kept = growth if lost.size == 0 else np.where(np.arange(growth.size) < lost[0], growth, 0.0)
        levels.append(level * kept[first:])
        level = float(levels[-1][-1])
    return pa.table({"at": pa.array(np.concatenate(times), TIME), "level": np.concatenate(levels)})


def _sharpe(joined: pa.Table) -> float | None:
    at, levels = joined["at"].cast(pa.int64()).to_numpy(), joined["level"].to_numpy()
    nights = np.arange(-(-at[0] // DAY_S) * DAY_S, at[-1] + 1, DAY_S)
    nightly = levels[np.searchsorted(at, nights, side="right") - 1].tolist()
    return ratios.sharpe([now / before - 1 for before, now in pairwise(nightly) if before > 0])


def _batch(job: SweepJob, window: TradedWindow, number: int, best: Configuration) -> TrialBatch:
    (market,) = job.markets
    return TrialBatch(
        desk=job.desk, market=market, window=window, terms=job.terms, first=number, configurations=(best,)
    )
