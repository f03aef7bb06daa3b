"""Risk's parts, built on first use."""

import os
from functools import cache
from typing import Any

import msgspec

from fanfold.aws.approvals import Approvals
from fanfold.aws.batches import Batches
from fanfold.aws.edge import Arrived
from fanfold.aws.outbox import Outbox
from fanfold.aws.runtime import Runtime, read
from fanfold.aws.runtime import runtime as build
from fanfold.aws.tables import Table
from fanfold.aws.topics import Topics
from fanfold.messages import Bars, ExecutionReport, Targets
from fanfold.refusals import BadInput
from fanfold.risk.terms import prepare
from risk_service.assess import Assessor
from risk_service.control import Command, obey
from risk_service.settings import Settings


@cache
def runtime() -> Runtime:
    return build(os.environ)


@cache
def settings() -> Settings:
    return read(Settings, os.environ)


@cache
def ledger() -> Table:
    return Table(runtime().call, settings().ledger_table)


@cache
def outbox() -> Outbox:
    return Outbox(ledger(), "risk", Topics(runtime().call, {"orders": settings().orders_topic}))


@cache
def approvals() -> Approvals:
    return Approvals(ledger(), outbox())


@cache
def assessor() -> Assessor:
    desk = runtime().desk
    return Assessor(desk, prepare(desk), Batches(ledger()), approvals(), runtime().clock)


def assess(arrived: Arrived) -> None:
    """A message again may follow a crash, so the outbox is swept first."""
    if arrived.again:
        outbox().sweep()
    match arrived.message:
        case Bars():
            assessor().mark(arrived.message)
        case Targets():
            assessor().target(arrived.message)
        case ExecutionReport():
            assessor().settle(arrived.message)
        case other:
            raise BadInput(f"risk takes bars, targets and settlements, not {type(other).__name__}")


def control(event: dict[str, Any]) -> dict[str, Any]:
    """The outcome of a command, or what is wrong with it."""
    try:
        command = msgspec.convert(event, Command)
    except msgspec.ValidationError as wrong:
        raise BadInput(f"the command: {wrong}") from wrong
    return obey(command, runtime().desk, approvals(), runtime().clock())
