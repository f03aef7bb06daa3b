"""``fanfold run``: a desk on the embedded AWS, from nothing to a summary."""

import argparse
import signal
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fanfold.aws.dynamodb.views import DynamoViews
from fanfold.cli.argument_types import count, moment, money, speed
from fanfold.cli.commands.command import add_strategies
from fanfold.cli.conclusion import RunSpan, conclude
from fanfold.cli.conclusion import moment as text_of
from fanfold.cli.exit_codes import Exit
from fanfold.cli.idle_legs import LegWatch
from fanfold.errors import BadInput
from fanfold.importers import data_files
from fanfold.local import continuing, launcher, run_plan, state_directory
from fanfold.local.complaint import complain
from fanfold.local.driver import DeskRun, announced, emulator, environment
from fanfold.local.holding import alone
from fanfold.local.interrupt import Interrupt
from fanfold.local.launcher import Cloud
from fanfold.local.run_plan import RunPlan
from fanfold.local.session import table_name
from fanfold.market import timeframes
from fanfold.strategy import folder
from fanfold.venues import replay

# Bars from one look at the legs to the next: it takes a call an account.
LOOK_EVERY = 20
EXAMPLE = "example: fanfold run --data BTCUSDT-1m-2026-03.zip --strategy sma_cross --param fast=10 --param slow=50"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options and help of ``fanfold run``."""
    parser.description = "Trade recorded bars, the seeded market, or a live venue's public bars on paper."
    parser.epilog = EXAMPLE
    parser.add_argument("--desk", type=Path, metavar="FILE", help="the desk file (desk.toml)")
    parser.add_argument("--data", nargs="+", default=[], metavar="FILE", help="bars to trade: FILE or FILE=BASE/QUOTE")
    parser.add_argument("--live", metavar="EXCHANGE", help="poll a venue's public bars instead; needs internet")
    parser.add_argument("--symbols", default="", metavar="A/B,C/D", help="with --live: what to trade")
    parser.add_argument("--origin", default="", metavar="URL", help="with --live: a stand-in for the exchange's hosts")
    parser.add_argument("--strategy", metavar="NAME", help="trade one strategy: an instance, or a file's name")
    add_strategies(parser)
    parser.add_argument("--param", action="append", default=[], metavar="K=V", help="a param of that strategy")
    parser.add_argument("--cash", type=money, metavar="AMOUNT", help="starting cash of each account, in its currency")
    parser.add_argument("--from", dest="since", type=moment, metavar="TIME", help="first close to trade, ISO 8601")
    parser.add_argument("--until", type=moment, metavar="TIME", help="last close to trade, ISO 8601")
    parser.add_argument("--minutes", type=count, metavar="N", help="trade N minutes of market time at most")
    parser.add_argument("--speed", type=speed, default="max", help="max, live, or simulated minutes a second")
    parser.add_argument("--images", action="store_true", help="run the functions in the images of `make images`")
    parser.add_argument("--stay", action="store_true", help="keep the desk up after the run, until Ctrl-C")
    again = parser.add_mutually_exclusive_group()
    about = "go on with the run in the state directory: its desk, data, strategy and params are remembered"
    again.add_argument("--continue", dest="resume", action="store_true", help=about)
    about = "erase the run in the state directory; without it, that one is kept (`fanfold runs`)"
    again.add_argument("--overwrite", action="store_true", help=about)


def main(arguments: argparse.Namespace) -> int:
    """Trade; the exit code is FAILED where books, chain, dead letters or strategies are not as they should be."""
    out = Console(stderr=arguments.json)
    # Ended in any way, it stops what it started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if arguments.live:
        # It loads ccxt.
        from fanfold.cli.commands.run_live import main as run_live  # noqa: PLC0415

        return run_live(arguments, out)
    if arguments.symbols or arguments.origin:
        raise BadInput("--symbols and --origin go with --live; recorded bars say what they are")
    state: Path = arguments.state.resolve()
    try:
        return _continue(state, arguments, out) if arguments.resume else _start(state, arguments, out)
    except KeyboardInterrupt:
        complain("interrupted; what was started is stopped")
        return Exit.INTERRUPTED


def _start(state: Path, arguments: argparse.Namespace, out: Console) -> int:
    arguments.desk = arguments.desk or Path("desk.toml")
    folder.use(folder.chosen(arguments.strategies))
    plan = run_plan.plan(
        arguments.desk,
        arguments.data,
        arguments.strategy,
        run_plan.params(arguments.param),
        arguments.since,
        arguments.until,
        arguments.minutes,
        cash=arguments.cash,
    )
    _describe(plan, out)
    asked = continuing.asked_for(arguments, plan)
    with state_directory.begun(state, plan.desk, asked, overwrite=arguments.overwrite) as (held, kept):
        tell_start(state, kept, out)
        return _trade(state, plan, held, arguments, out)


def _continue(state: Path, arguments: argparse.Namespace, out: Console) -> int:
    state_directory.asked(state)
    with alone(state, "run") as held:
        plan, asked = continuing.continued(state, arguments)
        _describe(plan, out)
        state_directory.remember(state, asked)
        out.print(f"continues in {state} with {text_of(plan.start)}", soft_wrap=True, highlight=False)
        return _trade(state, plan, held, arguments, out)


def tell_start(state: Path, kept: Path | None, out: Console) -> None:
    """Say where the run is, and the one before."""
    if kept is not None:
        out.print(f"the run before is kept in {kept}", soft_wrap=True, highlight=False)
    out.print(f"starts clean in {state}", soft_wrap=True, highlight=False)


def deployed(cloud: Cloud, out: Console) -> None:
    """Deploy the six stacks, and say so."""
    began = time.monotonic()
    with out.status("deploying six stacks to the embedded AWS"):
        launcher.deploy(cloud, lambda _name: None)
    counts = ", ".join(f"{number} {what}" for what, number in launcher.check(cloud).items())
    out.print(f"deployed six stacks in {time.monotonic() - began:.0f} s: {counts}", highlight=False)


def _trade(state: Path, plan: RunPlan, held: int, arguments: argparse.Namespace, out: Console) -> int:
    replay.write(state / state_directory.RECORDINGS, plan.recordings)
    settings = environment(state, live=False, images=arguments.images)
    with emulator(state, settings, held) as cloud:
        if not arguments.resume:
            deployed(cloud, out)
        with announced(state, cloud):
            return _traded(DeskRun(cloud, state), plan, arguments, out)


def _traded(run: DeskRun, plan: RunPlan, arguments: argparse.Namespace, out: Console) -> int:
    stop = Interrupt()
    closes = range(plan.start, plan.until + 1, timeframes.seconds(_timeframe(plan)))
    run.set_clock(closes[0] - closes.step)
    run.open_accounts(list(plan.desk.accounts))
    state_directory.note(run.state, closes[0] - closes.step)
    began = time.monotonic()
    done = _replay(run, list(plan.desk.accounts), closes, _pause(arguments.speed, closes.step), stop, out)
    rate = done / (time.monotonic() - began)
    run.finish()
    last = closes[done - 1] if done else closes[0] - closes.step
    code = conclude(run, plan.desk, RunSpan(closes[0], last, done, _timeframe(plan), rate), out, as_json=arguments.json)
    if arguments.stay and not stop.asked:
        out.print(f"the desk stays up at {run.endpoint}; Ctrl-C ends it", highlight=False)
        stop.wait()
        return code
    return Exit.INTERRUPTED if stop.asked else code


def _replay(run: DeskRun, accounts: list[str], closes: range, pause_s: float, stop: Interrupt, out: Console) -> int:
    columns = (
        TextColumn("trading"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=out, transient=True) as progress:
        task = progress.add_task("", total=len(closes), rate="")
        began, legs = time.monotonic(), LegWatch(DynamoViews(run.call, table_name("views", run.stage)), accounts)

        def told(now: int) -> None:
            # A run that is killed goes on from here.
            state_directory.note(run.state, now)
            done = progress.tasks[0].completed + 1
            for line in legs.news() if done % LOOK_EVERY == 0 else ():
                progress.console.print(line, highlight=False, soft_wrap=True)
            progress.update(task, advance=1, rate=f"{done / (time.monotonic() - began):.1f} bars/s  {text_of(now)}")

        return run.replay(closes, pause_s, told, stop)


def _describe(plan: RunPlan, out: Console) -> None:
    for line in (line for file in plan.files for line in data_files.describe(file)):
        out.print(line, highlight=False, soft_wrap=True)
    for note in plan.notes:
        out.print(note, highlight=False, soft_wrap=True)


def _timeframe(plan: RunPlan) -> str:
    """The shortest bars that a venue has."""
    return min((venue.timeframe for venue in plan.desk.venues.values()), key=timeframes.seconds)


def _pause(asked: str | float, length: int) -> float:
    if asked == "max":
        return 0.0
    return float(length) if asked == "live" else length / 60 / float(asked)
