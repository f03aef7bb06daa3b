"""Generate docs/messages.md from the structs: every message, its fields, and an example that decodes."""

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from fanfold.deployment import UNORDERED_TOPICS
from fanfold.market.bars import Frame
from fanfold.messages import (
    PUBLISHED,
    SUBSCRIPTIONS,
    Charge,
    DataDefect,
    Fill,
    LegState,
    Message,
    Order,
    OrderUpdate,
    PositionSnapshot,
    Refusal,
    Replaced,
    Target,
    attributes_of,
    encode,
    group_of,
    tag_of,
    topic_of,
)
from fanfold_dev.documents.message_examples import EXAMPLES

PARTS = (Frame, DataDefect, Target, LegState, Order, Replaced, Refusal, OrderUpdate, Fill, Charge, PositionSnapshot)
_PLAIN = {str: "text", int: "integer", float: "number", bool: "true or false", Decimal: "decimal", datetime: "time"}
_HEAD = (
    "# Messages",
    "",
    "Written from `shared/fanfold/messages.py` and `records.py`; change the struct, not this page.",
    "",
    "A message is JSON on an SNS topic, delivered raw. `type` is its tag with its version, `cause` the id of what it",
    "follows from, and `at` the close of the bar that started the chain. Decimals are strings, times are ISO 8601 in",
    "UTC. Fields with a default may be left out; fields that a reader does not know are passed over.",
    "",
)


def messages_markdown() -> str:
    """Return the page: a table of messages, then each message, then the records inside them."""
    return "\n".join([*_HEAD, *_overview(), *_messages(), "## Records", "", *_records()]) + "\n"


def _overview() -> Iterator[str]:
    yield from ("| Message | Topic | FIFO group | Publishers | Subscribers |", "| --- | --- | --- | --- | --- |")
    for example in EXAMPLES:
        tag, topic = tag_of(type(example)), topic_of(example)
        readers = ", ".join(_subscribers(example))
        publishers = ", ".join(service for service, kinds in PUBLISHED.items() if type(example) in kinds)
        yield f"| [`{tag}`](#{tag.replace('.', '')}) | `{topic}` | {_group(example)} | {publishers} | {readers} |"
    yield ""


def _subscribers(example: Message) -> Iterator[str]:
    for name in SUBSCRIPTIONS:
        condition = received(name, example)
        if condition is not None:
            yield f"{name}{condition}"


def received(service: str, example: Message) -> str | None:
    """Return under which condition a service receives a message, "" for always and None for never."""
    filters = SUBSCRIPTIONS[service].get(topic_of(example))
    # A filter on an attribute that a message lacks lets it not pass.
    if filters is None or filters.keys() - attributes_of(example).keys():
        return None
    if tag_of(type(example)) not in filters.get("type", [tag_of(type(example))]):
        return None
    conditions = [f"`{key}` is {' or '.join(values)}" for key, values in filters.items() if key != "type"]
    return f" where {' and '.join(conditions)}" if conditions else ""


def _group(example: Message) -> str:
    if topic_of(example) in UNORDERED_TOPICS:
        return "none: no order"
    return "by venue" if group_of(example) == getattr(example, "venue", "") else "by account"


def _messages() -> Iterator[str]:
    for example in EXAMPLES:
        yield from (f"## {tag_of(type(example))}", "", _about(type(example)), "")
        yield from _fields(type(example))
        yield from ("```json", json.dumps(json.loads(encode(example)), indent=2), "```", "")


def _records() -> Iterator[str]:
    for kind in PARTS:
        yield from (f"### {kind.__name__}", "", _about(kind), "")
        yield from _fields(kind)


def _about(kind: type[msgspec.Struct]) -> str:
    text = (kind.__doc__ or "").replace("``", "`")
    return "\n".join(line.strip() for line in text.strip().splitlines())


def _fields(kind: type[msgspec.Struct]) -> Iterator[str]:
    yield from ("| Field | Type | Default |", "| --- | --- | --- |")
    for field in msgspec.structs.fields(kind):
        yield f"| `{field.encode_name}` | {type_name(field.type)} | {_default(field)} |"
    yield ""


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return ""
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return "left out" if value is msgspec.UNSET else f"`{json.dumps(value, default=str)}`"


def type_name(kind: Any) -> str:
    """Return the name of a field's type in a document."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return type_name(arguments[0])
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in {Union, UnionType}:
        kinds = [argument for argument in arguments if argument is not msgspec.UnsetType]
        return " or ".join("null" if argument is NoneType else type_name(argument) for argument in kinds)
    return f"list of {type_name(arguments[0])}" if origin is list else _plain(kind)


def _plain(kind: type) -> str:
    if issubclass(kind, StrEnum):
        return ", ".join(f"`{member}`" for member in kind)
    return _PLAIN.get(kind) or f"[{kind.__name__}](#{kind.__name__.lower()})"
