"""``fanfold run --live``: paper trading on a real venue's public bars, in step with the wall clock."""

import re
import time
from datetime import UTC, datetime

from rich.console import Console

from fanfold import desk
from fanfold.cli.argument_types import Options
from fanfold.cli.conclusion import RunSpan, conclude
from fanfold.cli.exit_codes import Exit
from fanfold.cli.recorded_run import alert_lines, deployed, print_start
from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.local import run_plan, spot_accounts, state_directory
from fanfold.local.driver import DeskRun, announce, environment, invoke
from fanfold.local.interrupt import Interrupt
from fanfold.local.run_plan import RunOptions
from fanfold.local.state_directory import RunRequest
from fanfold.performance.texts import moment
from fanfold.strategy import folder
from fanfold.venues.ccxt.venue import catalogue

MINUTE_S = 60
_SYMBOL = re.compile(r"[A-Z0-9]+/[A-Z0-9]+")
# A timer may ring early.
LATE_S = 0.2
FLUSH_EVERY = 15


def trade(options: Options, wanted: RunOptions, out: Console) -> int:
    """Trade until Ctrl-C, or for --minutes."""
    _refuse_unfit(wanted)
    symbols = [symbol.strip() for symbol in wanted.symbols.split(",") if symbol.strip()]
    if not symbols:
        raise BadInput("--live needs --symbols, such as --symbols BTC/USDT,ETH/USDT")
    wrong = [symbol for symbol in symbols if not _SYMBOL.fullmatch(symbol)]
    if wrong:
        raise BadInput(f"--symbols {wrong[0]!r} is not of the form BASE/QUOTE, such as BTC/USDT")
    folder.use(folder.chosen(wanted.strategies))
    traded = _desk(wanted, symbols, out)
    state = options.state.resolve()
    settings = environment(state, live=True, images=wanted.images)
    if wanted.origin:
        settings["VENUE_ORIGIN"] = wanted.origin
    request = RunRequest(
        desk=str(wanted.desk_file.resolve()),
        strategies=str(folder.in_use() or ""),
        live=wanted.live,
        begun=datetime.now(UTC).isoformat(),
    )
    begun = state_directory.begin(state, traded, request, overwrite=wanted.overwrite)
    with begun as (held, kept):
        print_start(state, kept, out)
        alerts = bool(traded.alerts)
        with deployed(state, settings, held, out, alerts=alerts) as cloud, announce(state, cloud):
            return _trade(DeskRun(cloud, state, alerts=alerts), traded, wanted, out, as_json=options.json)


def _refuse_unfit(wanted: RunOptions) -> None:
    """Raise BadInput for an option that a live market cannot honour, with what to do instead."""
    if wanted.resume:
        raise BadInput(
            "a live run cannot be continued, because the market moved on; start a new one without --continue"
        )
    if wanted.data or wanted.columns or wanted.since or wanted.until:
        raise BadInput("--data, --columns, --from and --until are for recorded bars; leave them out with --live")
    if wanted.stay:
        raise BadInput(
            "--stay is for recorded bars and the seeded market; run `fanfold serve` in a second terminal: "
            "its page shows the live run"
        )
    if wanted.speed not in {"max", "live"}:
        raise BadInput("--speed is for recorded bars and the seeded market; a live market has its own pace")


def _desk(wanted: RunOptions, symbols: list[str], out: Console) -> Desk:
    today = datetime.now(UTC).date().isoformat()
    rules = catalogue(wanted.live, symbols, today, wanted.origin)
    notes: list[str] = []
    raw = run_plan.live(wanted.desk_file, wanted.live, symbols, rules, notes, wanted.cash)
    run_plan.choose(raw, wanted.strategy, run_plan.params(wanted.param), notes)
    for note in notes:
        out.print(note, highlight=False, soft_wrap=True)
    built = desk.build(raw, wanted.desk_file.name)
    spot_accounts.refuse(built, wanted.desk_file.name)
    return built


def _trade(run: DeskRun, traded: Desk, wanted: RunOptions, out: Console, *, as_json: bool) -> int:
    stop = Interrupt()
    run.open_accounts(list(traded.accounts))
    first = _minute()
    # Here waiting costs nothing, so what an exchange finishes late is final at the first answer.
    grace_s = LATE_S + max(venue.grace_s for venue in traded.venues.values())
    out.print(f"trading {', '.join(_symbols(traded))} on paper; Ctrl-C ends it", highlight=False)
    done, alerts = 0, alert_lines(run)
    while not stop.requested and (wanted.minutes is None or done < wanted.minutes):
        missed = run.tick(time.time())
        done += 1
        state_directory.write_progress(run.state, _minute())
        _invoke_scheduled(run, done)
        for line in (f"{moment(_minute())}  {missed or 'polled'}", *alerts()):
            out.print(line, highlight=False, soft_wrap=True)
        if wanted.minutes is None or done < wanted.minutes:
            stop.wait(MINUTE_S + grace_s - time.time() % MINUTE_S)
    run.finish()
    short = wanted.minutes is not None and done < wanted.minutes
    pace = RunSpan(first, _minute(), done, "1m", done / max(1.0, time.time() - first), interrupted=short)
    code = conclude(run, traded, pace, out, as_json=as_json, verbose=wanted.verbose)
    return Exit.INTERRUPTED if stop.requested and wanted.minutes is not None else code


def _invoke_scheduled(run: DeskRun, done: int) -> None:
    """Invoke the functions that EventBridge schedules in the cloud."""
    run.sweep()
    if done % FLUSH_EVERY == 0:
        invoke(run.call, "audit", "flush", {})


def _minute() -> int:
    return int(time.time()) // MINUTE_S * MINUTE_S


def _symbols(traded: Desk) -> list[str]:
    return [symbol for venue in traded.venues.values() for symbol in venue.symbols]
