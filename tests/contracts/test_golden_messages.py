"""Messages on the wire stay readable for ever: each version of a message has a file, which is never edited."""

import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from golden_examples import EXAMPLES

from fanfold.messages import (
    SUBSCRIPTIONS,
    TOPICS,
    LegStatus,
    Message,
    OrdersRefused,
    TradingStateChanged,
    attributes_of,
    decode,
    encode,
    group_of,
    tag_of,
    topic_of,
)

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*.json"))
BY_TAG = {tag_of(type(example)): example for example in EXAMPLES}


def changed(name: str, path: list[str | int], value: object) -> bytes:
    """A golden message with one field set to something else."""
    document: Any = msgspec.json.decode((GOLDEN / f"{name}.json").read_bytes())
    inner = document
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return msgspec.json.encode(document)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_golden_message_is_read_and_written_back_byte_for_byte(file: Path) -> None:
    assert encode(decode(file.read_bytes())) == file.read_bytes()


def test_every_version_has_a_golden_file_and_every_file_its_version() -> None:
    tags = {tag_of(kind) for kind in get_args(Message)}
    assert {file.stem for file in FILES} == tags
    assert tags == set(BY_TAG)


@pytest.mark.parametrize("kind", get_args(Message))
def test_a_tag_is_the_name_of_its_class(kind: type[Message]) -> None:
    assert re.fullmatch(re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind.__name__).lower() + r"\.v\d+", tag_of(kind))


@pytest.mark.parametrize("tag", sorted(BY_TAG))
def test_a_golden_file_decodes_to_the_values_it_was_written_from(tag: str) -> None:
    assert decode((GOLDEN / f"{tag}.json").read_bytes()) == BY_TAG[tag]


@pytest.mark.parametrize("tag", sorted(BY_TAG))
def test_an_unknown_field_is_ignored(tag: str) -> None:
    assert decode(changed(tag, ["added_later"], {"any": [1]})) == BY_TAG[tag]


@pytest.mark.parametrize("tag", ["bars-closed.v2", "bars-closed", "Bars", "order.v1", ""])
def test_an_unknown_version_is_refused_by_its_name(tag: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=rf"Invalid value '{tag}' - at `\$.type`"):
        decode(changed("bars-closed.v1", ["type"], tag))


@pytest.mark.parametrize(
    ("name", "path", "value", "field"),
    [
        ("bars-closed.v1", ["frames", 0, "open", 1], "1", "$.frames[0].open[1]"),
        ("bars-closed.v1", ["at"], 12, "$.at"),
        ("bars-closed.v1", ["at"], "2026-03-01T12:00:00", "$.at"),
        ("targets.v1", ["targets", 0, "weight"], None, "$.targets[0].weight"),
        ("targets.v1", ["part"], 1.5, "$.part"),
        ("orders-approved.v1", ["orders", 0, "side"], "hold", "$.orders[0].side"),
        ("orders-approved.v1", ["orders", 0, "quantity"], "much", "$.orders[0].quantity"),
        ("trading-state-changed.v1", ["state"], "ASLEEP", "$.state"),
        ("execution-report.v1", ["fills", 0, "price"], None, "$.fills[0].price"),
    ],
)
def test_a_field_of_another_type_is_refused_by_its_name(
    name: str, path: list[str | int], value: object, field: str
) -> None:
    with pytest.raises(msgspec.ValidationError, match=re.escape(f"at `{field}`")):
        decode(changed(name, path, value))


def test_a_refusal_of_a_later_version_keeps_its_code() -> None:
    body = changed("orders-refused.v1", ["refusals", 0, "code"], "WEATHER")
    later = decode(body)
    assert isinstance(later, OrdersRefused)
    assert (later.refusals[0].code, encode(later)) == ("WEATHER", body)


def test_a_leg_state_of_a_later_version_keeps_its_code() -> None:
    body = changed("leg-status.v1", ["statuses", 0, "code"], "WEATHER")
    later = decode(body)
    assert isinstance(later, LegStatus)
    assert (later.statuses[0].code, encode(later)) == ("WEATHER", body)


def test_a_trading_state_names_what_it_replaces_and_one_from_before_that_names_nothing() -> None:
    older = decode((GOLDEN / "trading-state-changed.v1.json").read_bytes())
    body = changed("trading-state-changed.v1", ["replaces"], "h0")
    newer = decode(body)
    assert isinstance(older, TradingStateChanged)
    assert isinstance(newer, TradingStateChanged)
    assert (older.replaces, newer.replaces, encode(newer)) == ("", "h0", body)


def test_the_code_of_a_refusal_must_be_text() -> None:
    with pytest.raises(msgspec.ValidationError, match="code"):
        decode(changed("orders-refused.v1", ["refusals", 0, "code"], 7))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"7", b'{"id": "x"}'])
def test_an_invalid_message_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        decode(body)


def test_amounts_are_text_and_keep_their_zeros() -> None:
    document = msgspec.json.decode((GOLDEN / "orders-approved.v1.json").read_bytes())
    assert document["orders"][0]["quantity"] == "0.10"


@pytest.mark.parametrize("tag", sorted(BY_TAG))
def test_a_message_has_one_topic_a_group_and_attributes_that_name_it(tag: str) -> None:
    message = BY_TAG[tag]
    assert [topic for topic, kinds in TOPICS.items() if type(message) in kinds] == [topic_of(message)]
    assert group_of(message) in {"binance", "main", "commands"}
    assert attributes_of(message)["type"] == tag


def test_subscriptions_name_topics_and_attributes_that_there_are() -> None:
    for topics in SUBSCRIPTIONS.values():
        for topic, wanted in topics.items():
            attributes = [attributes_of(example) for example in EXAMPLES if topic_of(example) == topic]
            assert attributes
            assert all(any(name in names for names in attributes) for name in wanted)
