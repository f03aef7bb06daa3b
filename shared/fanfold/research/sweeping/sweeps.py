"""Sweep a strategy: trade every configuration of a grid, on each market, in each window."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from fanfold.errors import BadInput
from fanfold.local.run_plan import RunPlan
from fanfold.research.arguments import Files, Moment, positive, whole
from fanfold.research.backtesting import NO_FRICTIONS, Frictions, planned_of, with_frictions
from fanfold.research.library import RunLibrary, RunStamp, check_figure
from fanfold.research.sweeping.parts_of_sweep import SweepParts, job_hash
from fanfold.research.sweeping.planning import Frame, SweepOptions, Together, frame_of, job_of
from fanfold.research.sweeping.running import run_job
from fanfold.research.sweeping.searching import RoundsOfTrials, search
from fanfold.research.sweeping.sweep_job import SweepJob
from fanfold.research.sweeping.sweep_result import SweepResult
from fanfold.strategy import folder

Progress = Callable[[int], None]


def sweep(
    strategy: str,
    data: Files = (),
    *,
    grid: Mapping[str, str | Sequence[Any]],
    draw: int = 0,
    seed: int = 7,
    optuna: int = 0,
    rank: str = "sharpe",
    desk: str | Path | None = None,
    params: Mapping[str, Any] | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
    minutes: int | None = None,
    cash: Decimal | int | None = None,
    strategies: str | Path | None = None,
    timeframe: str = "",
    instruments: Together = "all",
    windows: str | int = "",
    quantity: Decimal | int | None = None,
    frictions: Frictions = NO_FRICTIONS,
    library: str | Path | None = None,
) -> SweepResult:
    """Trade every configuration of a grid, or ``draw`` of them by a seed; other options are those of ``backtest``.

    ``optuna`` lets Optuna choose so many, each to improve ``rank``. ``grid`` has the values of params:
    ``{"fast": "10:50:5", "slow": [100, 200]}``. Instruments share an account (``all``), or each is traded alone;
    ``windows`` is a number or a length such as 30d. A ``quantity`` for a weight of 1 stands in for the desk's sizes and
    limits. ``library`` is a folder that keeps the rows, and lets a sweep that was stopped go on. Raises BadInput, which
    says what to do, for what cannot be swept.
    """
    if strategies is not None:
        folder.use(Path(strategies))
    planned = planned_of(strategy, data, desk, params, since, until, minutes, cash)
    check_figure(rank)
    size = None if quantity is None else positive("quantity", quantity)
    if draw and optuna:
        raise BadInput("optuna chooses by itself: leave draw out")
    draw, optuna, seed = whole("draw", draw, 0), whole("optuna", optuna, 0), whole("seed", seed, 0)
    options = SweepOptions(grid, draw, seed, optuna, timeframe, instruments, str(windows), size)
    kept = None if library is None else RunLibrary(Path(library))
    if optuna:
        return of_search(searched_frame(planned, options, frictions), planned, options, rank, kept)
    return of_job(planned_job(planned, options, frictions), planned, kept)


def planned_job(planned: RunPlan, options: SweepOptions, frictions: Frictions = NO_FRICTIONS) -> SweepJob:
    """Return the job of a plan, its desk paying other costs."""
    return job_of(_paying(planned, frictions), options._replace(latency_s=frictions.latency_s))


def searched_frame(planned: RunPlan, options: SweepOptions, frictions: Frictions = NO_FRICTIONS) -> Frame:
    """Return the job of a search, which has no configurations yet, and what they can be."""
    return frame_of(_paying(planned, frictions), options._replace(latency_s=frictions.latency_s))


def _paying(planned: RunPlan, frictions: Frictions) -> RunPlan:
    return planned._replace(desk=with_frictions(planned.desk, frictions))


def run_name(job: SweepJob, planned: RunPlan) -> str:
    """Return the name of a sweep: the same job on the same bars, by the same code, has the same."""
    return f"sweep-{job_hash(job, planned.recordings)}"


def of_job(
    job: SweepJob,
    planned: RunPlan,
    library: RunLibrary | None = None,
    on_trials: Progress = lambda _count: None,
    made_at: int | None = None,
    tags: Sequence[str] = (),
) -> SweepResult:
    """Run a job over the recordings of a plan, or go on with it where the library has a part of it.

    The library keeps its rows, with the time that it was made at in epoch seconds.
    """
    run = run_name(job, planned)
    parts = SweepParts(library.folder / "sweeps" / run if library is not None else None)
    rows = run_job(job, planned.recordings, parts, on_trials)
    result = kept(RunStamp(run, "sweep", made_at), job, rows, planned.notes, library, tags)
    parts.remove()
    return result


def kept(
    stamp: RunStamp,
    job: SweepJob,
    rows: pa.Table,
    notes: Sequence[str],
    library: RunLibrary | None,
    tags: Sequence[str],
) -> SweepResult:
    """Return a sweep that is done, after its rows were kept in the library, if there is one."""
    if library is not None:
        library.keep(stamp, rows, tags)
    return SweepResult(job, rows, stamp.run, notes)


def of_search(
    frame: Frame,
    planned: RunPlan,
    options: SweepOptions,
    rank: str,
    library: RunLibrary | None = None,
    on_trials: Progress = lambda _count: None,
    made_at: int | None = None,
    tags: Sequence[str] = (),
) -> SweepResult:
    """Search by ``rank`` with Optuna, and return what was traded as a sweep of these configurations alone."""
    job, space = frame
    rounds = RoundsOfTrials(job, planned.recordings, library, on_trials)
    search(rounds, space, options.optuna, rank, options.seed)
    whole, rows = rounds.whole()
    stamp = RunStamp(run_name(whole, planned), "sweep", made_at)
    result = kept(stamp, whole, rows, planned.notes, library, tags)
    rounds.remove()
    return result
