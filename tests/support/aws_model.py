"""The reasons for which AWS refuses a request unseen: botocore's models of operations, and rules that they lack."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.model import Shape
from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

from fanfold.simulation.items import ITEM_BYTES, size

EXPRESSIONS = ("ConditionExpression", "FilterExpression", "KeyConditionExpression", "UpdateExpression")
# The words of DynamoDB's own language, which its list of reserved words has too.
LANGUAGE = frozenset(["SET", "REMOVE", "ADD", "DELETE", "AND", "OR", "NOT", "IN", "BETWEEN"])
# Of an item's two keys, and of what SNS and SQS take at once with the attributes.
PK_BYTES, SK_BYTES, MESSAGE_BYTES = 2_048, 1_024, 262_144
# Names of executions, groups and deduplication have no pattern in the models.
EXECUTION = re.compile(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}")
FIFO_ID = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,./:;<=>?@\[\\\]^_`{|}~-]{1,128}")
ATTRIBUTE = re.compile(r"(?!AWS\.|Amazon\.|\.)(?!.*\.\.)[A-Za-z0-9_.-]{1,256}(?<!\.)")
ATTRIBUTES_MAX = 10
KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,), "blob": (bytes, str), "boolean": (bool,), "integer": (int,), "long": (int,),
}  # fmt: skip
IN_MAX = 100


def refusals(service: str, operation: str, parameters: Mapping[str, Any]) -> list[str]:
    """Return the reasons to refuse a request, each with its place; a recorded one has bytes in base 64."""
    wrong = list(_of_shape("", dict(parameters), _input(service, operation)))
    if service == "dynamodb":
        wrong += _of_dynamodb(operation, parameters)
    if service in {"sns", "sqs"}:
        wrong += _of_messages(parameters)
    if operation == "StartExecution" and not EXECUTION.fullmatch(parameters.get("name", "any")):
        wrong.append(f"name: {parameters['name']!r} is no name of an execution")
    if service == "s3" and len(str(parameters.get("Key", "")).encode()) > 1_024:
        wrong.append("Key: longer than 1,024 bytes")
    return [f"{service}.{operation} {each}" for each in wrong]


@cache
def _input(service: str, operation: str) -> Shape:
    model = botocore.session.get_session().get_service_model(service)
    shape = model.operation_model(operation).input_shape
    assert shape is not None
    return shape


def _of_shape(at: str, value: Any, shape: Any) -> Iterator[str]:
    if shape.type_name == "structure":
        yield from _of_structure(at, value, shape)
    elif shape.type_name == "list":
        yield from _of_length(at, value, shape)
        for number, entry in enumerate(value):
            yield from _of_shape(f"{at}[{number}]", entry, shape.member)
    elif shape.type_name == "map":
        yield from _of_length(at, value, shape)
        for key, entry in value.items():
            yield from _of_shape(f"{at}.{key}", key, shape.key)
            yield from _of_shape(f"{at}.{key}", entry, shape.value)
    else:
        yield from _of_scalar(at, value, shape)


def _of_structure(at: str, value: Mapping[str, Any], shape: Any) -> Iterator[str]:
    unknown = sorted(value.keys() - shape.members.keys())
    missing = [name for name in shape.required_members if name not in value]
    yield from (f"{at}.{name}: not known" for name in unknown)
    yield from (f"{at}.{name}: missing" for name in missing)
    if getattr(shape, "is_tagged_union", False) and len(value) != 1:
        yield f"{at}: one member of a union"
    for name in value.keys() & shape.members.keys():
        yield from _of_shape(f"{at}.{name}", value[name], shape.members[name])


def _of_length(at: str, value: Any, shape: Any) -> Iterator[str]:
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max", float("inf"))
    if not low <= len(value) <= high:
        yield f"{at}: {len(value)} of {low} to {high}"


def _of_scalar(at: str, value: Any, shape: Any) -> Iterator[str]:
    if not isinstance(value, KINDS.get(shape.type_name, (object,))):
        yield f"{at}: {value!r} is no {shape.type_name}"
    elif shape.type_name == "string":
        yield from _of_length(at, value, shape)
        if shape.enum and value not in shape.enum:
            yield f"{at}: {value!r} is none of {shape.enum}"
        pattern = shape.metadata.get("pattern")
        if pattern and not _pattern(pattern).search(str(value)):
            yield f"{at}: {value!r} does not match {pattern}"
    elif shape.type_name in {"integer", "long"}:
        low, high = shape.metadata.get("min", value), shape.metadata.get("max", value)
        if not low <= value <= high:
            yield f"{at}: {value} is not from {low} to {high}"


@cache
def _pattern(pattern: str) -> "re.Pattern[str]":
    """Return a pattern of the models for a whole value; Python has no names for classes of letters."""
    for name, letters in ((r"\p{L}", "A-Za-z"), (r"\p{Z}", " "), (r"\p{N}", "0-9")):
        pattern = pattern.replace(name, letters)
    return re.compile(rf"\A(?:{pattern})\Z")


def _of_dynamodb(operation: str, parameters: Mapping[str, Any]) -> Iterator[str]:
    for place, request in _requests(operation, parameters):
        yield from (f"{place}{wrong}" for wrong in _of_expressions(request))
        yield from (f"{place}{wrong}" for wrong in _of_item(request.get("Item", request.get("Key", {}))))
    if operation == "TransactWriteItems":
        writes = [next(iter(write.values())) for write in parameters["TransactItems"]]
        keys = [json.dumps([write["TableName"], _key(write.get("Item", write.get("Key")))]) for write in writes]
        yield from (f"twice in a transaction: {key}" for key in sorted(keys) if keys.count(key) > 1)


def _requests(operation: str, parameters: Mapping[str, Any]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Yield each request of one table, those of a transaction or a batch too."""
    if operation == "TransactWriteItems":
        for number, write in enumerate(parameters["TransactItems"]):
            yield from ((f"[{number}].{kind}", request) for kind, request in write.items())
    elif operation == "BatchWriteItem":
        for writes in parameters["RequestItems"].values():
            yield from ((kind, request) for write in writes for kind, request in write.items())
    elif operation == "BatchGetItem":
        for wanted in parameters["RequestItems"].values():
            yield from (("Keys", {"Key": key}) for key in wanted["Keys"])
    else:
        yield "", parameters


