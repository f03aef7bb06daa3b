"""Desks that trade the seeded market on an embedded AWS, and what is left of them."""

import os
import random
import shutil
import signal
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, Self

import msgspec

from fanfold import desk
from fanfold.audit import chain
from fanfold.audit.verdict import Verdict
from fanfold.aws.dynamodb import ledger
from fanfold.aws.dynamodb.table import Table
from fanfold.aws.s3.audit_log import S3Log
from fanfold.cli import conclusion
from fanfold.cli.summary import books
from fanfold.deployment import STAGE
from fanfold.ledger.account_books import AccountBooks
from fanfold.local import deployment_cache, launcher, run_plan
from fanfold.local.driver import DeskRun, environment, start_desk
from fanfold.local.launcher import Cloud
from fanfold.local.run_plan import RunPlan
from fanfold.local.state_directory import RunRequest, write_request
from fanfold.messages import BarsClosed, ExecutionReport, Message, OrdersApproved, OrdersRefused, Targets, decode
from fanfold.venues import replay

ROOT = Path(__file__).resolve().parents[2]


class Outcome(NamedTuple):
    """The result of a run, without the times of this machine's clock."""

    orders: dict[str, str]
    refusals: dict[str, str]
    fills: dict[str, str]
    states: dict[str, str]
    targets: dict[str, dict[tuple[str, str], float]]
    cash: Decimal
    books: str
    balance: bool
    dead_letters: int
    verdicts: list[Verdict]
    messages: list[Message]

    @property
    def result(self) -> tuple[Any, ...]:
        """The part that must be the same, whatever the speed, the order of delivery and the crashes."""
        return self.orders, self.fills, self.states, self.targets, self.books, self.cash


class Desk(NamedTuple):
    """A deployed desk, ready to trade."""

    run: DeskRun
    cloud: Cloud
    plan: RunPlan
    state: Path

    def outcome(self) -> Outcome:
        self.run.finish()
        verdicts, tally = conclusion.audit(self.run, self.plan.desk)
        table = Table(self.run.call, f"fanfold-{STAGE}-ledger")
        books_of = {name: ledger.read(table, name) for name in self.plan.desk.accounts}
        cash = {name: _cash(account_books) for name, account_books in books_of.items()}
        again = books(self.plan.desk, tally, cash)
        return _outcome(
            recorded(self.run),
            books_of,
            sum(cash.values(), Decimal(0)),
            verdicts,
            balance=again.balance and again.ledger_agrees,
            dead_letters=self.run.dead_letters(),
        )


def planned(minutes: int, **options: Any) -> RunPlan:
    request = {"strategy": None, "params": {}, "since": None, "until": None} | options
    return run_plan.plan(ROOT / "desk.toml", [], minutes=minutes, **request)


def deploy_once(folder: Path) -> Path:
    """A folder with an AWS to which the six stacks were deployed, stopped, to be copied; commands start from it too."""
    state = folder / "deployed"
    state.mkdir()
    if not deployment_cache.copy_to(state):
        with start_desk(state, environment(state, live=False)) as cloud:
            launcher.deploy(cloud, lambda _name: None)
            deployment_cache.store(cloud, state)
    return state


def trade(
    state: Path, deployed: Path, plan: RunPlan, act: Callable[[Desk], None], chaos: str = "", **settings: str
) -> Outcome:
    """Let ``act`` drive a desk on a copy of a deployed AWS, and read what is left; settings go into the environment."""
    shutil.copytree(deployed, state)
    replay.write(state / "recordings", plan.recordings)
    (state / "desk.json").write_bytes(desk.dump(plan.desk))
    write_request(state, RunRequest(desk="test"))
    with start_desk(state, environment(state, live=False) | {"FANFOLD_CHAOS": chaos} | settings) as cloud:
        launcher.check(cloud)
        run = DeskRun(cloud, state)
        run.set_clock(plan.start - 60)
        run.open_accounts(list(plan.desk.accounts))
        driven = Desk(run, cloud, plan, state)
        act(driven)
        return driven.outcome()


def replayed(desk_: Desk) -> None:
    """Trade the whole plan as fast as it goes."""
    closes(desk_, range(desk_.plan.start, desk_.plan.until + 1, 60))


def closes(desk_: Desk, times: range, pause_s: float = 0.0) -> None:
    done = desk_.run.replay(times, pause_s, lambda _now: None, lambda: False)
    assert done == len(times)


def recorded(run: DeskRun) -> list[Message]:
    """Every message that audit wrote, stream by stream."""
    log = S3Log(run.call, f"fanfold-{STAGE}-audit")
    return [
        decode(msgspec.json.encode(chain.read(line).message))
        for stream in log.streams()
        for _, body in log.segments(stream)
        for line in body.splitlines()
    ]


class Killer:
    """Ends function processes of an emulator at random moments; every pid is one that the emulator has started."""

    def __init__(self, cloud: Cloud, seed: int, mean_pause_s: float) -> None:
        self.killed = 0
        self._cloud = cloud
        self._dice = random.Random(seed)
        self._mean_pause_s = mean_pause_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._over.wait(self._dice.expovariate(1 / self._mean_pause_s)):
            pids = [pid for process in self._cloud.control("processes").values() for pid in process["pids"]]
            if not pids:
                continue
            try:
                os.kill(self._dice.choice(sorted(pids)), signal.SIGKILL)
            except ProcessLookupError:
                continue
            self.killed += 1


def _outcome(
    messages: list[Message],
    books_of: dict[str, AccountBooks],
    cash: Decimal,
    verdicts: list[Verdict],
    *,
    balance: bool,
    dead_letters: int,
) -> Outcome:
    orders: dict[str, str] = {}
    refusals: dict[str, str] = {}
    fills: dict[str, str] = {}
    states: dict[str, str] = {}
    targets: dict[str, dict[tuple[str, str], float]] = {}
    for message in messages:
        match message:
            case OrdersApproved():
                orders |= {order.order_id: str(order) for order in message.orders}
            case OrdersRefused():
                refusals |= {refusal.order.order_id: refusal.code for refusal in message.refusals}
            case ExecutionReport():
                fills |= {fill.trade_id: str(fill) for fill in message.fills}
                states |= {
                    update.order_id: update.state for update in message.updates if update.state in {"FILLED", "EXPIRED"}
                }
            case Targets():
                targets.setdefault(message.at.isoformat(), {}).update(
                    {(target.instance, target.instrument): target.weight for target in message.targets}
                )
            case _:
                pass
    positions = str({account: account_books.positions for account, account_books in sorted(books_of.items())})
    return Outcome(orders, refusals, fills, states, targets, cash, positions, balance, dead_letters, verdicts, messages)


def bars_of(messages: list[Message]) -> list[BarsClosed]:
    return sorted(
        (message for message in messages if isinstance(message, BarsClosed)),
        key=lambda message: (message.at, message.part),
    )


def _cash(account_books: AccountBooks) -> Decimal:
    assert account_books.account is not None
    return account_books.account.cash
