"""Trade on the embedded AWS, from nothing to a summary.

Trade recorded bars, the seeded market, or the public bars of a real exchange, always on paper: no real order is sent.

Example: fanfold run
Example: fanfold run --data BTCUSDT-1m-2026-03.zip --strategy sma_cross --param fast=10 --param slow=50
Example: fanfold run --data BTCUSDT-1h.csv --strategy strategies/my_dip.py
Example: fanfold run --exchange box --faults storm --seed 7
Example: fanfold run --live binance --symbols BTC/USDT,ETH/USDT --minutes 60
"""

import signal
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from fanfold.cli import recorded_run
from fanfold.cli.argument_types import (
    Columns,
    Count,
    DataFiles,
    DeskFile,
    FirstClose,
    LastClose,
    MinutesMax,
    Options,
    Shared,
    StartingCash,
    Strategies,
    StrategyParams,
    only_one,
    read_by,
    read_speed,
)
from fanfold.cli.exit_codes import DESK, Exit
from fanfold.errors import BadInput
from fanfold.importers import columns as column_names
from fanfold.local.error_output import print_error
from fanfold.local.run_plan import RunOptions
from fanfold.strategy import folder

EXITS = (Exit.FAILED, *DESK)
_AGAIN = only_one()

Live = Annotated[
    str,
    Parameter(
        metavar="EXCHANGE", help="paper-trade an exchange's public bars as they close; such a run cannot be continued"
    ),
]
Symbols = Annotated[str, Parameter(metavar="A/B,C/D", help="with --live: what to trade")]
Origin = Annotated[str, Parameter(metavar="URL", help="with --live: a stand-in for the exchange's hosts")]
Exchange = Annotated[
    str,
    Parameter(
        metavar="box",
        help="`box`: send orders through the code of live trading to a simulated exchange here, with play money",
    ),
]
Faults = Annotated[
    str, Parameter(metavar="PLAN", help="with --exchange: none, storm, or a fault by its name, see docs/exchange.md")
]
Seed = Annotated[int, Parameter(metavar="N", help="with --exchange: draws its faults, and the moments of --kills")]
Kills = Annotated[
    Count, Parameter(help="with --exchange: kill the process that executes N times, while it works (SIGKILL)")
]
Strategy = Annotated[
    str | None,
    Parameter(
        metavar="NAME",
        help="trade one strategy: an instance of the desk, or one by name or file, with all cash and wider limits",
    ),
]
Speed = Annotated[
    str | float,
    Parameter(
        metavar="SPEED",
        converter=read_by(read_speed),
        help="max, live (the market's own pace), or simulated minutes a second",
    ),
]
Images = Annotated[bool, Parameter(help="run the functions in the images of `make images`")]
Stay = Annotated[
    bool,
    Parameter(
        help="serve the page, and stay up after the run until Ctrl-C; the seeded market continues, a minute a second; "
        "not with --live"
    ),
]
Continue = Annotated[
    bool,
    Parameter(
        name="--continue",
        group=_AGAIN,
        help="continue the run in the state directory, on recorded bars or the seeded market: its desk, data, strategy "
        "and params are remembered",
    ),
]
Overwrite = Annotated[
    bool,
    Parameter(group=_AGAIN, help="erase the run in the state directory; without it, that one is kept (`fanfold runs`)"),
]

Verbose = Annotated[bool, Parameter(help="also print what an engineer asks for: speed, messages, tick to order")]


def command(
    *,
    options: Shared,
    desk: DeskFile | None = None,
    data: DataFiles = None,
    columns: Columns = "",
    live: Live = "",
    symbols: Symbols = "",
    origin: Origin = "",
    exchange: Exchange = "",
    faults: Faults = "none",
    seed: Seed = 7,
    kills: Kills = 0,
    strategy: Strategy = None,
    strategies: Strategies = None,
    param: StrategyParams = None,
    cash: StartingCash = None,
    since: FirstClose = None,
    until: LastClose = None,
    minutes: MinutesMax = None,
    speed: Speed = "max",
    images: Images = False,
    stay: Stay = False,
    resume: Continue = False,
    overwrite: Overwrite = False,
    verbose: Verbose = False,
) -> int:
    """Trade; a failure where books, chain, dead letters or strategies are not as they should be."""
    if strategy is not None:
        strategy, strategies = folder.of_file(strategy, strategies)
    mapping = column_names.parse(columns)
    wanted = RunOptions(desk=desk, data=data or (), columns=mapping, live=live, symbols=symbols, origin=origin,
                        exchange=exchange, faults=faults, seed=seed, kills=kills, strategy=strategy,
                        strategies=strategies, param=param or (), cash=cash, since=since, until=until,
                        minutes=minutes, speed=speed, images=images, stay=stay, resume=resume,
                        overwrite=overwrite, verbose=verbose)  # fmt: skip
    # However it ends, it stops what it started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return _trade(options, wanted, Console(stderr=options.json))


def _trade(options: Options, wanted: RunOptions, out: Console) -> int:
    """Trade where the options say: at the simulated exchange, on a venue's bars, or on recorded ones."""
    if wanted.exchange:
        from fanfold.cli import box_run  # noqa: PLC0415 - it loads a web server

        return box_run.trade(options, wanted, out)
    if wanted.faults != "none" or wanted.kills:
        raise BadInput("--faults and --kills go with --exchange box: a run on paper has none")
    if wanted.live:
        from fanfold.cli import live_run  # noqa: PLC0415 - it loads ccxt

        return live_run.trade(options, wanted, out)
    if wanted.symbols or wanted.origin:
        raise BadInput("--symbols and --origin go with --live; recorded bars say what they are")
    try:
        return recorded_run.trade(options, wanted, out)
    except KeyboardInterrupt:
        print_error("interrupted; what was started is stopped")
        return Exit.INTERRUPTED
