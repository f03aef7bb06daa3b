"""Trade recorded bars or the seeded market on the embedded AWS."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from itertools import chain
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fanfold.aws.dynamodb.alert_table import DynamoAlerts
from fanfold.aws.dynamodb.table import Table
from fanfold.aws.dynamodb.views import DynamoViews
from fanfold.cli.alert_lines import AlertLines
from fanfold.cli.argument_types import Options
from fanfold.cli.conclusion import RunSpan, conclude
from fanfold.cli.exit_codes import Exit
from fanfold.cli.idle_legs import LegWatch
from fanfold.cli.page_gateway import gateway_of
from fanfold.cli.planned_run import describe, read_plan
from fanfold.deployment import ALERTS, SERVICES
from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.local import continuing, deployment_cache, http_gateway, launcher, state_directory
from fanfold.local.directory_lock import holder, lock_directory
from fanfold.local.driver import DeskRun, announce, emulator, environment
from fanfold.local.interrupt import Interrupt
from fanfold.local.launcher import Cloud
from fanfold.local.run_plan import RunOptions, RunPlan
from fanfold.local.session import LocalSession, table_name
from fanfold.market import timeframes
from fanfold.performance.texts import moment
from fanfold.strategy import folder
from fanfold.venues import replay

# The platform's stack and one for each service.
STACKS = 1 + len(SERVICES)
# Bars from one look at the legs to the next: it takes a call an account.
LOOK_EVERY = 20
# Bars between two flushes into the lake while a desk stays up.
FLUSH_EVERY = 60
# Where no terminal shows a bar, a line says how far it got.
LINE_EVERY_S = 30


def trade(options: Options, wanted: RunOptions, out: Console) -> int:
    """Start a run, or continue that of the state directory; return the exit code."""
    state = options.state.resolve()
    if wanted.resume:
        return _continue(state, wanted, out, as_json=options.json)
    return _start(state, wanted, out, as_json=options.json)


def _start(state: Path, wanted: RunOptions, out: Console, *, as_json: bool) -> int:
    folder.use(folder.chosen(wanted.strategies))
    plan = read_plan(wanted)
    describe(plan, out)
    settings = environment(state, live=False, images=wanted.images)
    request = continuing.request_of(wanted, plan)
    with state_directory.begin(state, plan.desk, request, overwrite=wanted.overwrite) as (held, kept):
        print_start(state, kept, out)
        return _trade(state, plan, held, settings, wanted, out, as_json=as_json)


def _continue(state: Path, wanted: RunOptions, out: Console, *, as_json: bool) -> int:
    _check_nobody_runs(state)
    state_directory.read_request(state)
    with lock_directory(state, "run") as held:
        plan, request = continuing.continued(state, wanted)
        describe(plan, out)
        settings = environment(state, live=False, images=wanted.images)
        state_directory.write_request(state, request)
        out.print(f"continues in {state} with {moment(plan.start)}", soft_wrap=True, highlight=False)
        return _trade(state, plan, held, settings, wanted, out, as_json=as_json)


def _check_nobody_runs(state: Path) -> None:
    """Raise BadInput where a run is under way: one that has just begun has nothing yet that could continue."""
    other = holder(state)
    if other and other.command == "run" and other.alive:
        raise BadInput(f"a desk is running in {state} ({other}): end it first, or name another with --state")


def print_start(state: Path, kept: Path | None, out: Console) -> None:
    """Print the directory of the run, and of the one before."""
    if kept is not None:
        out.print(f"the run before is kept in {kept}", soft_wrap=True, highlight=False)
    out.print(f"starts clean in {state}", soft_wrap=True, highlight=False)


@contextmanager
def deployed(state: Path, settings: dict[str, str], held: int, out: Console, *, alerts: bool) -> Iterator[Cloud]:
    """Run an embedded AWS that has the desk's stacks until the block ends; deploy them if no run did so before.

    ``alerts`` says that the desk has channels, and so the stack that tells them.
    """
    as_before = deployment_cache.copy_to(state)
    with emulator(state, settings, held) as cloud:
        if as_before:
            out.print("starts from the stacks that were deployed before: they are the same", highlight=False)
        else:
            _deploy(cloud, out)
            deployment_cache.store(cloud, state)
        if alerts:
            with out.status("deploying the stack of alerts"):
                launcher.deploy_optional(cloud, ALERTS)
        yield cloud


def _deploy(cloud: Cloud, out: Console) -> None:
    began = time.monotonic()
    with out.status(f"deploying {STACKS} stacks to the embedded AWS"):
        counts = launcher.deploy(cloud, lambda _name: None)
    what = ", ".join(f"{number} {name}" for name, number in counts.items())
    out.print(f"deployed {STACKS} stacks in {time.monotonic() - began:.0f} s: {what}", highlight=False)


def _trade(
    state: Path,
    plan: RunPlan,
    held: int,
    settings: dict[str, str],
    wanted: RunOptions,
    out: Console,
    *,
    as_json: bool,
) -> int:
    replay.write(state / state_directory.RECORDINGS, plan.recordings)
    alerts = bool(plan.desk.alerts)
    fresh = deployed(state, settings, held, out, alerts=alerts)
    with emulator(state, settings, held) if wanted.resume else fresh as cloud, announce(state, cloud):
        run, stop = DeskRun(cloud, state, alerts=alerts), Interrupt()
        run.set_clock(plan.start - timeframes.seconds(plan.desk.shortest_timeframe))
        session = LocalSession(state, cloud, plan.desk, running=True)
        with _page(session, out) if wanted.stay else nullcontext():
            return _traded(run, plan, wanted, stop, out, as_json=as_json)


@contextmanager
def _page(session: LocalSession, out: Console) -> Iterator[None]:
    """Serve the page until the block ends, and say where it is."""
    with http_gateway.served(gateway_of(session, None, control=True), http_gateway.PORT) as url:
        who = "whoever is on this machine may read, halt and resume"
        out.print(f"the page is at {url}/ ({who})", highlight=False, soft_wrap=True)
        yield


def _traded(run: DeskRun, plan: RunPlan, wanted: RunOptions, stop: Interrupt, out: Console, *, as_json: bool) -> int:
    closes = range(plan.start, plan.until + 1, timeframes.seconds(plan.desk.shortest_timeframe))
    run.open_accounts(list(plan.desk.accounts))
    state_directory.write_progress(run.state, closes[0] - closes.step)
    began = time.monotonic()
    done = _replay(run, plan.desk, closes, _pause(wanted.speed, closes.step), stop, out)
    rate = done / (time.monotonic() - began)
    run.finish()
    last = closes[done - 1] if done else closes[0] - closes.step
    pace = RunSpan(closes[0], last, done, plan.desk.shortest_timeframe, rate, interrupted=done < len(closes))
    code = conclude(run, plan.desk, pace, out, as_json=as_json, verbose=wanted.verbose)
    if wanted.stay and not stop.requested:
        _stay(run, plan, stop, out)
        return code
    return Exit.INTERRUPTED if stop.requested else code


def _stay(run: DeskRun, plan: RunPlan, stop: Interrupt, out: Console) -> None:
    """Keep the desk up until Ctrl-C; the seeded market goes on meanwhile, at a pace that people can follow."""
    length = timeframes.seconds(plan.desk.shortest_timeframe)
    last = 0 if plan.files else max(recording.closes_at_s(-1) for recording in plan.recordings)
    goes_on = ", and its market goes on, a minute a second" if last > plan.until else ""
    out.print(f"the desk stays up, its AWS at {run.endpoint}{goes_on}; Ctrl-C ends it", highlight=False, soft_wrap=True)
    for first in range(plan.until + length, last + 1, FLUSH_EVERY * length):
        closes = range(first, min(first + FLUSH_EVERY * length, last + 1), length)
        _replay(run, plan.desk, closes, length / 60, stop, out)
        run.finish()
        if stop.requested:
            return
    stop.wait()


def _replay(run: DeskRun, desk: Desk, closes: range, pause_s: float, stop: Interrupt, out: Console) -> int:
    columns = (
        TextColumn("trading"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=out, transient=True) as progress:
        task = progress.add_task("", total=len(closes), rate="")
        began = line_at = time.monotonic()
        legs, alerts = LegWatch(DynamoViews(run.call, table_name("views", run.stage)), desk), alert_lines(run)

        def traded_through(now: int) -> None:
            nonlocal line_at
            # A run that is killed goes on from here.
            state_directory.write_progress(run.state, now)
            done = progress.tasks[0].completed + 1
            for line in chain(legs.news() if done % LOOK_EVERY == 0 else (), alerts()):
                progress.console.print(line, highlight=False, soft_wrap=True)
            rate = f"{done / (time.monotonic() - began):.1f} bars/s  {moment(now)}"
            progress.update(task, advance=1, rate=rate)
            if not out.is_terminal and time.monotonic() - line_at >= LINE_EVERY_S:
                line_at = time.monotonic()
                out.print(f"{done:,} of {len(closes):,} bars  {rate}", highlight=False)

        return run.replay(closes, pause_s, traded_through, stop)


def alert_lines(run: DeskRun) -> Callable[[], Iterator[str]]:
    """Return what reads the news of alerts; there are none where no channel is named."""
    if not run.alerts:
        return lambda: iter(())
    return AlertLines(DynamoAlerts(Table(run.call, table_name("alerts", run.stage)))).news


def _pause(speed: str | float, length_s: int) -> float:
    if speed == "max":
        return 0.0
    return float(length_s) if speed == "live" else length_s / 60 / float(speed)
