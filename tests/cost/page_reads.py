"""The calls and read units of each read of the page that is asked again, at a desk of 150 orders a day for a week."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
from moto import mock_aws

from fanfold.aws.client.call import Credentials, Endpoint, connect
from fanfold.cost.calls import Sizes, units_of
from fanfold.cost.page import ReadUnits
from fanfold.messages import ExecutionReport, Message, OrdersApproved, OrdersRefused
from support import api_desk

ORDERS = 1_050
APART = timedelta(minutes=9.6)
PATHS = ("/status", "/positions", "/limits", "/refusals")
ENDPOINT = Endpoint(region="eu-west-1", credentials=Credentials(access_key="test", secret_key="test"))
NO_SIZES = Sizes(lambda _table, _key: 0, lambda _table, _key: 0)


def measured() -> dict[str, ReadUnits]:
    """Ask for each path twice, and count the second."""
    with mock_aws():
        aws, counted = connect("boto3", ENDPOINT), list[tuple[str, Decimal]]()

        def call(service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
            answer = aws(service, operation, parameters)
            units = units_of(service, operation, parameters, answer, NO_SIZES)
            counted.append((operation, units.get("dynamodb-read", Decimal(0))))
            return answer

        world = api_desk.World(call, spread(api_desk.history(ORDERS)), "page")
        reads = {}
        for path in PATHS:
            world.get(path)
            counted.clear()
            assert world.get(path).status == 200
            reads[path] = ReadUnits(len(counted), sum((units for _, units in counted), Decimal(0)))
        return reads


def spread(messages: list[Message]) -> list[Message]:
    """The messages with their orders so far apart as a week has them, and without the orders that stay open."""
    numbers = {message.id: int(message.id.rpartition("-")[2]) for message in messages if "-" in message.id}
    kept = [message for message in messages if numbers.get(message.id, 0) % 3 != 2]
    return [_moved(message, numbers.get(message.id, 0)) for message in kept]


def _moved(message: Message, number: int) -> Message:
    later = {"at": message.at + APART * number}
    match message:
        case OrdersApproved():
            return msgspec.structs.replace(message, orders=[_later(each, number) for each in message.orders], **later)
        case OrdersRefused():
            refusals = [msgspec.structs.replace(each, order=_later(each.order, number)) for each in message.refusals]
            return msgspec.structs.replace(message, refusals=refusals, **later)
        case ExecutionReport():
            fills = [msgspec.structs.replace(fill, at=fill.at + APART * number) for fill in message.fills]
            return msgspec.structs.replace(message, fills=fills, **later)
    return msgspec.structs.replace(message, **later)


def _later(order: Any, number: int) -> Any:
    at = order.decided_at + APART * number
    return msgspec.structs.replace(order, decided_at=at, expires_at=at + timedelta(minutes=5))
