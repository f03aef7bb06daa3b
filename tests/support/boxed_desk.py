"""A desk on the embedded AWS whose live account trades at the simulated exchange; the clocks of both are one."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from fanfold import desk
from fanfold.audit.queries import orders_of
from fanfold.aws.dynamodb import ledger
from fanfold.aws.dynamodb.table import Table
from fanfold.aws.dynamodb.views import DynamoViews
from fanfold.aws.sns import Topics
from fanfold.cli.box_checks import BoxComparison
from fanfold.deployment import STAGE
from fanfold.exchange.server import ManualClock, serve
from fanfold.ledger.account_books import AccountBooks
from fanfold.local import launcher
from fanfold.local.driver import DeskRun, environment, start_desk
from fanfold.local.launcher import REGION, Cloud
from fanfold.local.state_directory import RunRequest, write_request
from fanfold.simulation import market
from fanfold.simulation.schedules.market import START
from support.alarms import ACCOUNT_ID
from support.box_admin import ask_box
from support.box_client import PLENTY
from support.bundle_desk import DEPOSITS, HISTORY, LEGS, MINUTES, armed, basket, compared, live_desk

KEYS = f"/fanfold/{STAGE}/venue"


class BoxedDesk(NamedTuple):
    """The desk, its AWS and its exchange."""

    run: DeskRun
    cloud: Cloud
    origin: str
    clock: ManualClock

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock() / 1_000, UTC)

    def pass_time(self, seconds: float) -> None:
        """Let time pass, in which nothing is scheduled."""
        self.ask("clock", {"ms": self.clock() + int(seconds * 1_000)})
        self.run.set_clock(self.clock() / 1_000)

    def minute(self) -> None:
        """Let a minute pass; then the schedules run."""
        self.pass_time(60)
        self.run.tick(self.clock() / 1_000)
        self.run.sweep()
        self.run.rest()

    def want(self, weight: float) -> None:
        """Let somebody tell all legs of a bundle, as one, and wait for what follows."""
        topic = f"arn:aws:sns:{REGION}:{ACCOUNT_ID}:fanfold-{STAGE}-targets.fifo"
        Topics(self.run.call, {"targets": topic}).publish([basket(self.now, weight)])
        self.run.rest()

    def ask(self, subject: str, document: Any = None) -> Any:
        """See ask_box."""
        return ask_box(self.origin, subject, document)

    def arm(self, fault: str, leg: str, count: int) -> None:
        self.ask("faults", armed(fault, leg, count))

    @property
    def table(self) -> Table:
        return Table(self.run.call, f"fanfold-{STAGE}-ledger")

    def books(self) -> AccountBooks:
        return ledger.read(self.table, "main")

    def held(self) -> dict[str, Decimal]:
        """Return the booked quantity of each leg that was ever traded."""
        return {instrument: item.position.totals[0] for (_, instrument), item in self.books().positions.items()}

    def orders(self) -> list[dict[str, Any]]:
        """Return the orders that risk approved, as audit has them."""
        self.run.finish()
        views = DynamoViews(self.run.call, f"fanfold-{STAGE}-views")
        return [order for order in orders_of(views, "main") if order["state"] != "REFUSED"]

    def compared(self) -> BoxComparison:
        """Compare all approved orders, positions and cash with what the exchange has."""
        return compared(self.origin, self.orders(), self.books())

    def log(self, function: str) -> str:
        return (self.run.state / "logs" / f"fanfold-execution-{STAGE}-{function}.log").read_text()


@contextmanager
def boxed_desk(
    state: Path, deployed: Path, variables: Mapping[str, dict[str, str]], **settings: str
) -> Iterator[BoxedDesk]:
    """Start the desk on a copy of a deployed AWS, with settings in its environment; the bars of a minute are known.

    ``variables`` are, by function of execution, what the template of a live stage gives it and the local one does not.
    """
    shutil.copytree(deployed, state)
    (state / "desk.json").write_bytes(desk.dump(live_desk("market")))
    write_request(state, RunRequest(desk="test"))
    clock = ManualClock(START * 1_000)
    histories = market.market(7, LEGS, HISTORY + MINUTES, START - HISTORY * 60)
    with serve(histories, clock=clock, deposits=DEPOSITS, limits=PLENTY, moved=False) as box:
        # The role of a stage with a real venue lets execution read its key; that of the local stage does not.
        own = {"VENUE_ORIGIN": box.origin, "VENUE_SECRET": KEYS, "LIVE_VENUE": "v", "RECORD_CALLS": ""}
        with start_desk(state, environment(state, live=False) | own | settings) as cloud:
            launcher.check(cloud)
            traded = BoxedDesk(DeskRun(cloud, state), cloud, box.origin, clock)
            for function, own_variables in variables.items():
                configure(traded, f"fanfold-execution-{STAGE}-{function}", own_variables)
            put_parameter(traded, KEYS, {"apiKey": box.key, "secret": box.secret})
            traded.pass_time(0)
            traded.run.open_accounts(["main"])
            traded.pass_time(60)
            traded.run.tick(traded.clock() / 1_000)
            yield traded


def configure(traded: BoxedDesk, function: str, variables: dict[str, str]) -> None:
    """Add to the environment of a function of which no process has begun."""
    call = traded.cloud.call()
    known = call("lambda", "GetFunctionConfiguration", {"FunctionName": function})["Environment"]["Variables"]
    request = {"FunctionName": function, "Environment": {"Variables": known | variables}}
    call("lambda", "UpdateFunctionConfiguration", request)


def put_parameter(traded: BoxedDesk, name: str, value: dict[str, str]) -> None:
    """Store a SecureString, as an operator does."""
    parameter = {"Name": name, "Value": json.dumps(value), "Type": "SecureString", "Overwrite": True}
    traded.cloud.call()("ssm", "PutParameter", parameter)
