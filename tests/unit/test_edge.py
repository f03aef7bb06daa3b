"""The consumer of a queue: what cannot be understood is a dead letter with its reason; what failed comes again."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from fanfold.aws.function.sqs import Arrived, SqsConsumer, consume, consume_batch, filtered
from fanfold.aws.telemetry.telemetry import Telemetry
from fanfold.errors import BadInput
from fanfold.market import bars
from fanfold.messages import BarsClosed, ExecutionReport, Message, OrdersRefused, Targets, encode
from support.core_desk import A, bars_message, stretch, walk

WHOLE = walk(1, A, 20)
Handled = list[str]


class Cloud:
    """AWS as the edge sees it; keeps dead-lettered messages, and faults by message id."""

    def __init__(self) -> None:
        self.dead_lettered: list[dict[str, Any]] = []
        self.faults: dict[str, str] = {}
        self.expires: list[int] = []

    def __call__(self, service: str, operation: str, parameters: Any) -> dict[str, Any]:
        if operation == "SendMessage":
            self.dead_lettered.append(parameters)
        else:
            self.faults[parameters["Item"]["pk"]["S"]] = parameters["Item"]["reason"]["S"]
            self.expires.append(int(parameters["Item"]["expires_at_s"]["N"]))
        return {}

    def reasons(self) -> dict[str, str]:
        return {
            entry["MessageAttributes"]["message"]["StringValue"]: entry["MessageAttributes"]["reason"]["StringValue"]
            for entry in self.dead_lettered
        }


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def edge(cloud: Cloud, letters: str = "dead-letters.fifo") -> SqsConsumer:
    def clock() -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC)

    return SqsConsumer(cloud, letters, "faults", clock, Telemetry({}, clock, write=len))


def record(name: str, group: str = "g", body: str | None = None, times: int = 1) -> dict[str, Any]:
    message = bars_message([stretch(A, WHOLE, 0, 1)], name)
    return {
        "messageId": f"m-{name}",
        "body": encode(message).decode() if body is None else body,
        "eventSourceARN": "arn:queue",
        "attributes": {"MessageGroupId": group, "ApproximateReceiveCount": str(times), "SentTimestamp": "123"},
    }


def handler(handled: Handled, wrong: tuple[str, ...] = (), faulty: tuple[str, ...] = ()) -> Callable[[Arrived], None]:
    def handle(arrived: Arrived) -> None:
        name = arrived.message.id.removesuffix("/1")
        if name in wrong:
            raise BadInput(f"{name} is wrong")
        if name in faulty:
            raise OSError(f"{name} failed")
        handled.append(name)

    return handle


def batch_handler(handled: Handled, wrong: tuple[str, ...] = (), faulty: tuple[str, ...] = ()) -> Any:
    """All or none."""
    handle_single = handler([], wrong, faulty)

    def handle(arrived: list[Arrived]) -> None:
        for each in arrived:
            handle_single(each)
        handled.extend(each.message.id.removesuffix("/1") for each in arrived)

    return handle


def failures(answer: dict[str, Any]) -> list[str]:
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


@pytest.mark.parametrize("body", ["", "{", "[]", '{"type":"bars.v9"}', '{"type":"bars-closed.v1","id":7}'])
def test_an_invalid_message_is_dead_lettered_with_its_reason_and_others_are_handled(cloud: Cloud, body: str) -> None:
    handled: Handled = []
    event = {"Records": [record("a"), record("b", body=body), record("c")]}
    assert failures(consume(event, handler(handled), edge(cloud))) == []
    assert handled == ["a", "c"]
    (letter,) = cloud.dead_lettered
    assert (letter["QueueUrl"], letter["MessageBody"], letter["MessageGroupId"]) == ("dead-letters.fifo", body, "g")
    assert letter["MessageDeduplicationId"] == "m-b"
    attributes = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert (attributes["source"], attributes["message"]) == ("arn:queue", "m-b")
    assert attributes["reason"].startswith("not a message: ")


def test_wrong_input_dead_letters_that_record_alone(cloud: Cloud) -> None:
    handled: Handled = []
    event = {"Records": [record(name) for name in "abc"]}
    assert failures(consume(event, handler(handled, wrong=("b",)), edge(cloud))) == []
    assert handled == ["a", "c"]
    assert cloud.reasons() == {"m-b": "b is wrong"}
    assert cloud.faults == {}


def test_a_fault_returns_the_record_and_all_later_ones_of_its_group(cloud: Cloud) -> None:
    handled: Handled = []
    event = {"Records": [record("a", "x"), record("b", "y"), record("c", "x"), record("d", "y"), record("e", "x")]}
    assert failures(consume(event, handler(handled, faulty=("c",)), edge(cloud))) == ["m-c", "m-e"]
    assert handled == ["a", "b", "d"]
    assert cloud.faults == {"m-c": "OSError: c failed"}
    assert cloud.expires == [int(datetime(2026, 3, 15, tzinfo=UTC).timestamp())]  # With the letter that it is of.
    assert cloud.dead_lettered == []


def test_a_record_after_a_fault_in_its_group_is_not_decoded(cloud: Cloud) -> None:
    event = {"Records": [record("a"), record("b", body="{")]}
    assert failures(consume(event, handler([], faulty=("a",)), edge(cloud))) == ["m-a", "m-b"]
    assert cloud.dead_lettered == []


def test_a_batch_is_handled_whole(cloud: Cloud) -> None:
    handled: Handled = []
    event = {"Records": [record(str(number)) for number in range(12)]}
    assert failures(consume_batch(event, batch_handler(handled), edge(cloud), size=5)) == []
    assert handled == [str(number) for number in range(12)]


def test_wrong_input_in_a_batch_dead_letters_that_record_alone(cloud: Cloud) -> None:
    handled: Handled = []
    event = {"Records": [record("a"), record("x", body="{"), record("b"), record("c")]}
    assert failures(consume_batch(event, batch_handler(handled, wrong=("b",)), edge(cloud))) == []
    assert handled == ["a", "c"]
    assert set(cloud.reasons()) == {"m-x", "m-b"}


def test_a_fault_in_a_batch_returns_the_batch_and_later_records_of_its_groups(cloud: Cloud) -> None:
    event = {"Records": [record("a", "x"), record("b", "y"), record("c", "x"), record("d", "z")]}
    handled: Handled = []
    assert failures(consume_batch(event, batch_handler(handled, faulty=("b",)), edge(cloud), size=2)) == [
        "m-a",
        "m-b",
        "m-c",
    ]
    assert handled == ["d"]


def test_handled_one_by_one_records_after_a_fault_in_their_group_wait(cloud: Cloud) -> None:
    """After wrong input a batch is taken apart; order in a group holds then, too."""
    handled: Handled = []
    event = {"Records": [record("a", "x"), record("b", "x"), record("c", "x"), record("d", "y")]}
    answer = consume_batch(event, batch_handler(handled, wrong=("a",), faulty=("b",)), edge(cloud))
    assert failures(answer) == ["m-b", "m-c"]
    assert handled == ["d"]
    assert set(cloud.reasons()) == {"m-a"}


def test_a_standard_queue_is_sent_no_group_and_no_deduplication(cloud: Cloud) -> None:
    event = {"Records": [record("a", body="{")]}
    assert failures(consume_batch(event, batch_handler([]), edge(cloud, "dead-letters"))) == []
    (letter,) = cloud.dead_lettered
    assert set(letter) == {"QueueUrl", "MessageBody", "MessageAttributes"}


def test_a_record_without_a_group_waits_for_no_other(cloud: Cloud) -> None:
    """Records of a standard queue have no group: a fault is that record's alone."""
    event = {"Records": [record(name) for name in "abcd"]}
    for arrived_record in event["Records"]:
        del arrived_record["attributes"]["MessageGroupId"]
    handled: Handled = []
    answer = consume_batch(event, batch_handler(handled, wrong=("a",), faulty=("b",)), edge(cloud))
    assert failures(answer) == ["m-b"]
    assert handled == ["c", "d"]


