"""The price of a command from a chat: its calls as they are made, and the dollars of them by hand."""

from collections import Counter
from decimal import Decimal

import msgspec

from audit_service.record import Arrival, record
from fanfold.aws.client.call import RecordedCall, with_recording
from fanfold.aws.dynamodb.views import DynamoViews
from fanfold.aws.s3.audit_log import S3Log
from fanfold.cost import chat
from fanfold.cost.bill import priced
from fanfold.errors import AT_ONCE
from fanfold.messages import CommandReceived, encode
from fanfold.simulation.cloud import MemoryCloud
from support.api_desk import NOW, ORDERS, World, answered, history
from support.chats import by_telegram, update

WRITING = {"PutItem", "UpdateItem", "BatchWriteItem"}


def counted(calls: list[RecordedCall]) -> Counter[str]:
    """Writes, reads and the rest, of items that are all small."""
    kinds = {"dynamodb": lambda call: "writes" if call.operation in WRITING else "reads"}
    return Counter(kinds.get(call.service, lambda call: call.operation)(call) for call in calls)


def test_a_command_makes_the_calls_that_it_is_priced_by():
    calls: list[RecordedCall] = []
    desk = World(with_recording(MemoryCloud().call, calls.append), history(ORDERS), "chat")
    calls.clear()
    desk.get("/status")
    status = counted(calls)
    desk = World(with_recording(MemoryCloud().call, calls.append), history(ORDERS), "chat")
    calls.clear()
    assert answered(desk.chat, by_telegram(update("/status", "1001", 1, NOW))).status == 200
    (message,) = desk.commands.messages
    cloud = MemoryCloud()
    cloud.table("views")
    cloud.call("s3", "CreateBucket", {"Bucket": "audit"})
    call = with_recording(cloud.call, calls.append)
    assert isinstance(message, CommandReceived)
    arrival = Arrival(message, msgspec.json.decode(encode(message)), 1)
    record([arrival], S3Log(call, "audit"), DynamoViews(call, "views"), AT_ONCE)
    assert counted(calls) - status == {"writes": chat.WRITES, "reads": chat.READS, "PutObject": chat.PUTS}


def test_a_thousand_commands_cost_what_their_units_do():
    compute = 3 * Decimal("1.7") * Decimal(chat.MEMORY_MB) / 1_024 * Decimal("0.0000133334")
    rest = (
        Decimal("1.11") + 3 * Decimal("0.20") + 5 * Decimal("0.705") + (2 + 1_000) * Decimal("0.1415") + Decimal("0.50")
    )
    rest += 2 * Decimal("0.40") + Decimal(5) + Decimal("0.00171") * 1_000
    listed = priced(chat.usage_of(1_000, read_units=Decimal(1_000))).listed
    assert abs(listed - (1_000 * compute + rest / 1_000)) < Decimal("1e-6")