def _of_expressions(request: Mapping[str, Any]) -> Iterator[str]:
    text = " ".join(request[name] for name in EXPRESSIONS if name in request)
    values = request.get("ExpressionAttributeValues", {})
    used = set(re.findall(r":\w+", text))
    yield from (f".{name}: a value that no expression uses" for name in sorted(values.keys() - used))
    yield from (f".{name}: used, and not given" for name in sorted(used - values.keys()))
    words = {word for word in re.findall(r"(?<![:#\w])[A-Za-z]\w*", text) if not re.search(rf"\b{word}\s*\(", text)}
    reserved = {word for word in words if word.upper() in _reserved()} - LANGUAGE
    yield from (f": {word} is a reserved word" for word in sorted(reserved))
    for listed in re.findall(r"\bIN\s*\(([^)]*)\)", text):
        if listed.count(",") >= IN_MAX:
            yield f": more than {IN_MAX} operands of IN"
    if "ExpressionAttributeValues" in request and not values:
        yield ".ExpressionAttributeValues: empty"


@cache
def _reserved() -> frozenset[str]:
    return frozenset(ReservedKeywords.get_reserved_keywords())


def _of_item(item: Mapping[str, Any]) -> Iterator[str]:
    if size(item) > ITEM_BYTES:
        yield f": an item of {size(item)} bytes"
    for name, most in (("pk", PK_BYTES), ("sk", SK_BYTES)):
        key = item.get(name, {}).get("S", "any")
        if not 0 < len(key.encode()) <= most:
            yield f".{name}: {len(key.encode())} bytes"


def _key(item: Any) -> list[Any]:
    return [item["pk"], item["sk"]]


def _of_messages(parameters: Mapping[str, Any]) -> Iterator[str]:
    entries = parameters.get("PublishBatchRequestEntries", [parameters])
    total = 0
    for entry in entries:
        attributes = entry.get("MessageAttributes", {})
        body = entry.get("Message", entry.get("MessageBody", "any"))
        values = [value.get("StringValue", "any") for value in attributes.values()]
        total += len(body.encode()) + sum(len(text.encode()) for text in (*attributes, *values))
        yield from (f".MessageAttributes.{name}: no name" for name in attributes if not ATTRIBUTE.fullmatch(name))
        yield from (f".{field}: empty" for field in (body, *values) if not field)
        if len(attributes) > ATTRIBUTES_MAX:
            yield f".MessageAttributes: {len(attributes)} are lost where a queue gets messages raw"
        for name in ("MessageGroupId", "MessageDeduplicationId"):
            if not FIFO_ID.fullmatch(entry.get(name, "any")):
                yield f".{name}: {entry[name]!r}"
    if total > MESSAGE_BYTES:
        yield f": {total} bytes"
    yield from (f": ids {each}" for each in [[entry.get("Id") for entry in entries]] if len(set(each)) < len(each))
