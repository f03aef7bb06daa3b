"""Back-test a strategy or a desk in compiled scans, or by the services' own code.

Over recorded bars, or without --data over the seeded market, by the rules of a run: the same sizes, limits, fees and
fills, without AWS. --fidelity full also says the orders and refusals, with the ids of a run. docs/research.md defines
each figure.

Example: fanfold backtest sma_cross
Example: fanfold backtest sma_cross --data BTCUSDT-1m-2026-03.zip --param fast=10 --param slow=50
Example: fanfold backtest --desk desk.toml --minutes 20000
Example: fanfold backtest sma_cross --fidelity full --json
Example: fanfold backtest sma_cross --html sma_cross.html --verdict
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from fanfold.cli.argument_types import (
    Bps,
    Columns,
    DataFiles,
    DeskFile,
    FirstClose,
    LastClose,
    MinutesMax,
    StartingCash,
    Strategies,
    StrategyParams,
    read_by,
    read_whole,
)
from fanfold.cli.output import Answer
from fanfold.cli.planned_run import read_plan
from fanfold.cli.research_library import LibraryFolder, Tags, checked_library, now_s
from fanfold.cli.status_line import status_line
from fanfold.errors import BadInput
from fanfold.importers import columns as column_names
from fanfold.local.run_plan import RunOptions, RunPlan
from fanfold.strategy import folder

if TYPE_CHECKING:
    from fanfold.research.backtesting import Frictions
    from fanfold.research.library import RunLibrary
    from fanfold.research.result import BacktestResult
    from fanfold.research.tear_sheet import BiasFindings

# Compiled functions as the person who waits for them knows them.
_COMPILED = {"scan": "the account, 15 to 20 s once for a release", "fold": "the strategy's step"}

Strategy = Annotated[str | None, Parameter(metavar="STRATEGY", help="an instance, a strategy's name, or its file")]
Fees = Annotated[Bps, Parameter(help="the fee of each fill, in place of the desk's")]
Slippage = Annotated[
    Bps, Parameter(help="the slippage of each fill, in place of the desk's; half its spread comes on top")
]
Latency = Annotated[
    int, Parameter(metavar="SECONDS", converter=read_by(read_whole), help="how long an order is on its way")
]
Html = Annotated[Path | None, Parameter(metavar="FILE", help="write a tear sheet, and its numbers beside it as JSON")]
Fidelity = Annotated[Literal["fast", "full"], Parameter(help="compiled scans, or the code of the services")]
Judged = Annotated[
    bool, Parameter(negative=(), help="put the verdict on the strategy on top of the tear sheet; it takes a minute")
]
Ignored = Annotated[bool, Parameter(negative=(), help="trade on beyond daily_loss_max and drawdown_max")]


def command(
    strategy: Strategy = None,
    /,
    *,
    desk: DeskFile | None = None,
    data: DataFiles = None,
    columns: Columns = "",
    strategies: Strategies = None,
    param: StrategyParams = None,
    cash: StartingCash = None,
    since: FirstClose = None,
    until: LastClose = None,
    minutes: MinutesMax = None,
    fees: Fees = None,
    slippage: Slippage = None,
    latency: Latency = 0,
    ignore_loss_limits: Ignored = False,
    fidelity: Fidelity = "fast",
    html: Html = None,
    verdict: Judged = False,
    library: LibraryFolder = None,
    tag: Tags = None,
) -> Answer:
    """Return what was earned, and at what risk."""
    if verdict and html is None:
        raise BadInput("--verdict goes on top of a tear sheet: name its file with --html, or run `fanfold verdict`")
    if strategy is not None:
        strategy, strategies = folder.of_file(strategy, strategies)
    folder.use(folder.chosen(strategies))
    wanted = RunOptions(desk=desk, data=data or (), columns=column_names.parse(columns), strategy=strategy,
                        param=param or (), cash=cash, since=since, until=until, minutes=minutes)  # fmt: skip
    planned, kept = read_plan(wanted), checked_library(library, tag or ())
    # numba takes a quarter of a second, which no help text waits for.
    from fanfold.research.backtesting import Frictions  # noqa: PLC0415

    if html is not None:
        from fanfold.cli import tear_sheet_files  # noqa: PLC0415 - as above

        tear_sheet_files.checked(html)
    with status_line() as progress:
        terms = Frictions(fees, slippage, latency, ignore_loss_limits)
        done = _traded(planned, terms, fidelity, progress)
        judged = _judged(planned, terms, kept.folder, progress) if verdict else None
    run = _keep(done, planned, kept, tag or ())
    written = _written(done, planned, html, strategy or "the desk", judged) if html is not None else []
    if written:
        kept.keep_sheet(run, written[0].read_text(encoding="utf-8"))
    return _answer(done, written, run)


def _traded(
    planned: RunPlan, terms: "Frictions", fidelity: Literal["fast", "full"], progress: Callable[[str], None]
) -> "BacktestResult":
    """Back-test a plan, and say so where code is compiled first."""
    from fanfold.research import compile_cache  # noqa: PLC0415 - as above
    from fanfold.research.backtesting import of_plan  # noqa: PLC0415 - as above

    def say(name: str) -> None:
        progress(f"compiling {_COMPILED.get(name, name)}; it is kept for the next time")

    heard = compile_cache.on_compile.set(say)
    try:
        progress("trading through the services' code" if fidelity == "full" else "trading")
        return of_plan(planned, terms, fidelity)
    finally:
        compile_cache.on_compile.reset(heard)


def _judged(planned: RunPlan, terms: "Frictions", library: Path, progress: Callable[[str], None]) -> "BiasFindings":
    """Return the verdict on the plan's strategy, at the costs of its account."""
    from fanfold.research import verdicts  # noqa: PLC0415 - as above
    from fanfold.research.backtesting import with_frictions  # noqa: PLC0415 - as above
    from fanfold.research.bias_lab.judging import on_tear_sheet  # noqa: PLC0415 - as above

    traded = planned._replace(desk=with_frictions(planned.desk, terms))
    return on_tear_sheet(verdicts.of_plan(traded, library, progress))


def _keep(done: "BacktestResult", planned: RunPlan, library: "RunLibrary", tags: Sequence[str]) -> str:
    """Keep a back-test in the library, and return its id."""
    from fanfold.research import library_rows  # noqa: PLC0415 - as above
    from fanfold.research.library import RunStamp  # noqa: PLC0415 - as above

    run = library_rows.backtest_run(done)
    rows = library_rows.backtest_rows(done, planned.desk)
    latency_s = done.provenance.latency_s
    summary = f"latency {latency_s} s" if latency_s else ""
    library.keep(RunStamp(run, "back-test", now_s(), summary), rows, tags)
    return run


def _written(
    done: "BacktestResult", planned: RunPlan, html: Path, title: str, judged: "BiasFindings | None"
) -> list[Path]:
    from fanfold.cli import tear_sheet_files  # noqa: PLC0415 - as above
    from fanfold.research.tear_sheet import NO_VERDICT  # noqa: PLC0415 - as above

    return tear_sheet_files.write(done, planned.recordings, html, title, judged or NO_VERDICT)


def _answer(done: "BacktestResult", written: list[Path], run: str) -> Answer:
    from fanfold.cli import backtest_text  # noqa: PLC0415 - as above
    from fanfold.research import result  # noqa: PLC0415 - as above

    document = result.document(done) | {"tear_sheets": [str(path) for path in written], "run": run}
    return Answer(
        document, [backtest_text.text_of(done), f"kept as       {run}", *(f"tear sheet    {path}" for path in written)]
    )
