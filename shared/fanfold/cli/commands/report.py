"""Report what a run earned, and at what risk.

The newest run of the state directory, or an earlier one by its number; docs/report.md defines each figure.

Example: fanfold report
Example: fanfold report 3 --by day
"""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cyclopts import Parameter

from fanfold.cli.argument_types import Options, Shared, StageName
from fanfold.cli.conclusion import summary_of
from fanfold.cli.exit_codes import DESK
from fanfold.cli.output import Answer, Grid
from fanfold.cli.report_text import blocks, parts_table, totals
from fanfold.cli.summary import Summary, document
from fanfold.errors import NothingThere
from fanfold.local import state_directory
from fanfold.money import places_of
from fanfold.performance.measuring import Part, Performance
from fanfold.stages.session import reach

EXITS = DESK
Group = Literal["strategy", "instrument", "day"]


def command(
    run: Annotated[str | None, Parameter(metavar="RUN", help="the number of an earlier run, as in runs/3")] = None,
    /,
    *,
    options: Shared,
    stage: StageName = "",
    by: Annotated[Group | None, Parameter(metavar="GROUP", help="a table of each part alone, with its total")] = None,
    verbose: Annotated[
        bool, Parameter(help="also show what an engineer asks for: speed, messages, tick to order")
    ] = False,
) -> Answer:
    """Return the report of a run that ended; of one that trades, or was killed, what its records say."""
    summary = _summary(options, stage, run)
    if by is None:
        return Answer(document(summary), [*blocks(summary, verbose=verbose), *_legend(summary)])
    wholes = totals(summary)
    parts = {whole.currency: [msgspec.to_builtins(part) for part in _parts(whole, by)] for whole in wholes}
    return Answer({"by": by, "parts": parts}, [_table(whole, by) for whole in wholes])


def _summary(options: Options, stage: str, run: str | None) -> Summary:
    state = options.state.resolve()
    if run is not None:
        state = state / state_directory.RUNS / run
        if not run.isdecimal() or not state.is_dir():
            raise NothingThere(f"there is no run {run!r} in {options.state}; `fanfold runs` lists them")
    if not stage and (kept := _kept(state)) is not None:
        return kept
    with reach(state, stage, options.command) as session:
        return summary_of(session)


def _kept(state: Path) -> Summary | None:
    """Return the summary at the end of a run; None where it has not ended, or an earlier version wrote it."""
    written = state_directory.read_summary(state)
    try:
        return msgspec.convert(written, Summary) if written.get("performance") else None
    except msgspec.ValidationError:
        return None


def _table(whole: Performance, by: Group) -> Grid:
    return parts_table(by, _parts(whole, by), places_of(whole.start))


def _parts(whole: Performance, by: Group) -> list[Part]:
    parts = {"strategy": whole.by_strategy, "instrument": whole.by_instrument, "day": whole.by_day}
    return parts[by]


def _legend(summary: Summary) -> list[str]:
    return ["more: --by instrument, --by day, --verbose"] if totals(summary) else []
