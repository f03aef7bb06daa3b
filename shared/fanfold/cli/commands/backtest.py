"""Back-test a strategy, or all of a desk, in compiled scans.

Over recorded bars, or without --data over the seeded market, by the rules of a run: the same sizes, limits, fees and
fills, without AWS. docs/research.md defines each figure.

Example: fanfold backtest sma_cross
Example: fanfold backtest sma_cross --data BTCUSDT-1m-2026-03.zip --param fast=10 --param slow=50
Example: fanfold backtest --desk desk.toml --minutes 20000
"""

from decimal import Decimal
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fanfold.cli.argument_types import (
    Columns,
    DataFiles,
    DeskFile,
    FirstClose,
    LastClose,
    MinutesMax,
    Money,
    StartingCash,
    Strategies,
    StrategyParams,
    read_by,
    read_whole,
)
from fanfold.cli.output import Answer
from fanfold.cli.recorded_run import read_plan
from fanfold.importers import columns as column_names
from fanfold.local.run_plan import RunOptions, RunPlan
from fanfold.strategy import folder

Strategy = Annotated[str | None, Parameter(metavar="STRATEGY", help="an instance, a strategy's name, or its file")]
Bps = Annotated[Money, Parameter(metavar="BPS")]
Fees = Annotated[Bps, Parameter(help="the fee of each fill, in place of the desk's")]
Slippage = Annotated[Bps, Parameter(help="the slippage of each fill, in place of the desk's")]
Latency = Annotated[
    int, Parameter(metavar="SECONDS", converter=read_by(read_whole), help="how long an order is on its way")
]
Html = Annotated[Path | None, Parameter(metavar="FILE", help="write a tear sheet, and its numbers beside it as JSON")]
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
    html: Html = None,
) -> Answer:
    """Return what was earned, and at what risk."""
    if strategy is not None:
        strategy, strategies = folder.of_file(strategy, strategies)
    folder.use(folder.chosen(strategies))
    wanted = RunOptions(desk=desk, data=data or (), columns=column_names.parse(columns), strategy=strategy,
                        param=param or (), cash=cash, since=since, until=until, minutes=minutes)  # fmt: skip
    planned = read_plan(wanted)
    return _answer(planned, (fees, slippage, latency, ignore_loss_limits), html, strategy or "the desk")


def _answer(
    planned: RunPlan, terms: tuple[Decimal | None, Decimal | None, int, bool], html: Path | None, title: str
) -> Answer:
    # numba takes a quarter of a second, which no help text waits for.
    from fanfold.cli import backtest_text, tear_sheet_files  # noqa: PLC0415
    from fanfold.research import backtesting, result  # noqa: PLC0415

    done = backtesting.of_plan(planned, backtesting.Frictions(*terms))
    written = tear_sheet_files.write(done, planned.recordings, html, title) if html is not None else []
    document = result.document(done) | {"tear_sheets": [str(path) for path in written]}
    return Answer(document, [backtest_text.text_of(done), *(f"tear sheet    {path}" for path in written)])
