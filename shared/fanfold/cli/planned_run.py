"""The bars, desk and params of a run or a back-test, read from files. No AWS is needed for them."""

from typing import TYPE_CHECKING

from fanfold.cli.reading_progress import progress_of_reading
from fanfold.importers import data_files
from fanfold.local import run_plan
from fanfold.local.run_plan import RunOptions, RunPlan

if TYPE_CHECKING:
    from rich.console import Console


def read_plan(wanted: RunOptions) -> RunPlan:
    """Return the plan of a run that begins, and show how far its files are read."""
    with progress_of_reading(wanted.data) as on_read:
        return run_plan.plan(
            wanted.desk_file,
            wanted.data,
            wanted.strategy,
            run_plan.params(wanted.param),
            wanted.since,
            wanted.until,
            wanted.minutes,
            cash=wanted.cash,
            columns=wanted.columns,
            on_read=on_read,
            beyond=run_plan.STAY_MINUTES if wanted.stay else 0,
        )


def describe(plan: RunPlan, out: "Console") -> None:
    """Print what was read, and what was bent to fit it."""
    for line in (line for file in plan.files for line in data_files.describe(file)):
        out.print(line, highlight=False, soft_wrap=True)
    for note in plan.notes:
        out.print(note, highlight=False, soft_wrap=True)
