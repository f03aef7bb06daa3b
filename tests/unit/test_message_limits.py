"""Each kind of message that lists something, past what a topic takes: it goes out in parts that say the same, or is
refused by its size; what is kept of it goes past an item's size, too."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, get_type_hints

import msgspec
import pytest

from fanfold.aws.dynamodb.cursors import CursorTable
from fanfold.aws.sns import MESSAGE_BYTES_MAX, Topics, Unpublishable
from fanfold.codes import Code
from fanfold.errors import Conflict
from fanfold.market import bars
from fanfold.market.bars import FIGURE_MAX, Bar, Series
from fanfold.market.source import Noted
from fanfold.messages import (
    TOPICS,
    BarsClosed,
    BarsRequested,
    DataDefect,
    ExecutionReport,
    LegCode,
    LegState,
    LegStatus,
    Message,
    OrdersApproved,
    OrdersRefused,
    OrderState,
    OrderUpdate,
    PositionSnapshot,
    Refusal,
    Target,
    Targets,
    TradingState,
    TradingStateChanged,
    decode,
    encode,
    topic_of,
)
from fanfold.simulation.cloud import MemoryCloud
from support.core_desk import START, A
from support.extreme_bars import wild
from support.paper_examples import fill, order

AT = datetime.fromtimestamp(START, UTC)
HEAD: dict[str, Any] = {"id": "m", "cause": "c", "at": AT}
COUNT = 6_000


def update(number: int) -> OrderUpdate:
    return OrderUpdate(
        order_id=f"{number}",
        client_order_id="c",
        instance="i",
        instrument=A,
        state=OrderState.OPEN,
        filled=Decimal(0),
        reason="r" * 90,
    )


def holding(number: int) -> PositionSnapshot:
    return PositionSnapshot(
        instance=f"i{number}",
        instrument=A,
        quantity=Decimal(1),
        cost=Decimal(2),
        realised=Decimal(0),
        fees=Decimal(0),
        version=number,
    )


MANY: dict[tuple[type[Message], str], Callable[[], list[Any]]] = {
    (BarsRequested, "instruments"): lambda: [f"VERYLONGNAMEOFACOIN{n}/USDT" for n in range(2 * COUNT)],
    (OrdersApproved, "orders"): lambda: [order(f"o{n}") for n in range(COUNT)],
    (OrdersApproved, "withdrawn"): lambda: [f"{n:032}" for n in range(4 * COUNT)],
    (OrdersRefused, "refusals"): lambda: [
        Refusal(order=order(f"o{n}"), code=Code.CASH, detail="x") for n in range(COUNT)
    ],
    (LegStatus, "statuses"): lambda: [
        LegState(instance=f"i{n}", instrument=A, code=LegCode.MISSING_BARS, detail="x" * 90) for n in range(COUNT)
    ],
    (ExecutionReport, "updates"): lambda: [update(n) for n in range(COUNT)],
    (ExecutionReport, "fills"): lambda: [fill("buy", "1", "2", trade_id=f"t{n}") for n in range(COUNT)],
    (ExecutionReport, "positions"): lambda: [holding(n) for n in range(COUNT)],
}
# Those whose lists belong together: who makes them cuts them before, and a topic names the size of any other.
WHOLE: dict[tuple[type[Message], str], Callable[[], list[Any]]] = {
    (Targets, "targets"): lambda: [
        Target(signal_id=f"{n:032}", instance="i", instrument=A, timeframe="1m", weight=1.0) for n in range(COUNT)
    ],
    (BarsClosed, "frames"): lambda: bars.pack([wild(A, 5_000)]),
    (BarsClosed, "defects"): lambda: [
        DataDefect(instrument=A, timeframe="1m", defect="gap", action="reported", count=1, closes_at_s=n)
        for n in range(COUNT)
    ],
}
REST: dict[type[Message], dict[str, Any]] = {
    BarsClosed: {"venue": "v", "frames": []},
    BarsRequested: {"venue": "v", "timeframe": "1m", "since_s": 0, "until_s": 60},
    OrdersApproved: {"account": "a", "orders": []},
    Targets: {"account": "a", "poll_id": "b"},
    ExecutionReport: {"account": "a", "venue": "v", "matched": True, "poll_id": "b"},
}


def made(kind: type[Message], field: str, entries: list[Any]) -> Message:
    return kind(**HEAD | REST.get(kind, {"account": "a"}) | {field: entries})


class Place:
    """All topics, each with one queue behind it."""

    def __init__(self) -> None:
        self.cloud = MemoryCloud()
        self.queues: dict[str, str] = {}
        arns = {}
        for name in TOPICS:
            topic = {"Name": f"{name}.fifo", "Attributes": {"FifoTopic": "true"}}
            arns[name] = self.cloud.call("sns", "CreateTopic", topic)["TopicArn"]
            queue = {"QueueName": f"{name}.fifo", "Attributes": {"FifoQueue": "true"}}
            self.queues[name] = self.cloud.call("sqs", "CreateQueue", queue)["QueueUrl"]
            self.cloud.call("sns", "Subscribe", {
                "TopicArn": arns[name], "Protocol": "sqs", "Endpoint": self.cloud.sqs.queue(self.queues[name]).arn,
                "Attributes": {"RawMessageDelivery": "true"},
            })  # fmt: skip
        self.topics = Topics(self.cloud.call, arns)

    def heard(self, topic: str) -> list[Message]:
        return [decode(message.body) for message in self.cloud.sqs.queue(self.queues[topic]).messages]


def listing(kind: type[Message]) -> list[str]:
    return [name for name, hint in get_type_hints(kind).items() if str(hint).startswith("list[")]


def test_every_list_field_of_every_message_has_a_case() -> None:
    kinds = [kind for kinds in TOPICS.values() for kind in kinds]
    assert {(kind, name) for kind in kinds for name in listing(kind)} == {*MANY, *WHOLE}


@pytest.mark.parametrize(("kind", "field"), MANY, ids=lambda kind: getattr(kind, "__name__", kind))
def test_a_longer_list_goes_out_in_parts_that_say_the_same(kind: type[Message], field: str) -> None:
    entries = MANY[kind, field]()
    whole = made(kind, field, entries)
    assert len(encode(whole)) > MESSAGE_BYTES_MAX
    place = Place()
    place.topics.publish([whole])
    heard = place.heard(topic_of(whole))
    assert [entry for message in heard for entry in getattr(message, field)] == entries
    assert len({message.id for message in heard}) == len(heard) > 1
    bare: dict[str, Any] = {field: [], "id": ""} | ({"matched": False} if kind is ExecutionReport else {})
    assert {encode(msgspec.structs.replace(message, **bare)) for message in [*heard, whole]} == {
        encode(msgspec.structs.replace(whole, **bare))
    }
    assert [getattr(message, "matched", False) for message in heard[:-1]] == [False] * (len(heard) - 1)


@pytest.mark.parametrize(("kind", "field"), WHOLE, ids=lambda kind: getattr(kind, "__name__", kind))
def test_a_bundle_beyond_the_size_limit_is_refused_whole(kind: type[Message], field: str) -> None:
    whole = made(kind, field, WHOLE[kind, field]())
    place = Place()
    with pytest.raises(Unpublishable, match=r"it has \d+ bytes; a topic takes 262144"):
        place.topics.publish([whole])
    assert place.heard(topic_of(whole)) == []


def test_a_reason_beyond_the_size_limit_is_refused() -> None:
    changed = TradingStateChanged(
        **HEAD, account="a", state=TradingState.HALTED, reason="x" * MESSAGE_BYTES_MAX, actor="me"
    )
    with pytest.raises(Unpublishable):
        Place().topics.publish([changed])


@pytest.mark.parametrize("count", [100, 3_000, 12_000])
def test_the_notes_of_any_number_of_series_are_kept_whole(count: int) -> None:
    cloud = MemoryCloud()
    store = CursorTable(cloud.table("cursors"))
    rows = [Bar(START + 60 * n, *[FIGURE_MAX - n] * 5) for n in range(3)]
    noted = {
        ("1m", f"I{n}/USDT"): Series(
            instrument=f"I{n}/USDT", timeframe="1m", price_scale=8, volume_scale=8, after=0, bars=rows
        )
        for n in range(count)
    }
    store.write("v", Noted(noted, 0))
    assert store.read("v")[:3] == (noted, 1, 0)
    fewer = dict(list(noted.items())[:50])
    store.write("v", Noted(fewer, 1, START))
    assert store.read("v")[:3] == (fewer, 2, START)
    with pytest.raises(Conflict):
        store.write("v", Noted(noted, 1))
    assert store.read("v")[:3] == (fewer, 2, START)