def test_a_verb_receives_whether_a_message_came_before_and_when_it_was_sent(cloud: Cloud) -> None:
    seen: list[Arrived] = []
    consume({"Records": [record("a"), record("b", times=2)]}, seen.append, edge(cloud))
    assert [(arrived.again, arrived.sent_ms) for arrived in seen] == [(False, 123), (True, 123)]


def test_a_long_reason_is_cut_to_what_an_attribute_takes(cloud: Cloud) -> None:
    def handle(_arrived: Arrived) -> None:
        raise BadInput("x" * 5_000)

    consume({"Records": [record("a")]}, handle, edge(cloud))
    assert len(cloud.reasons()["m-a"]) == 1_000


def uneven() -> str:
    """Bars whose columns are not of one length."""
    message = bars_message([stretch(A, WHOLE, 0, 3)], "uneven")
    frame = msgspec.structs.replace(message.frames[0], close=message.frames[0].close[:-1])
    return encode(msgspec.structs.replace(message, frames=[frame])).decode()


NO_MESSAGES = {
    "nested": "[" * 60_000,
    "nested in a field": '{"type":"orders-approved.v1","id":' + "[" * 60_000,
    "no text": "\ud800",
    "empty": "",
    "no JSON": "{",
    "of no version": '{"type":"orders-approved.v9"}',
    "control": "\x00\x01",
}


