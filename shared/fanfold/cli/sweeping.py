"""Run a sweep for the command line: with a bar and its rate, kept in the library, and written where it is asked for."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from fanfold.cli import stage_sweeps, sweep_text, tear_sheet_files, walk_text
from fanfold.cli.output import Answer
from fanfold.cli.planned_run import read_plan
from fanfold.cli.research_library import checked_library, now_s
from fanfold.cli.stage_sweeps import StageTerms
from fanfold.cli.whole_files import replacing
from fanfold.errors import BadInput
from fanfold.local.run_plan import RunOptions, RunPlan
from fanfold.research.backtesting import Frictions
from fanfold.research.library import RunLibrary, RunStamp, check_figure
from fanfold.research.sweeping import sheet_of_sweep, sheet_of_walk, sweeps, walk_splits, walking
from fanfold.research.sweeping.planning import SweepOptions
from fanfold.research.sweeping.sweep_result import SweepResult
from fanfold.research.sweeping.walk_splits import WalkOptions
from fanfold.research.sweeping.walking import WalkForwardResult

FrictionTerms = tuple[Decimal | None, Decimal | None, int, bool]


class WrittenFiles(NamedTuple):
    """The files of a result: trials as Parquet, and a page, of a sweep with a first map over two params: fast,slow."""

    out: Path | None = None
    html: Path | None = None
    heat_map: str = ""

    @property
    def pair(self) -> list[str]:
        return [name.strip() for name in self.heat_map.split(",")] if self.heat_map else []

    def check(self) -> None:
        """Raise BadInput for what cannot be written, before anything is traded."""
        if self.out is not None and not self.out.parent.is_dir():
            raise BadInput(
                f"{self.out} cannot be written: there is no folder {self.out.parent}; name another with --out"
            )
        if self.html is not None:
            tear_sheet_files.checked(self.html)
            if self.out in {self.html, self.html.with_suffix(".json")}:
                raise BadInput(f"{self.out} is of --html already: name another with --out")
        elif self.heat_map:
            raise BadInput("--heat-map is of a page: name its file with --html")

    def check_pair(self, varied: Sequence[str]) -> None:
        """Raise BadInput for a map over what is not varied, before anything is traded."""
        if self.pair:
            sheet_of_sweep.check_pair(self.pair, varied)


def swept(
    wanted: RunOptions,
    options: SweepOptions,
    terms: FrictionTerms,
    rank: str,
    files: WrittenFiles,
    folder: Path | None,
    tags: Sequence[str],
    on_stage: StageTerms | None = None,
) -> Answer:
    """Sweep, here or on a stage, and return the trials ranked by a figure."""
    check_figure(rank)
    files.check()
    if options.optuna and (options.draw or on_stage):
        beside = "--random" if options.draw else "--stage"
        raise BadInput(f"--optuna chooses by itself, on this machine: leave {beside} out")
    planned, library = read_plan(wanted), checked_library(folder, tags)
    if options.optuna:
        return _searched(planned, options, Frictions(*terms), rank, files, library, tags)
    job = sweeps.planned_job(planned, options, Frictions(*terms))
    files.check_pair(job.varied)
    with progress_of_trials(job.trials) as on_trials:
        if on_stage is None:
            result = sweeps.of_job(job, planned, library, on_trials, now_s(), tags)
        else:
            run = sweeps.run_name(job, planned)
            rows = stage_sweeps.rows_of(run, job, planned.recordings, on_stage, on_trials)
            result = sweeps.kept(RunStamp(run, "sweep", now_s()), job, rows, planned.notes, library, tags)
    return _answer(result, rank, files, library)


def _searched(
    planned: RunPlan,
    options: SweepOptions,
    frictions: Frictions,
    rank: str,
    files: WrittenFiles,
    library: RunLibrary,
    tags: Sequence[str],
) -> Answer:
    frame = job, (axes, _) = sweeps.searched_frame(planned, options, frictions)
    files.check_pair([name for name, values in axes.items() if len(values) > 1])
    with progress_of_trials(options.optuna * len(job.markets) * len(job.windows)) as on_trials:
        result = sweeps.of_search(frame, planned, options, rank, library, on_trials, now_s(), tags)
    return _answer(result, rank, files, library)


def _answer(result: SweepResult, rank: str, files: WrittenFiles, library: RunLibrary) -> Answer:
    blocks = [*sweep_text.blocks_of(result, rank), *_write(result.table, files.out)]
    if files.html is not None:
        sheet = sheet_of_sweep.sheet_of(result, rank, files.pair)
        page = sheet_of_sweep.page(sheet)
        blocks += _write_page(files.html, result.run, page, msgspec.json.encode(sheet), library)
    return Answer(sweep_text.document_of(result, rank), blocks)


def walked(
    wanted: RunOptions,
    options: SweepOptions,
    walk: WalkOptions,
    terms: FrictionTerms,
    files: WrittenFiles,
    folder: Path | None,
    tags: Sequence[str],
) -> Answer:
    """Walk forward, and return the tests."""
    files.check()
    planned, library = read_plan(wanted), checked_library(folder, tags)
    job = sweeps.planned_job(planned, options, Frictions(*terms))
    windows = walking.train_windows(walk_splits.splits_of(job, planned, walk))
    with progress_of_trials(len(windows) * job.trials) as on_trials:
        result = walking.of_job(job, planned, walk, library, on_trials, now_s(), tags)
    return _walked(result, files, library)


def _walked(result: WalkForwardResult, files: WrittenFiles, library: RunLibrary) -> Answer:
    blocks = [*walk_text.blocks_of(result), *_write(result.rows, files.out)]
    if files.html is not None:
        sheet = sheet_of_walk.sheet_of(result)
        page = sheet_of_walk.page(sheet)
        blocks += _write_page(files.html, result.run, page, msgspec.json.encode(sheet), library)
    return Answer(walk_text.document_of(result), blocks)


def _write_page(html: Path, run: str, page: str, figures: bytes, library: RunLibrary) -> list[str]:
    """Write a page and its figures, keep it in the library, and return a line that says so."""
    tear_sheet_files.write_page(html, page, figures)
    library.keep_sheet(run, page)
    return [f"page          {html}"]


def _write(rows: pa.Table, out: Path | None) -> list[str]:
    """Write rows of trials where that is asked for, and return a line that says so."""
    if out is None:
        return []
    try:
        with replacing(out) as file:
            pq.write_table(rows, file)
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
