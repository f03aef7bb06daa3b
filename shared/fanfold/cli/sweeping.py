"""Run a sweep for the command line: with a bar and its rate, kept in the library, and written where it is asked for."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from fanfold.cli import stage_sweeps, sweep_text, walk_text
from fanfold.cli.output import Answer
from fanfold.cli.planned_run import read_plan
from fanfold.cli.research_library import library_in, now_s
from fanfold.cli.stage_sweeps import StageTerms
from fanfold.errors import BadInput
from fanfold.local.run_plan import RunOptions, RunPlan
from fanfold.research.backtesting import Frictions
from fanfold.research.library import RunLibrary, RunStamp, check_figure
from fanfold.research.sweeping import sweeps, walking
from fanfold.research.sweeping.planning import SweepOptions
from fanfold.research.sweeping.sweep_result import SweepResult
from fanfold.research.sweeping.walking import WalkOptions

FrictionTerms = tuple[Decimal | None, Decimal | None, int, bool]


def swept(
    wanted: RunOptions,
    options: SweepOptions,
    terms: FrictionTerms,
    rank: str,
    out: Path | None,
    folder: Path | None,
    tags: Sequence[str],
    on_stage: StageTerms | None = None,
) -> Answer:
    """Sweep, here or on a stage, and return the trials ranked by a figure."""
    check_figure(rank)
    planned = read_plan(wanted)
    if options.optuna:
        return _searched(planned, options, Frictions(*terms), rank, out, library_in(folder), tags)
    job, library = sweeps.planned_job(planned, options, Frictions(*terms)), library_in(folder)
    with progress_of_trials(job.trials) as on_trials:
        if on_stage is None:
            result = sweeps.of_job(job, planned, library, on_trials, now_s(), tags)
        else:
            run = sweeps.run_name(job, planned)
            rows = stage_sweeps.rows_of(run, job, planned.recordings, on_stage, on_trials)
            result = sweeps.kept(RunStamp(run, "sweep", now_s()), job, rows, planned.notes, library, tags)
    return _answer(result, rank, out)


def _searched(
    planned: RunPlan,
    options: SweepOptions,
    frictions: Frictions,
    rank: str,
    out: Path | None,
    library: RunLibrary,
    tags: Sequence[str],
) -> Answer:
    frame = job, _ = sweeps.searched_frame(planned, options, frictions)
    with progress_of_trials(options.optuna * len(job.markets) * len(job.windows)) as on_trials:
        result = sweeps.of_search(frame, planned, options, rank, library, on_trials, now_s(), tags)
    return _answer(result, rank, out)


def _answer(result: SweepResult, rank: str, out: Path | None) -> Answer:
    written = _write(result.table, out)
    return Answer(sweep_text.document_of(result, rank), [*sweep_text.blocks_of(result, rank), *written])


def walked(
    wanted: RunOptions,
    options: SweepOptions,
    walk: WalkOptions,
    terms: FrictionTerms,
    out: Path | None,
    folder: Path | None,
    tags: Sequence[str],
) -> Answer:
    """Walk forward, and return the tests."""
    planned = read_plan(wanted)
    job = sweeps.planned_job(planned, options, Frictions(*terms))
    windows = walking.train_windows(walking.splits_of(job, planned, walk))
    with progress_of_trials(len(windows) * job.trials) as on_trials:
        result = walking.of_job(job, planned, walk, library_in(folder), on_trials, now_s(), tags)
    return Answer(walk_text.document_of(result), [*walk_text.blocks_of(result), *_write(result.rows, out)])


def _write(rows: pa.Table, out: Path | None) -> list[str]:
    """Write rows of trials where that is asked for, and return a line that says so."""
    if out is None:
        return []
    try:
        pq.write_table(rows, out)
    except OSError as wrong:
        raise BadInput(f"{out} cannot be written: {wrong.strerror or wrong}; name another with --out") from wrong
    return [f"trials        {out}"]


class _Rate(ProgressColumn):
    """Trials a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.1f} trials/s" if task.speed else "")


@contextmanager
def progress_of_trials(trials: int) -> Iterator[Callable[[int], None]]:
    """Show on standard error, if it is a terminal, how many trials are done and how fast they go."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _count: None
        return
    columns = (TextColumn("trials"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=trials)
        yield lambda count: progress.advance(task, count)
