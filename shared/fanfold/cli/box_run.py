"""``fanfold run --exchange box``: live trading at a simulated exchange, which may fail in every known way."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import msgspec
from rich.console import Console

from fanfold import desk
from fanfold.audit.queries import orders_of
from fanfold.aws.dynamodb import ledger
from fanfold.aws.dynamodb.table import Table
from fanfold.aws.dynamodb.views import DynamoViews
from fanfold.cli import box_checks
from fanfold.cli.argument_types import Options
from fanfold.cli.box_checks import BOX
from fanfold.cli.conclusion import RunSpan, conclude
from fanfold.cli.exit_codes import Exit
from fanfold.cli.planned_run import describe, read_plan
from fanfold.cli.recorded_run import deployed, print_start
from fanfold.deployment import STAGE
from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.exchange import server
from fanfold.exchange.faults import plan_of
from fanfold.exchange.server import ManualClock, ServedExchange
from fanfold.local import state_directory
from fanfold.local.driver import DeskRun, announce, environment
from fanfold.local.interrupt import Interrupt
from fanfold.local.launcher import Cloud
from fanfold.local.run_plan import RunOptions, RunPlan
from fanfold.local.session import table_name
from fanfold.local.state_directory import RunRequest
from fanfold.market import timeframes
from fanfold.strategy import contract, folder

EXCHANGE = "binance"
PARAMETER = "/fanfold/local/venue"
# After the last bar the exchange is well again, and unknown outcomes are looked up for so many minutes.
HEALING_MINUTES = 4
# The functions that execute, and the share of their events during which --kills kills the process.
EXECUTION, KILL = f"fanfold-execution-{STAGE}-", 0.5


def trade(options: Options, wanted: RunOptions, out: Console) -> int:
    """Trade recorded bars or the seeded market at the simulated exchange."""
    if wanted.exchange != BOX:
        raise BadInput(
            f"--exchange is {wanted.exchange!r}; the simulated one that runs here is `box`, and --live polls a real one"
        )
    _refuse_unfit(wanted)
    if wanted.kills and wanted.images:
        raise BadInput("--kills ends processes of this machine, and --images has none; leave one out")
    plan_of(wanted.faults)
    folder.use(folder.chosen(wanted.strategies))
    plan = read_plan(wanted)
    describe(plan, out)
    traded = at_exchange(plan, out)
    state = options.state.resolve()
    request = RunRequest(
        desk=str(wanted.desk_file.resolve()),
        strategies=str(folder.in_use() or ""),
        live=BOX,
        begun=datetime.now(UTC).isoformat(),
    )
    settings = environment(state, live=False, images=wanted.images)
    with state_directory.begin(state, traded, request, overwrite=wanted.overwrite) as (held, kept):
        print_start(state, kept, out)
        with _open_exchange(plan, traded, wanted) as (clock, box):
            settings |= {"VENUE_ORIGIN": box.origin, "VENUE_SECRET": PARAMETER, "LIVE_VENUE": _account(traded)[1].venue}
            settings |= {"FANFOLD_CHAOS": f"seed={wanted.seed},kill={KILL},kill_of={EXECUTION},kills={wanted.kills}"}
            alerts = bool(traded.alerts)
            with deployed(state, settings, held, out, alerts=alerts) as cloud, announce(state, cloud):
                _store_key(cloud, box)
                return BoxRun(cloud, state, traded, clock, box).trade(plan, wanted, out, as_json=options.json)


def _refuse_unfit(wanted: RunOptions) -> None:
    """Raise BadInput for an option that a run at the simulated exchange cannot honour."""
    if wanted.live or wanted.symbols or wanted.origin:
        raise BadInput(
            "the simulated exchange trades recorded bars or the seeded market: leave out --live, --symbols and --origin"
        )
    if wanted.resume:
        raise BadInput("a run at the simulated exchange always starts anew: leave --continue out")
    if wanted.stay or wanted.speed != "max":
        raise BadInput("--stay and --speed are for runs on paper: leave them out with --exchange box")


def at_exchange(plan: RunPlan, out: Console) -> Desk:
    """Return the plan's desk with its first account live at the exchange, spot, and only that."""
    name, account = next(iter(plan.desk.accounts.items()))
    venue = plan.desk.venues[account.venue]
    own = {key: each for key, each in plan.desk.strategies.items() if each.account == name}
    kept = {key: each for key, each in own.items() if not contract.is_bundle(each.strategy)}
    dropped = sorted(plan.desk.strategies.keys() - kept.keys())
    out.print(
        f"{name} trades spot at the simulated exchange, with {account.cash:,f} {account.currency} of play money",
        highlight=False,
    )
    if dropped:
        out.print(f"not traded: {', '.join(dropped)}; they are of another account, or short in a leg", highlight=False)
    if dropped and not kept:
        raise BadInput(
            f"nothing is left to trade: account {name} is spot at the simulated exchange, and {', '.join(dropped)} "
            "trades elsewhere or is short in a leg; leave --exchange out to trade it on paper"
        )
    real = msgspec.structs.replace(
        plan.desk,
        venues={account.venue: msgspec.structs.replace(venue, kind="ccxt", exchange=EXCHANGE)},
        accounts={name: msgspec.structs.replace(account, mode="live", kind="spot")},
        strategies=kept,
        limits={name: plan.desk.limits[name]},
    )
    return desk.load(desk.dump(real), "the desk at the simulated exchange")


