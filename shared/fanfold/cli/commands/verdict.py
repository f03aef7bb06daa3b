"""Say whether the result of a strategy can be trusted, and what to change.

Looks for bias (look-ahead, warm-up, start, repainting bars, survivorship) and for evidence of an edge, over recorded
bars or, without --data, the seeded market. A failed check is exit code 1. docs/verdict.md says how each is measured.

Example: fanfold verdict sma_cross
Example: fanfold verdict strategies/my_dip.py --data BTCUSDT-1m.zip --param window=21 --trials 50
Example: fanfold verdict sma_cross --data BTCUSDT-1m.zip BTCUSDT-1h.csv --again BTCUSDT-1m-today.zip --json
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import Parameter

from fanfold.cli.argument_types import Bps, Columns, Count, Strategies, read_by, read_whole
from fanfold.cli.exit_codes import Exit
from fanfold.cli.output import Answer, pairs
from fanfold.cli.research_library import LibraryFolder, Tags, checked_library, now_s
from fanfold.cli.status_line import status_line
from fanfold.importers import columns as column_names
from fanfold.local import run_plan

if TYPE_CHECKING:
    from fanfold.research.bias_lab.judging import StrategyVerdict

EXITS = (Exit.FAILED,)
_MARKS = {"passed": "ok", "failed": "FAILED", "not measured": "not measured"}

Name = Annotated[str, Parameter(metavar="STRATEGY", help="a strategy's name, or its file")]
Data = Annotated[
    list[str] | None,
    Parameter(
        metavar="FILE",
        consume_multiple=1,
        help="bars: FILE or FILE=BASE/QUOTE; the shortest are traded, longer ones are compared with them",
    ),
]
Again = Annotated[
    list[str] | None,
    Parameter(
        metavar="FILE", consume_multiple=1, help="a second download of the same bars, to find bars that were revised"
    ),
]
Param = Annotated[list[str] | None, Parameter(metavar="K=V", help="a param of the strategy")]
Timeframe = Annotated[
    str, Parameter(metavar="LENGTH", help="trade bars of this length, such as 1h, made of those of the files")
]
Trials = Annotated[
    Count, Parameter(help="how many configurations were tried before this one was chosen (those in the library)")
]
Cost = Annotated[Bps, Parameter(help="fee and slippage of a fill, in basis points (12)")]
Permutations = Annotated[Count, Parameter(help="permuted markets to compare with (199, or 20 a trial up to 1,000)")]
Seed = Annotated[int, Parameter(metavar="N", converter=read_by(read_whole), help="seed of what is random (7)")]


def command(
    name: Name,
    /,
    *,
    data: Data = None,
    again: Again = None,
    columns: Columns = "",
    strategies: Strategies = None,
    param: Param = None,
    timeframe: Timeframe = "",
    trials: Trials | None = None,
    cost: Cost = None,
    permutations: Permutations | None = None,
    seed: Seed = 7,
    library: LibraryFolder = None,
    tag: Tags = None,
) -> Answer:
    """Return the findings; a failure where a check failed."""
    from fanfold.research import library_rows, verdict  # noqa: PLC0415 - they load numba
    from fanfold.research.library import RunStamp  # noqa: PLC0415 - as above

    kept = checked_library(library, tag or ())
    with status_line() as progress:
        reached = verdict(
            name,
            data or (),
            again=again or (),
            params=run_plan.params(param or ()),
            columns=column_names.parse(columns),
            strategies=strategies,
            timeframe=timeframe,
            cost_bps=Decimal(12) if cost is None else cost,
            trials=trials,
            permutations=permutations,
            seed=seed,
            library=kept.folder,
            progress=progress,
        )
    stamp = RunStamp(library_rows.verdict_run(reached), "verdict", now_s(), reached.summary)
    kept.keep(stamp, library_rows.verdict_rows(reached), tag or ())
    return Answer(msgspec.to_builtins(reached), _text(reached), Exit.OK if reached.passed else Exit.FAILED)


def _text(reached: "StrategyVerdict") -> list[str]:
    first, last = (f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}" for at in (reached.since, reached.until))
    lines = [
        f"{reached.strategy} {pairs(reached.params)}".rstrip() + f": {reached.summary}",
        f"{reached.bars:,} bars of {', '.join(reached.instruments)}, {first} to {last}"
        + ("" if reached.compiled else "; its step does not run compiled, so evidence is of the newest bars alone"),
    ]
    for finding in sorted(reached.findings, key=lambda finding: list(_MARKS).index(finding.outcome) != 1):
        lines.append(f"{_MARKS[finding.outcome]} {finding.name}: {finding.measured}")
        lines += [f"  {finding.change}"] if finding.change else []
    return lines
