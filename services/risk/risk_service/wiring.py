"""Risk's parts, built on first use."""

import os
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import msgspec

from fanfold.aws.dynamodb.ledger_store import DynamoLedger
from fanfold.aws.dynamodb.outbox import Outbox
from fanfold.aws.dynamodb.polls import DynamoPolls
from fanfold.aws.dynamodb.table import Table
from fanfold.aws.function.runtime import Runtime, read
from fanfold.aws.function.runtime import runtime as build
from fanfold.aws.function.sqs import Arrived, verb_of
from fanfold.aws.sns import Topics
from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.ledger.approvals import Approvals
from fanfold.risk.policy import prepare
from risk_service.assess import PreTradeRisk
from risk_service.control import ControlCommand, handle_command
from risk_service.routes import ROUTES
from risk_service.settings import Settings

if TYPE_CHECKING:
    from fanfold.aws.function.runtime_limits import RuntimeLimits


@cache
def runtime() -> Runtime:
    return build(os.environ)


@cache
def settings() -> Settings:
    return read(Settings, os.environ)


@cache
def ledger() -> Table:
    return runtime().table(settings().ledger_table)


@cache
def outbox() -> Outbox:
    arns = {"orders": settings().orders_topic, "targets": settings().targets_topic}
    topics = Topics(runtime().call, arns, runtime().watch.published)
    return Outbox(ledger(), "risk", topics, runtime().watch, runtime().clock)


@cache
def approvals() -> Approvals:
    return Approvals(DynamoLedger(ledger(), outbox()), runtime().backoff)


class PreTradeRisks:
    """The assessor of a desk, made anew when its limits change."""

    def __init__(self) -> None:
        self.of(runtime().desk)

    def of(self, desk: Desk) -> PreTradeRisk:
        self._desk = desk
        halted = partial(runtime().watch.counts.add, "AccountsNotActive")
        self.current = PreTradeRisk(
            desk, prepare(desk), DynamoPolls(ledger()), approvals(), runtime().clock, halted, runtime().backoff
        )
        return self.current

    def now(self) -> PreTradeRisk:
        if not settings().limits_path:
            return self.current
        desk = limits().desk()
        return self.current if desk is self._desk else self.of(desk)


@cache
def assessor() -> PreTradeRisks:
    return PreTradeRisks()


@cache
def limits() -> "RuntimeLimits":
    """What tightens the desk file's limits, where the environment names a path for it."""
    # What runs without parameters does not load what reads them.
    from fanfold.aws.function.runtime_limits import RuntimeLimits  # noqa: PLC0415

    own = runtime()
    return RuntimeLimits(own.call, settings().limits_path, own.desk, own.clock, own.watch)


def assess(arrived: Arrived) -> None:
    """A message again may follow a crash, so the outbox is swept first."""
    if arrived.again:
        outbox().sweep()
    getattr(assessor().now(), verb_of(ROUTES, arrived.message))(arrived.message)


def sweep() -> dict[str, int]:
    """How many messages a crash had left, and how many accounts were decided on though no poll came.

    A limit that is refused makes the sweep fail, and that rings an alarm.
    """
    try:
        published = outbox().sweep()
    finally:  # A topic that fails stops no decision.
        overdue = assessor().now().decide_overdue()
    if settings().limits_path:
        limits().check()
    return {"published": published, "overdue": overdue}


def api_control(event: dict[str, Any]) -> dict[str, Any]:
    """The answer to an HTTP API event; what the API needs is loaded by the one function that speaks it."""
    from fanfold.ledger.controls import LedgerControls  # noqa: PLC0415
    from risk_service import halt_api  # noqa: PLC0415

    controls = LedgerControls(DynamoLedger(ledger(), outbox()), runtime().backoff)
    return halt_api.answer(event, runtime().desk, controls, runtime().clock())


def control(event: dict[str, Any], request: str) -> dict[str, Any]:
    """The outcome of a command, or what is wrong with it; to ``describe``, the desk that this function trades."""
    if event == {"action": "describe"}:
        described: dict[str, Any] = msgspec.to_builtins(runtime().desk)
        return described
    try:
        command = msgspec.convert(event, ControlCommand)
    except msgspec.ValidationError as wrong:
        raise BadInput(f"the command: {wrong}") from wrong
    return handle_command(command, runtime().desk, approvals(), runtime().clock(), request)