class BoxRun:
    """A run of a deployed desk at the simulated exchange, whose clocks are set together."""

    def __init__(self, cloud: Cloud, state: Path, traded: Desk, clock: ManualClock, box: ServedExchange) -> None:
        self._cloud = cloud
        self._run = DeskRun(cloud, state, alerts=bool(traded.alerts))
        self._desk = traded
        self._clock = clock
        self._box = box
        self._missed = 0

    def trade(self, plan: RunPlan, wanted: RunOptions, out: Console, *, as_json: bool) -> int:
        """Trade the plan's bars, let the exchange heal, and compare it with the books; return the exit code."""
        stop, length = Interrupt(), timeframes.seconds(plan.desk.shortest_timeframe)
        closes = range(plan.start, plan.until + 1, length)
        self._set_clocks(plan.start - length)
        self._run.open_accounts(list(self._desk.accounts))
        self._sweep()
        began, done = time.monotonic(), 0
        with out.status(f"trading {len(closes):,} bars at {self._box.origin}, faults: {wanted.faults}"):
            for close in closes:
                if stop.requested:
                    break
                self._minute(close)
                done += 1
        rate = done / max(time.monotonic() - began, 0.001)
        kills = self._heal()
        last = closes[done - 1] if done else plan.start - length
        for minute in range(1, HEALING_MINUTES + 1):
            self._set_clocks(last + 60 * minute)
            self._sweep()
        self._run.finish()
        pace = RunSpan(plan.start, last, done, plan.desk.shortest_timeframe, rate, interrupted=done < len(closes))
        code = conclude(self._run, self._desk, pace, out, as_json=as_json, verbose=wanted.verbose)
        if self._missed:
            out.print(
                f"polls         {self._missed} of {done} failed; the next one asked for what was missing",
                highlight=False,
            )
        if wanted.kills:
            out.print(f"killed        {kills} times while it worked: the process that executes", highlight=False)
        compared = self._compare(out)
        return Exit.INTERRUPTED if stop.requested else Exit.FAILED if compared.violations else code

    def _heal(self) -> int:
        """End all faults, and return how often the process that executes was killed."""
        self._ask("plan", {"faults": "none"})
        return self._cloud.calm()

    def _minute(self, close: int) -> None:
        self._set_clocks(close)
        self._missed += bool(self._run.tick(close))
        self._sweep()
        state_directory.write_progress(self._run.state, close)

    def _set_clocks(self, close: int) -> None:
        """Set the exchange's clock and the desk's a little after a close, when its bar counts as closed."""
        now = close + max(venue.grace_s for venue in self._desk.venues.values())
        self._ask("clock", {"ms": now * 1_000})
        self._run.set_clock(now)

    def _sweep(self) -> None:
        """Let the desk sweep, and wait for what follows."""
        self._run.sweep()
        self._run.rest()

    def _compare(self, out: Console) -> box_checks.BoxComparison:
        name, account = _account(self._desk)
        views = DynamoViews(self._run.call, table_name("views", self._run.stage))
        orders = [order for order in orders_of(views, name) if order["state"] != "REFUSED"]
        books = ledger.read(Table(self._run.call, table_name("ledger", self._run.stage)), name)
        bases = {symbol: rules.base for symbol, rules in self._desk.instruments.items()}
        pairs = {rules.base + rules.quote: (rules.base, rules.quote) for rules in self._desk.instruments.values()}
        placed = self._ask("orders")
        untold = box_checks.unbooked(orders, placed, self._ask("trades"), pairs)
        stated = {
            balance["asset"]: Decimal(balance["free"]) + Decimal(balance["locked"]) for balance in self._ask("balances")
        }
        held = box_checks.holdings(books, bases, account.currency, stated, untold)
        compared = box_checks.compare(orders, placed, held, self._ask("journal"))
        box_checks.store(self._run.state, compared)
        for line in box_checks.lines(compared):
            out.print(line, highlight=False, soft_wrap=True)
        return compared

    def _ask(self, subject: str, document: Any = None) -> Any:
        """Return what an admin path of the exchange answers."""
        body = None if document is None else json.dumps(document).encode()
        headers = {"Content-Type": "application/json"}
        request = Request(f"{self._box.origin}/box/{subject}", data=body, headers=headers)  # noqa: S310 - loopback
        with urlopen(request, timeout=60) as answer:  # noqa: S310 - loopback
            return json.load(answer)


def _account(traded: Desk) -> tuple[str, desk.Account]:
    return next(iter(traded.accounts.items()))


@contextmanager
def _open_exchange(plan: RunPlan, traded: Desk, wanted: RunOptions) -> Iterator[tuple[ManualClock, ServedExchange]]:
    """Run the exchange with the plan's bars, at the time of the first to trade."""
    _, account = _account(traded)
    clock = ManualClock((plan.start - timeframes.seconds(plan.desk.shortest_timeframe)) * 1_000)
    series = [recording.series(0, plan.until) for recording in plan.recordings]
    deposits = {account.currency: account.cash}
    with server.serve(
        series, traded.instruments, faults=wanted.faults, seed=wanted.seed, clock=clock, deposits=deposits, moved=False
    ) as box:
        yield clock, box


def _store_key(cloud: Cloud, box: ServedExchange) -> None:
    value = json.dumps({"apiKey": box.key, "secret": box.secret})
    cloud.call()("ssm", "PutParameter", {"Name": PARAMETER, "Value": value, "Type": "SecureString", "Overwrite": True})
