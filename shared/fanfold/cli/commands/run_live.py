"""``fanfold run --live``: paper trading on a real venue's public bars, in step with the wall clock."""

import argparse
import time
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from fanfold import desk
from fanfold.cli.commands.run import deployed, tell_start
from fanfold.cli.conclusion import RunSpan, conclude, moment
from fanfold.cli.exit_codes import Exit
from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.local import run_plan, state_directory
from fanfold.local.driver import DeskRun, announced, emulator, environment, invoke
from fanfold.local.interrupt import Interrupt
from fanfold.local.state_directory import Asked
from fanfold.strategy import folder
from fanfold.venues.ccxt.venue import catalogue

MINUTE_S = 60
# A timer may ring early.
LATE_S = 0.2
FLUSH_EVERY = 15


def main(arguments: argparse.Namespace, out: Console) -> int:
    """Trade until Ctrl-C, or for --minutes."""
    if arguments.data or arguments.since or arguments.until or arguments.resume:
        raise BadInput("--live goes with --symbols, --strategy, --param and --minutes, not with recorded bars")
    arguments.desk = arguments.desk or Path("desk.toml")
    symbols = [symbol.strip() for symbol in arguments.symbols.split(",") if symbol.strip()]
    if not symbols:
        raise BadInput("--live needs --symbols, such as --symbols BTC/USDT,ETH/USDT")
    folder.use(folder.chosen(arguments.strategies))
    traded = _desk(arguments, symbols, out)
    state: Path = arguments.state.resolve()
    settings = environment(state, live=True, images=arguments.images)
    if arguments.origin:
        settings["VENUE_ORIGIN"] = arguments.origin
    asked = Asked(
        desk=str(arguments.desk.resolve()),
        strategies=str(folder.in_use() or ""),
        live=arguments.live,
        begun=datetime.now(UTC).isoformat(),
    )
    begun = state_directory.begun(state, traded, asked, overwrite=arguments.overwrite)
    with begun as (held, kept), emulator(state, settings, held) as cloud:
        tell_start(state, kept, out)
        deployed(cloud, out)
        with announced(state, cloud):
            return _trade(DeskRun(cloud, state), traded, arguments, out)


def _desk(arguments: argparse.Namespace, symbols: list[str], out: Console) -> Desk:
    today = datetime.now(UTC).date().isoformat()
    rules = catalogue(arguments.live, symbols, today, arguments.origin)
    notes: list[str] = []
    raw = run_plan.live(arguments.desk, arguments.live, symbols, rules, notes, arguments.cash)
    run_plan.choose(raw, arguments.strategy, run_plan.params(arguments.param), notes)
    for note in notes:
        out.print(note, highlight=False, soft_wrap=True)
    return desk.build(raw, arguments.desk.name)


def _trade(run: DeskRun, traded: Desk, arguments: argparse.Namespace, out: Console) -> int:
    stop = Interrupt()
    run.open_accounts(list(traded.accounts))
    first = _minute()
    # Here waiting costs nothing, so what an exchange finishes late is final at the first answer.
    grace_s = LATE_S + max(venue.grace_s for venue in traded.venues.values())
    out.print(f"trading {', '.join(_symbols(traded))} on paper; Ctrl-C ends it", highlight=False)
    done = 0
    while not stop.asked and (arguments.minutes is None or done < arguments.minutes):
        run.tick()
        done += 1
        state_directory.note(run.state, _minute())
        _keep_house(run, done)
        out.print(f"{moment(_minute())}  polled", highlight=False)
        if arguments.minutes is None or done < arguments.minutes:
            stop.wait(MINUTE_S + grace_s - time.time() % MINUTE_S)
    run.finish()
    pace = RunSpan(first, _minute(), done, "1m", done / max(1.0, time.time() - first))
    code = conclude(run, traded, pace, out, as_json=arguments.json)
    return Exit.INTERRUPTED if stop.asked and arguments.minutes is not None else code


def _keep_house(run: DeskRun, done: int) -> None:
    """What EventBridge does in the cloud."""
    invoke(run.call, "risk", "sweep", {})
    invoke(run.call, "execution", "sweep", {})
    if done % FLUSH_EVERY == 0:
        invoke(run.call, "audit", "flush", {})


def _minute() -> int:
    return int(time.time()) // MINUTE_S * MINUTE_S


def _symbols(traded: Desk) -> list[str]:
    return [symbol for venue in traded.venues.values() for symbol in venue.symbols]
