"""The calls with a real venue, or by the wall clock, which no journey on recordings makes: the venue's keys, the
pause that it wants, the state machine of order plans, fills by webhook."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec

from execution_service import order_plans
from execution_service.keys import check
from fanfold.aws.client.call import RecordedCall, with_recording
from fanfold.aws.client.recording import RecordedLine
from fanfold.aws.dynamodb.attribute_values import marshal
from fanfold.aws.dynamodb.cursors import CursorTable
from fanfold.aws.dynamodb.pauses import VenuePause
from fanfold.aws.dynamodb.table import Table
from fanfold.aws.function.secrets import SecureParameter
from fanfold.aws.step_functions import start_once
from fanfold.messages import OrdersApproved
from support.execution_world import order
from support.packaged_stacks import Function
from support.recorded_fills import delivered_calls

KEYS = {"Parameter": {"Value": '{"apiKey": "one", "secret": "another"}', "Version": 1}}

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SLICED = OrdersApproved(id="a", cause="t", at=NOW, account="main", orders=[order("slice", due_at=NOW)])


def venue_calls(function: Function) -> list[RecordedLine]:
    """The calls of the check that is made before an order is placed, where the function's stage names the keys; of the
    start of the order plans' machine; and of the look at a venue's pause, before it is asked for bars or prices."""
    made: list[RecordedCall] = []
    if "VENUE_SECRET" in function.environment:
        name = function.environment["VENUE_SECRET"]
        keys = with_recording(lambda *_: KEYS, made.append)
        check(name, SecureParameter(keys, name, lambda: datetime.now(UTC)).values())
    if "FILLS_SECRET" in function.environment:
        made += delivered_calls(function)
    if function.environment.get("ORDER_PLANS_MACHINE") and function.name.endswith("-execute"):
        machine = function.environment["ORDER_PLANS_MACHINE"]
        order_plans.start(partial(start_once, with_recording(lambda *_: {}, made.append), machine), SLICED)
    if "PAPER_BOOK_TABLE" in function.environment:
        table = Table(with_recording(lambda *_: {}, made.append), function.environment["PAPER_BOOK_TABLE"])
        pause = VenuePause(table, "venue")
        pause.until()
        pause.store(1)
    if "CURSORS_TABLE" in function.environment:
        CursorTable(Table(with_recording(_cursors, made.append), function.environment["CURSORS_TABLE"])).read("venue")
    return [
        RecordedLine(
            function=function.name, service=call.service, operation=call.operation, parameters=dict(call.parameters)
        )
        for call in made
    ]


def _cursors(_service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The notes of a venue with so many series that some lie beside its item."""
    kept = {"cursors": msgspec.msgpack.encode([]), "version": 1, "held_until_s": 0, "more": 1}
    if operation == "GetItem":
        return {"Item": marshal(kept)}
    ((table, keys),) = parameters["RequestItems"].items()
    return {"Responses": {table: [marshal(kept) | key for key in keys["Keys"]]}}
