"""The billed units of one AWS call, from the call's parameters and response."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from fanfold.cost import units

# The size of an item as it lies there, by table and its key, or a whole item of that key (attribute values); 0 where
# there is none.
SizeOf = Callable[[str, Mapping[str, Any]], int]
WRITES = frozenset({"Put", "Update", "Delete", "ConditionCheck"})
S3_READS = frozenset({"GetObject", "HeadObject"})


class Sizes(NamedTuple):
    """The sizes of items before and after a call: a write is billed by the larger of the two."""

    before: SizeOf
    after: SizeOf


# A message's attributes, group and ids beside its body.
ENVELOPE = 300


def units_of(  # noqa: PLR0911 - a service each
    service: str, operation: str, parameters: Mapping[str, Any], answer: Mapping[str, Any], sizes: Sizes
) -> dict[str, Decimal]:
    """Return units by price item; none for a call of a service that bills no calls.

    Call it after the call itself. ``answer`` is empty where AWS refused the call, which is billed too.
    """
    match service:
        case "dynamodb":
            return _dynamodb(operation, parameters, answer, sizes)
        case "sns":
            return {"sns-request": Decimal(units.chunks(sum(map(_entry_bytes, _entries(parameters)))))}
        case "sqs":
            return {"sqs-request": Decimal(units.chunks(len(str(parameters.get("MessageBody", "")).encode())))}
        case "s3" if operation != "DeleteObject":
            return {"s3-get" if operation in S3_READS else "s3-put": Decimal(1)}
        case "cloudwatch":
            return {"cloudwatch-call": Decimal(1)}
        case "secretsmanager":
            return {"secret-call": Decimal(1)}
        case "kms":
            return {"key-call": Decimal(1)}
    return {}


def _entries(parameters: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    entries: Sequence[Mapping[str, Any]] = parameters.get("PublishBatchRequestEntries", [parameters])
    return entries


def _entry_bytes(entry: Mapping[str, Any]) -> int:
    return len(entry["Message"].encode()) + ENVELOPE


def _dynamodb(
    operation: str, parameters: Mapping[str, Any], answer: Mapping[str, Any], sizes: Sizes
) -> dict[str, Decimal]:
    kind = operation.removesuffix("Item")
    if kind in WRITES:
        return {"dynamodb-write": Decimal(units.write_units(_written(kind, parameters, sizes)))}
    if operation == "TransactWriteItems":
        sizes_written = [
            _written(kind, write_request, sizes)
            for write in parameters["TransactItems"]
            for kind, write_request in write.items()
        ]
        return {"dynamodb-write": Decimal(sum(units.write_units(size, transactional=True) for size in sizes_written))}
    if operation == "BatchWriteItem":
        puts = [
            {"TableName": table, "Item": request["PutRequest"]["Item"]}
            for table, requests in parameters["RequestItems"].items()
            for request in requests
        ]
        return {"dynamodb-write": Decimal(sum(units.write_units(_written("Put", put, sizes)) for put in puts))}
    return {"dynamodb-read": sum(_reads(operation, parameters, answer), Decimal())}


def _written(kind: str, parameters: Mapping[str, Any], sizes: Sizes) -> int:
    table = parameters["TableName"]
    if kind == "Put":
        item = parameters["Item"]
        return max(units.item_bytes(item), sizes.before(table, item))
    return max(sizes.before(table, parameters["Key"]), sizes.after(table, parameters["Key"]))


def _reads(operation: str, parameters: Mapping[str, Any], answer: Mapping[str, Any]) -> Iterator[Decimal]:
    if operation == "BatchGetItem":
        for table, request in parameters["RequestItems"].items():
            returned = answer.get("Responses", {}).get(table, [])
            sizes = [units.item_bytes(item) for item in returned] + [0] * (len(request["Keys"]) - len(returned))
            yield from (units.read_units(size, consistent=bool(request.get("ConsistentRead"))) for size in sizes)
        return
    items = answer.get("Items", [answer["Item"]] if answer.get("Item") else [])
    size = sum(units.item_bytes(item) for item in items)
    yield units.read_units(size, consistent=bool(parameters.get("ConsistentRead")))
