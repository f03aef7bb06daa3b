"""Trade every configuration of a grid of params, on all cores, and rank them.

A trial earns what `fanfold backtest` earns with its params, to the last digit. Ctrl-C keeps what is done, and the same
command continues from there. docs/research.md says what a trial is, and which figures there are.

Example: fanfold sweep sma_cross --grid fast=5:50:5 --grid slow=60:200:20
Example: fanfold sweep sma_cross --data BTCUSDT-1m.zip --grid fast=10,20 --grid slow=50:200:10 --windows 30d
Example: fanfold sweep sma_cross --data BTCUSDT-1m.zip --grid fast=2:100:1 --grid slow=20:500:5 --random 500 --seed 3
Example: fanfold sweep sma_cross --data BTCUSDT-1m.zip --grid fast=2:100:1 --grid slow=20:500:5 --optuna 200
Example: fanfold sweep sma_cross --grid fast=5:50:5 --grid slow=60:200:20 --html sweep.html
Example: fanfold sweep breakout --data *.zip --instruments each --grid entry=20:100:20 --rank calmar
"""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from fanfold.cli.argument_types import (
    Columns,
    Count,
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
from fanfold.cli.commands.backtest import Fees, Ignored, Latency, Slippage
from fanfold.cli.output import Answer
from fanfold.cli.research_library import LibraryFolder, Tags
from fanfold.errors import BadInput
from fanfold.importers import columns as column_names
from fanfold.local.run_plan import RunOptions
from fanfold.strategy import folder

Name = Annotated[str, Parameter(metavar="STRATEGY", help="an instance, a strategy's name, or its file")]
GridOption = Annotated[
    list[str] | None, Parameter(name="--grid", metavar="K=V", help="values of a param: fast=10:50:5 or fast=10,20,50")
]
Draw = Annotated[Count, Parameter(name="--random", help="draw N configurations of the grid, in place of all")]
Search = Annotated[Count, Parameter(name="--optuna", help="let Optuna choose N configurations, to improve --rank")]
Seed = Annotated[int, Parameter(metavar="N", converter=read_by(read_whole), help="draws or searches (7)")]
Timeframe = Annotated[str, Parameter(metavar="LENGTH", help="the bars that the strategy steps on, such as 15m")]
Instruments = Annotated[
    Literal["each", "all"], Parameter(help="trade each instrument alone, or all of one account (all)")
]
Windows = Annotated[str, Parameter(metavar="N|LENGTH", help="trade N equal windows apart, or windows such as 30d")]
Quantity = Annotated[Money, Parameter(metavar="AMOUNT", help="hold so much at a weight of 1, without desk limits")]
Rank = Annotated[str, Parameter(metavar="FIGURE", help="rank the trials by this figure (sharpe)")]
OnStage = Annotated[str, Parameter(metavar="NAME", help="trade on this stage's AWS account, in place of this machine")]
Agreed = Annotated[bool, Parameter(negative=(), help="start on a stage without asking about its price")]
CostMax = Annotated[Money, Parameter(metavar="USD", help="start nothing on a stage that costs more")]
Out = Annotated[Path | None, Parameter(metavar="FILE", help="write a row a trial as Parquet")]
Html = Annotated[Path | None, Parameter(metavar="FILE", help="write a page, and its numbers beside it as JSON")]
HeatMapOf = Annotated[str, Parameter(metavar="K,K", help="the params of the page's first heat map, down and across")]


def command(
    name: Name,
    /,
    *,
    grid: GridOption = None,
    random: Draw | None = None,
    optuna: Search | None = None,
    seed: Seed = 7,
    desk: DeskFile | None = None,
    data: DataFiles = None,
    columns: Columns = "",
    strategies: Strategies = None,
    param: StrategyParams = None,
    cash: StartingCash = None,
    since: FirstClose = None,
    until: LastClose = None,
    minutes: MinutesMax = None,
    timeframe: Timeframe = "",
    instruments: Instruments = "all",
    windows: Windows = "",
    quantity: Quantity = None,
    fees: Fees = None,
    slippage: Slippage = None,
    latency: Latency = 0,
    ignore_loss_limits: Ignored = False,
    rank: Rank = "sharpe",
    out: Out = None,
    html: Html = None,
    heat_map: HeatMapOf = "",
    library: LibraryFolder = None,
    tag: Tags = None,
    stage: OnStage = "",
    yes: Agreed = False,
    cost_max: CostMax = None,
) -> Answer:
    """Return the trials, the best first."""
    if not grid:
        raise BadInput("name what is varied, such as --grid fast=10:50:5")
    known = folder.locate(name, strategies)
    wanted = RunOptions(desk=desk, data=data or (), columns=column_names.parse(columns), strategy=known,
                        param=param or (), cash=cash, since=since, until=until, minutes=minutes)  # fmt: skip
    from fanfold.cli import sweeping  # noqa: PLC0415 - it loads numba
    from fanfold.cli.stage_sweeps import StageTerms  # noqa: PLC0415 - as above
    from fanfold.research.sweeping.planning import SweepOptions, grid_texts  # noqa: PLC0415 - as above

    options = SweepOptions(grid_texts(grid), random or 0, seed, optuna or 0, timeframe, instruments, windows, quantity)
    files, on_stage = sweeping.WrittenFiles(out, html, heat_map), StageTerms(stage, yes, cost_max) if stage else None
    return sweeping.swept(
        wanted, options, (fees, slippage, latency, ignore_loss_limits), rank, files, library, tag or (), on_stage
    )
