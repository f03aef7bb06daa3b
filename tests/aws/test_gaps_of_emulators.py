"""Gaps where moto or ministack answers otherwise than AWS, and the AWS in memory follows AWS.

A row fails as soon as an emulator answers as AWS does: then it goes, and the random sequences may hold such calls.
"""

from collections.abc import Mapping
from itertools import count
from typing import Any, NamedTuple

import pytest
from memory_calls import answer
from sequences import Emulation

from fanfold.aws.client.call import Call
from fanfold.simulation.cloud import MemoryCloud

KEY = {"pk": {"S": "P"}, "sk": {"S": "x"}}
OTHER = {"pk": {"S": "P"}, "sk": {"S": "y"}}
NUMBERS = count()
INVALID = ("ValidationException", [])
NO_ITEM: dict[str, Any] = {}
Parameters = Mapping[str, Any]
API = "DynamoDB API reference, "
GUIDE = "DynamoDB developer guide, "


class Gap(NamedTuple):
    """Calls of which the last has an answer that AWS documents, and the emulators that give another one."""

    name: str
    calls: list[tuple[str, Parameters]]
    answer: Any
    others: set[str]
    source: str


def put(attributes: Parameters, **more: Any) -> tuple[str, Parameters]:
    return "PutItem", {"Item": {**KEY, **attributes}, **more}


def update(text: str, values: Parameters, **more: Any) -> tuple[str, Parameters]:
    return "UpdateItem", {"Key": KEY, "UpdateExpression": text, "ExpressionAttributeValues": values, **more}


def transaction(*writes: Parameters, **more: Any) -> tuple[str, Parameters]:
    return "TransactWriteItems", {"TransactItems": list(writes), **more}


def putting(attributes: Parameters, key: Parameters = KEY, **more: Any) -> Parameters:
    return {"Put": {"Item": {**key, **attributes}, **more}}


def number(text: str) -> Parameters:
    return {"N": text}


NEW: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
GAPS = [
    Gap("a number of 39 digits", [put({"n": number("9" * 39)})], INVALID, {"moto"}, GUIDE + "data types"),
    Gap(
        "a sum of more than 38 digits",
        [put({"n": number("1" + "0" * 37)}), update("SET n = n + :v", {":v": number("0.1")})],
        INVALID,
        {"moto", "ministack"},
        GUIDE + "data types",
    ),
    Gap(
        "a write of a transaction that its item does not allow",
        [transaction(putting({}, OTHER), {"Update": update("SET a.b = :v", {":v": number("1")})[1]})],
        ("TransactionCanceledException", [("None", {}), ("ValidationError", {})]),
        {"moto"},
        API + "TransactWriteItems, errors",
    ),
    Gap(
        "a transaction once more under its token",
        [
            transaction(putting({}, **NEW), ClientRequestToken="t"),
            transaction(putting({}, **NEW), ClientRequestToken="t"),
        ],
        NO_ITEM,
        {"moto"},
        API + "TransactWriteItems, ClientRequestToken",
    ),
    Gap(
        "another transaction under the same token",
        [
            transaction(putting({"a": number("1")}), ClientRequestToken="t"),
            transaction(putting({"a": number("2")}), ClientRequestToken="t"),
        ],
        ("IdempotentParameterMismatchException", []),
        {"moto"},
        API + "TransactWriteItems, ClientRequestToken",
    ),
    Gap(
        "a value that no expression names",
        [put({}, **NEW, ExpressionAttributeValues={":v": number("1")})],
        INVALID,
        {"moto"},
        GUIDE + "expression attribute values",
    ),
    Gap(
        "a batch that writes an item twice",
        [("BatchWriteItem", {"RequestItems": [{"PutRequest": {"Item": KEY}}, {"DeleteRequest": {"Key": KEY}}]})],
        INVALID,
        {"moto"},
        API + "BatchWriteItem",
    ),
    Gap(
        "a batch of 26 writes",
        [
            (
                "BatchWriteItem",
                {"RequestItems": [{"PutRequest": {"Item": {**KEY, "sk": {"S": str(at)}}}} for at in range(26)]},
            )
        ],
        INVALID,
        {"moto"},
        API + "BatchWriteItem",
    ),
    Gap(
        "two paths of an update, one in the other",
        [update("SET a = :v REMOVE a", {":v": number("1")})],
        INVALID,
        {"ministack"},
        GUIDE + "update expressions",
    ),
    Gap(
        "a number added in a map that is not there",
        [update("ADD a.b :v", {":v": number("1")})],
        INVALID,
        {"ministack"},
        GUIDE + "update expressions",
    ),
    Gap(
        "a range whose end is before its start",
        [
            put(
                {},
                ConditionExpression="a BETWEEN :v AND :w",
                ExpressionAttributeValues={":v": number("2"), ":w": number("1")},
            )
        ],
        INVALID,
        {"moto"},
        GUIDE + "comparison operators",
    ),
    Gap(
        "lists in an order",
        [
            put({"a": {"L": []}}),
            put({}, ConditionExpression="a < :v", ExpressionAttributeValues={":v": {"L": []}}),
        ],
        INVALID,
        {"moto", "ministack"},
        GUIDE + "comparison operators",
    ),
    Gap("a set with a member twice", [put({"a": {"SS": ["a", "a"]}})], INVALID, {"moto"}, GUIDE + "data types"),
]


def results(call: Call, calls: list[tuple[str, Parameters]]) -> list[Any]:
    """Return the answers to calls on a table of their own."""
    name = f"gap-{next(NUMBERS)}"
    attributes = [{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")]
    schema = [{"AttributeName": key, "KeyType": kind} for key, kind in (("pk", "HASH"), ("sk", "RANGE"))]
    table = {"TableName": name, "BillingMode": "PAY_PER_REQUEST"}
    call("dynamodb", "CreateTable", table | {"AttributeDefinitions": attributes, "KeySchema": schema})
    return [answer(call, "dynamodb", operation, _on(name, operation, parameters)) for operation, parameters in calls]


def _on(table: str, operation: str, parameters: Parameters) -> Parameters:
    if operation == "BatchWriteItem":
        return {"RequestItems": {table: parameters["RequestItems"]}}
    if operation != "TransactWriteItems":
        return {"TableName": table, **parameters}
    writes = [{kind: {"TableName": table, **write}} for of in parameters["TransactItems"] for kind, write in of.items()]
    return {**parameters, "TransactItems": writes}


@pytest.mark.parametrize("gap", GAPS, ids=[gap.name for gap in GAPS])
def test_an_emulator_still_answers_otherwise_than_aws_and_memory(gap: Gap, emulator: Emulation) -> None:
    assert results(MemoryCloud().call, gap.calls)[-1] == gap.answer, gap.source
    agrees = results(emulator.call, gap.calls)[-1] == gap.answer
    assert agrees == (emulator.name not in gap.others), gap.source
