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

from fanfold.cli.argument_types import Columns, Count, DeskFile, Moment, Money, Strategies, read_by, read_whole
from fanfold.cli.output import Answer
from fanfold.errors import BadInput
from fanfold.importers import columns as column_names
from fanfold.local import run_plan
from fanfold.strategy import folder

Strategy = Annotated[str | None, Parameter(metavar="STRATEGY", help="an instance, a strategy's name, or its file")]
Data = Annotated[
    list[str] | None,
    Parameter(metavar="FILE", consume_multiple=1, help="bars to trade: FILE or FILE=BASE/QUOTE, one or more"),
]
Param = Annotated[list[str] | None, Parameter(metavar="K=V", help="a param of that strategy")]
From = Annotated[Moment, Parameter(name="--from", help="first close to trade, ISO 8601")]
Until = Annotated[Moment, Parameter(help="last close to trade, ISO 8601")]
Minutes = Annotated[Count | None, Parameter(help="trade N minutes of market time at most")]
Cash = Annotated[Money, Parameter(help="starting cash of each account, in its currency")]
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
    data: Data = None,
    columns: Columns = "",
    strategies: Strategies = None,
    param: Param = None,
    cash: Cash = None,
    since: From = None,
    until: Until = None,
    minutes: Minutes = None,
    fees: Fees = None,
    slippage: Slippage = None,
    latency: Latency = 0,
    ignore_loss_limits: Ignored = False,
    html: Html = None,
) -> Answer:
    """Return what was earned, and at what risk."""
    if strategy is not None:
        strategy, strategies = folder.of_file(strategy, strategies)
    if strategies is not None:
        folder.use(strategies)
    if desk is not None and not desk.exists():
        raise BadInput(f"there is no {desk}; name the desk file with --desk, or let `fanfold init` write one")
    planned = run_plan.plan(
        desk or run_plan.DESK_FILE, data or (), strategy, run_plan.params(param or ()), since, until, minutes,
        cash=cash, columns=column_names.parse(columns),
    )  # fmt: skip
    return _answer(planned, (fees, slippage, latency, ignore_loss_limits), html, strategy or "the desk")


def _answer(
    planned: run_plan.RunPlan, terms: tuple[Decimal | None, Decimal | None, int, bool], html: Path | None, title: str
) -> Answer:
    # numba takes a quarter of a second, which no help text waits for.
    from fanfold.cli import backtest_text, tear_sheet_files  # noqa: PLC0415
    from fanfold.research import backtesting, result  # noqa: PLC0415

    done = backtesting.of_plan(planned, backtesting.Frictions(*terms))
    written = tear_sheet_files.write(done, planned.recordings, html, title) if html is not None else []
    document = result.document(done) | {"tear_sheets": [str(path) for path in written]}
    return Answer(document, [backtest_text.text_of(done), *(f"tear sheet    {path}" for path in written)])