@pytest.mark.parametrize("body", NO_MESSAGES.values(), ids=NO_MESSAGES)
def test_an_unreadable_body_is_dead_lettered_alone_with_its_reason(cloud: Cloud, body: str) -> None:
    handled: Handled = []
    records = [record("a"), record("b", body=body), record("c")]
    answer = consume({"Records": records}, handler(handled), edge(cloud))
    assert (answer["batchItemFailures"], handled) == ([], ["a", "c"])
    assert cloud.reasons()["m-b"].startswith("not a message: ")


def test_a_dead_letter_fits_the_limits_of_a_queue(cloud: Cloud) -> None:
    consume({"Records": [record("a", body="\x00\ud800{" + "é" * 300_000)]}, handler([]), edge(cloud))
    (letter,) = cloud.dead_lettered
    assert letter["MessageBody"].startswith("\ufffd\ufffd{é")
    assert len(letter["MessageBody"].encode()) <= 250_000


def test_a_record_without_attributes_is_dead_lettered_alone(cloud: Cloud) -> None:
    handled: Handled = []
    bare = {"messageId": "m-b", "body": record("b")["body"]}
    consume({"Records": [record("a"), bare, record("c")]}, handler(handled), edge(cloud, "letters"))
    assert (handled, list(cloud.reasons())) == (["a", "c"], ["m-b"])


def test_a_record_that_cannot_be_dead_lettered_is_redelivered_alone(cloud: Cloud) -> None:
    def full(service: str, operation: str, parameters: Any) -> dict[str, Any]:
        if operation == "SendMessage":
            raise OSError("no queue")
        return cloud(service, operation, parameters)

    handled: Handled = []
    broken = edge(cloud)._replace(call=full)
    records = [record("a"), record("b", group="other", body="{"), record("c")]
    answer = consume({"Records": records}, handler(handled), broken)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m-b"}]}
    assert handled == ["a", "c"]
    assert "the dead-letter queue did not take it: no queue" in cloud.faults["m-b"]


def test_a_fault_that_cannot_be_recorded_stops_no_other_record(cloud: Cloud) -> None:
    def down(_service: str, _operation: str, _parameters: Any) -> dict[str, Any]:
        raise OSError("no table")

    handled: Handled = []
    records = [record("a", group="other"), record("b")]
    answer = consume({"Records": records}, handler(handled, faulty=("a",)), edge(cloud)._replace(call=down))
    assert (answer, handled) == ({"batchItemFailures": [{"itemIdentifier": "m-a"}]}, ["b"])


def test_columns_of_unequal_length_are_dead_lettered_and_block_no_other_record(cloud: Cloud) -> None:
    handled: Handled = []

    def unpacking(arrived: Arrived) -> None:
        assert isinstance(arrived.message, BarsClosed)
        bars.unpack(arrived.message.frames)
        handled.append(arrived.message.id)

    records = [record("a", body=uneven()), record("b")]
    answer = consume({"Records": records}, unpacking, edge(cloud))
    assert (answer["batchItemFailures"], len(handled)) == ([], 1)
    assert "columns" in cloud.reasons()["m-a"]


AT = datetime(2026, 3, 1, tzinfo=UTC)
BARS = bars_message([stretch(A, WHOLE, 0, 1)], "bars")
REPORT = ExecutionReport(id="report", cause="t", at=AT, account="main", venue="v")
REFUSED = OrdersRefused(id="refused", cause="t", at=AT, account="main", refusals=[])
TARGETS = Targets(id="targets", cause="t", at=AT, account="main", poll_id="", targets=[])


@pytest.mark.parametrize(("service", "message", "heeded"), [
    ("risk", BARS, True),
    ("risk", msgspec.structs.replace(BARS, requested=True), False),
    ("execution", msgspec.structs.replace(BARS, requested=True), False),
    ("signal", msgspec.structs.replace(BARS, requested=True), True),
    ("risk", REPORT, False),
    ("risk", msgspec.structs.replace(REPORT, matched=True), True),
    ("risk", TARGETS, True),
    ("execution", REFUSED, False),
    ("alerts", REFUSED, True),
    ("alerts", TARGETS, False),
    ("alerts", REPORT, False),
])  # fmt: skip
def test_what_comes_through_a_filter_is_passed_over(cloud: Cloud, service: str, message: Message, heeded: bool) -> None:
    """A filter takes up to fifteen minutes; until then old bars come to traders, and what has no verb would ring."""
    handled: Handled = []
    consumer = edge(cloud)
    event = {"Records": [record("any", body=encode(message).decode())]}
    assert consume(event, filtered(service, handler(handled), consumer), consumer) == {"batchItemFailures": []}
    assert (len(handled), cloud.dead_lettered, cloud.faults) == (int(heeded), [], {})
