"""Choose params on one window, trade them on the next, and join what came of it.

Each train window tries every configuration of the grid; the best is traded on the test that follows. The efficiency is
what a year of tests earned over what a year of training did. docs/research.md says how windows are cut.

Example: fanfold walk-forward sma_cross --data BTCUSDT-1h.csv --grid slow=60:200:20 --train 180d --test 30d
Example: fanfold walk-forward sma_cross --data BTCUSDT-1h.csv --grid fast=5:50:5 --train 180d --test 30d --anchored
Example: fanfold walk-forward breakout --data BTCUSDT-1h.csv --grid entry=20:100:10 --purged-k-fold 5 --embargo 2d
"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fanfold.cli.argument_types import (
    Columns,
    Count,
    DataFiles,
    DeskFile,
    FirstClose,
    LastClose,
    MinutesMax,
    StartingCash,
    Strategies,
    StrategyParams,
)
from fanfold.cli.commands.backtest import Fees, Ignored, Latency, Slippage
from fanfold.cli.commands.sweep import Draw, GridOption, Html, Name, Seed, Timeframe
from fanfold.cli.output import Answer
from fanfold.cli.research_library import LibraryFolder, Tags
from fanfold.errors import BadInput
from fanfold.importers import columns as column_names
from fanfold.local.run_plan import RunOptions
from fanfold.strategy import folder

Train = Annotated[str, Parameter(metavar="LENGTH", help="how much is trained on, such as 180d")]
Test = Annotated[str, Parameter(metavar="LENGTH", help="how much is traded then, such as 30d")]
Anchored = Annotated[bool, Parameter(negative=(), help="train on all that is before a test")]
Folds = Annotated[Count, Parameter(name="--purged-k-fold", help="test each of N equal parts, and train on the others")]
Embargo = Annotated[str, Parameter(metavar="LENGTH", help="train on nothing for so long behind a test of a k-fold")]
Rank = Annotated[str, Parameter(metavar="FIGURE", help="choose params by this figure (sharpe)")]
Out = Annotated[Path | None, Parameter(metavar="FILE", help="write the trials of the tests as Parquet")]


def command(
    name: Name,
    /,
    *,
    grid: GridOption = None,
    random: Draw | None = None,
    seed: Seed = 7,
    train: Train = "",
    test: Test = "",
    anchored: Anchored = False,
    purged_k_fold: Folds | None = None,
    embargo: Embargo = "",
    rank: Rank = "sharpe",
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
    fees: Fees = None,
    slippage: Slippage = None,
    latency: Latency = 0,
    ignore_loss_limits: Ignored = False,
    out: Out = None,
    html: Html = None,
    library: LibraryFolder = None,
    tag: Tags = None,
) -> Answer:
    """Return the tests, and what they earned together."""
    known = folder.locate(name, strategies)
    if not grid:
        raise BadInput("name what is varied, such as --grid fast=10:50:5")
    wanted = RunOptions(desk=desk, data=data or (), columns=column_names.parse(columns), strategy=known,
                        param=param or (), cash=cash, since=since, until=until, minutes=minutes)  # fmt: skip
    from fanfold.cli import sweeping  # noqa: PLC0415 - it loads numba
    from fanfold.research.sweeping.planning import SweepOptions, grid_texts  # noqa: PLC0415 - as above
    from fanfold.research.sweeping.walk_splits import WalkOptions  # noqa: PLC0415 - as above

    options = SweepOptions(grid_texts(grid), random or 0, seed, timeframe=timeframe)
    walk = WalkOptions(train, test, anchored, purged_k_fold or 0, embargo, rank)
    frictions = fees, slippage, latency, ignore_loss_limits
    return sweeping.walked(wanted, options, walk, frictions, sweeping.WrittenFiles(out, html), library, tag or ())
