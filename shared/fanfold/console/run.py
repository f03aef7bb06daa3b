"""``fanfold run``: a desk on the embedded AWS, from nothing to a summary."""

import argparse
import json
import shutil
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fanfold import audit_chain, desk, timeframes
from fanfold.audit_verdict import Verdict
from fanfold.audit_verdict import verify as verify_chain
from fanfold.aws import ledger
from fanfold.aws.log import S3Log
from fanfold.aws.tables import Table
from fanfold.aws.views import DynamoViews
from fanfold.console import datafiles, run_plan
from fanfold.console.argument_types import count, moment, speed
from fanfold.console.cloud import launcher
from fanfold.console.desk_run import DeskRun, environment, started
from fanfold.console.run_plan import Plan
from fanfold.console.summary import Books, Summary, Tally, books, document, lines, percentile
from fanfold.desk import Desk
from fanfold.refusals import BadInput
from fanfold.venues import replay

MARKER = "fanfold-state"
EXAMPLE = "example: fanfold run --data BTCUSDT-1m-2026-03.zip --strategy sma_cross --param fast=10 --param slow=50"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options and help of ``fanfold run``."""
    parser.description = "Trade recorded bars, the seeded market, or a live venue's public bars on paper."
    parser.epilog = EXAMPLE
    parser.add_argument("--desk", type=Path, default=Path("desk.toml"), metavar="FILE", help="the desk file")
    parser.add_argument("--data", nargs="+", default=[], metavar="FILE", help="bars to trade: FILE or FILE=BASE/QUOTE")
    parser.add_argument("--live", metavar="EXCHANGE", help="poll a venue's public bars instead; needs internet")
    parser.add_argument("--symbols", default="", help="with --live: instruments, such as BTC/USDT,ETH/USDT")
    parser.add_argument("--strategy", metavar="NAME", help="trade one strategy: an instance of the desk, or a module")
    parser.add_argument("--param", action="append", default=[], metavar="K=V", help="a param of that strategy")
    parser.add_argument("--from", dest="since", type=moment, metavar="TIME", help="first close to trade, ISO 8601")
    parser.add_argument("--until", type=moment, metavar="TIME", help="last close to trade, ISO 8601")
    parser.add_argument("--minutes", type=count, metavar="N", help="trade N minutes at most")
    parser.add_argument("--speed", type=speed, default="max", help="max, live, or simulated minutes a second")
    parser.add_argument("--stay", action="store_true", help="keep the desk up after the run, until Ctrl-C")
    parser.add_argument("--continue", dest="resume", action="store_true", help="go on from what the state holds")


def main(arguments: argparse.Namespace) -> int:
    """The exit code: 0, or 1 where the books, the chain or the dead letters are not as they should be."""
    state: Path = arguments.state.resolve()
    out = Console(stderr=arguments.json)
    if arguments.live:
        from fanfold.console.run_live import main as run_live  # noqa: PLC0415 - it loads ccxt

        return run_live(arguments, state, out)
    plan = run_plan.plan(
        arguments.desk, arguments.data, arguments.strategy, params(arguments.param), arguments.since, arguments.until,
        arguments.minutes,
    )
    _describe(plan, out)
    length = timeframes.seconds(plan.recordings[0].timeframe)
    first = prepare(state, plan, resume=arguments.resume, length=length, out=out)
    closes = range(first, plan.until + 1, length)
    stop = Interrupt()
    with started(state, environment(state, live=False)) as cloud:
        if not arguments.resume:
            _deploy(cloud, out)
        run = DeskRun(cloud, state)
        run.set_clock(closes[0] - length if closes else plan.until)
        run.open_accounts(list(plan.desk.accounts))
        began = time.monotonic()
        done = _replay(run, closes, _pause(arguments.speed, length), stop, out)
        rate = done / (time.monotonic() - began) if done else 0.0
        run.finish()
        (state / "progress.json").write_text(json.dumps({"through": closes[done - 1] if done else first - length}))
        code = conclude(run, cloud, plan.desk, done, rate, out, as_json=arguments.json)
        if arguments.stay and not stop.asked:
            out.print(f"the desk stays up at {cloud.endpoint}; Ctrl-C ends it")
            stop.wait()
    return 130 if stop.asked and not arguments.stay else code


class Interrupt:
    """Ctrl-C: the minute under way is finished, then the run is concluded; a second one ends it at once."""

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGINT, self._ask)
        signal.signal(signal.SIGTERM, self._ask)

    def __call__(self) -> bool:
        return self.asked

    def wait(self) -> None:
        while not self.asked:
            time.sleep(0.1)

    def _ask(self, _signal: int, _frame: object) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


def prepare(state: Path, plan: Plan, *, resume: bool, length: int, out: Console) -> int:
    """Lay out the state directory; the first close to trade."""
    if resume:
        progress = state / "progress.json"
        if not progress.exists():
            raise BadInput(f"{state} holds no run to continue; leave --continue out to start one")
        first = int(json.loads(progress.read_text())["through"]) + length
        out.print(f"continues the run in {state} from {_text(first)}")
    else:
        clean(state)
        first = plan.start
        out.print(f"starts clean in {state}")
    replay.write(state / "recordings", plan.recordings)
    (state / "desk.json").write_bytes(desk.dump(plan.desk))
    return first


def clean(state: Path) -> None:
    """Empty a state directory that is ours; never one that is not."""
    if state.exists() and any(state.iterdir()) and not (state / MARKER).exists():
        raise BadInput(f"{state} is not empty and not a state directory of fanfold; name another with --state")
    if (state / "run.json").exists():
        _refuse_running(state)
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir(parents=True)
    (state / MARKER).write_text("The state of a local desk. It may be deleted whenever no run is under way.\n")


def conclude(
    run: DeskRun, cloud: launcher.Cloud, traded: Desk, minutes: int, rate: float, out: Console, *, as_json: bool
) -> int:
    """Verify the chain, compute the books again from it, print the summary."""
    verdicts, tally = audit(run, traded)
    table = Table(run.call, f"fanfold-{launcher.STAGE}-ledger")
    cash = {name: _cash(table, name) for name in traded.accounts}
    found = books(traded, tally, cash)
    summary = _summary(tally, found, verdicts, run.dead_letters(), minutes, rate)
    if as_json:
        print(json.dumps(document(summary)))
    else:
        _print(summary, found, verdicts, out)
    sound = summary.books_balance and summary.audit_verified and not summary.dead_letters
    return 0 if sound else 1


def audit(run: DeskRun, traded: Desk) -> tuple[list[Verdict], Tally]:
    """Every chain verified, and what is in them."""
    log, views = S3Log(run.call, f"fanfold-{launcher.STAGE}-audit"), DynamoViews(run.call, f"fanfold-{launcher.STAGE}-views")
    tally = Tally(traded)
    heads = {head.stream: head for head in views.heads()}
    verdicts = []
    # The venues first: prices are there when the accounts' fills are marked.
    for stream in sorted(heads, key=lambda name: (not name.startswith("market-"), name)):
        segments = _told(log, stream, tally)
        verdicts.append(verify_chain(stream, heads[stream], segments))
    return verdicts, tally


def params(given: list[str]) -> dict[str, str]:
    """``k=v`` pairs as a mapping."""
    wrong = [one for one in given if "=" not in one]
    if wrong:
        raise BadInput(f"--param {wrong[0]!r} is not of the form name=value, such as fast=10")
    return dict(one.split("=", 1) for one in given)


def _told(log: S3Log, stream: str, tally: Tally) -> Any:
    for key, body in log.segments(stream):
        for line in body.splitlines():
            tally.take(audit_chain.read(line))
        yield key, body


def _replay(run: DeskRun, closes: range, pause_s: float, stop: Interrupt, out: Console) -> int:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
               TimeRemainingColumn())
    with Progress(*columns, console=out, transient=True) as progress:
        task = progress.add_task("trading", total=len(closes), rate="")
        began = time.monotonic()

        def told(now: int) -> None:
            done = progress.tasks[0].completed + 1
            rate = f"{done / (time.monotonic() - began):.1f} min/s  {_text(now)}"
            progress.update(task, advance=1, rate=rate)

        return run.replay(closes, pause_s, told, stop)


def _deploy(cloud: launcher.Cloud, out: Console) -> None:
    with out.status("deploying six stacks to the embedded AWS"):
        began = time.monotonic()
        launcher.deploy(cloud, lambda _name: None)
        counts = launcher.check(cloud)
    out.print(f"deployed six stacks in {time.monotonic() - began:.0f} s: "
              + ", ".join(f"{count} {what}" for what, count in counts.items()))


def _describe(plan: Plan, out: Console) -> None:
    for file in plan.files:
        for line in datafiles.describe(file):
            out.print(line, highlight=False)
    for note in plan.notes:
        out.print(note, highlight=False)


def _summary(
    tally: Tally, found: Books, verdicts: list[Verdict], dead_letters: int, minutes: int, rate: float
) -> Summary:
    latencies = tally.latencies_ms()
    times = sorted(tally.closes)
    return Summary(
        bars=tally.bars,
        signals=tally.signals,
        orders=tally.orders,
        refused=sum(tally.refusals.values()),
        refusals=dict(tally.refusals),
        refusal_example=tally.example,
        fills=len(tally.fills),
        fees=found.fees,
        equity=found.equity,
        total_return=found.total_return,
        drawdown=found.drawdown,
        realised=found.realised,
        unrealised=found.unrealised,
        cash=found.cash,
        messages=dict(tally.messages),
        defects=dict(tally.defects),
        dead_letters=dead_letters,
        latency_ms_p50=percentile(latencies, 0.5),
        latency_ms_p99=percentile(latencies, 0.99),
        audit_records=sum(verdict.records for verdict in verdicts),
        audit_verified=all(verdict.kind == "sound" and not verdict.pending for verdict in verdicts),
        books_balance=found.balance and found.ledger_agrees,
        minutes=minutes,
        minutes_per_second=round(rate, 2),
        first=_text(times[0]) if times else "",
        last=_text(times[-1]) if times else "",
    )


def _print(summary: Summary, found: Books, verdicts: list[Verdict], out: Console) -> None:
    out.print()
    for label, value in lines(summary):
        out.print(f"{label:<14}{value}", highlight=False, soft_wrap=True)
    for verdict in verdicts:
        if verdict.kind != "sound":
            out.print(f"audit chain {verdict.stream} is broken: {verdict.kind} at record {verdict.seq} ({verdict.segment})")
    if summary.audit_verified:
        out.print(f"audit chain verified: {summary.audit_records:,} records", highlight=False)
    if summary.books_balance:
        out.print("books balance: cash + positions at last prices = start + realised + unrealised - fees", highlight=False)
    else:
        out.print(f"BOOKS DO NOT BALANCE: {found}")


def _cash(table: Table, account: str) -> Decimal:
    found = ledger.read(table, account).account
    if found is None:
        raise BadInput(f"account {account!r} was never opened")
    return found.cash


def _refuse_running(state: Path) -> None:
    known = json.loads((state / "run.json").read_text())
    if launcher.Cloud(**known).alive():
        raise BadInput(f"a desk is running in {state} (process {known['pid']}): end it first, or name another --state")


def _pause(speed: str | float, length: int) -> float:
    if speed == "max":
        return 0.0
    return float(length) if speed == "live" else length / 60 / float(speed)


def _text(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")
