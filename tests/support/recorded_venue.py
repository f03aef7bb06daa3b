"""What is asked for with a real venue, which no journey on recordings does: its keys, and the pause that it wants."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from execution_service.keys import check
from fanfold.aws.client.call import RecordedCall, with_recording
from fanfold.aws.client.recording import RecordedLine
from fanfold.aws.dynamodb.attribute_values import marshal
from fanfold.aws.dynamodb.cursors import CursorTable
from fanfold.aws.dynamodb.pauses import PauseTable
from fanfold.aws.dynamodb.table import Table
from fanfold.aws.function.secrets import SecureParameter
from support.packaged_stacks import Function

KEYS = {"Parameter": {"Value": '{"apiKey": "one", "secret": "another"}', "Version": 1}}


def venue_calls(function: Function) -> list[RecordedLine]:
    """The calls of the check that is made before an order is placed, where the function's stage names the keys; and of
    the look at a venue's pause, before it is asked for bars or prices."""
    made: list[RecordedCall] = []
    if "VENUE_SECRET" in function.environment:
        name = function.environment["VENUE_SECRET"]
        keys = with_recording(lambda *_: KEYS, made.append)
        check(name, SecureParameter(keys, name, lambda: datetime.now(UTC)).values())
    if "PAPER_BOOK_TABLE" in function.environment:
        pauses = PauseTable(Table(with_recording(lambda *_: {}, made.append), function.environment["PAPER_BOOK_TABLE"]))
        pauses.until("venue")
        pauses.store("venue", 1)
    if "CURSORS_TABLE" in function.environment:
        CursorTable(Table(with_recording(_cursors, made.append), function.environment["CURSORS_TABLE"])).read("venue")
    return [
        RecordedLine(
            function=function.name, service=one.service, operation=one.operation, parameters=dict(one.parameters)
        )
        for one in made
    ]


def _cursors(_service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The notes of a venue with so many series that some lie beside its item."""
    kept = {"cursors": msgspec.msgpack.encode([]), "version": 1, "held_until_s": 0, "more": 1}
    if operation == "GetItem":
        return {"Item": marshal(kept)}
    ((table, asked),) = parameters["RequestItems"].items()
    return {"Responses": {table: [marshal(kept) | key for key in asked["Keys"]]}}
