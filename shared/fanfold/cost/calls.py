"""What one AWS call is billed as: units of the price table, from the call's parameters and answer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from fanfold.cost import units

# The size of an item as it lies there, by table and key (attribute values); 0 where there is none.
SizeOf = Callable[[str, Mapping[str, Any]], int]
WRITES = frozenset({"Put", "Update", "Delete", "ConditionCheck"})
S3_READS = frozenset({"GetObject", "HeadObject"})
# A message's attributes, group and ids beside its body.
ENVELOPE = 300


def units_of(  # noqa: PLR0911 - a service each
    service: str, operation: str, parameters: Mapping[str, Any], answer: Mapping[str, Any], size_of: SizeOf
) -> dict[str, Decimal]:
    """Units by price item; a call of a service that bills no calls has none.

    Ask after the call: an update is billed by the item it makes. ``answer`` is empty where AWS refused, and billed it.
    """
    match service:
        case "dynamodb":
            return _dynamodb(operation, parameters, answer, size_of)
        case "sns":
            return {"sns-request": Decimal(units.chunks(sum(map(_entry_bytes, _entries(parameters)))))}
        case "sqs":
            return {"sqs-request": Decimal(units.chunks(len(str(parameters.get("MessageBody", "")).encode())))}
        case "s3" if operation != "DeleteObject":
            return {"s3-get" if operation in S3_READS else "s3-put": Decimal(1)}
        case "secretsmanager":
            return {"secret-call": Decimal(1)}
        case "kms":
            return {"key-call": Decimal(1)}
    return {}


def _entries(parameters: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = parameters.get("PublishBatchRequestEntries", [parameters])
    return found


def _entry_bytes(entry: Mapping[str, Any]) -> int:
    return len(entry["Message"].encode()) + ENVELOPE


def _dynamodb(
    operation: str, parameters: Mapping[str, Any], answer: Mapping[str, Any], size_of: SizeOf
) -> dict[str, Decimal]:
    kind = operation.removesuffix("Item")
    if kind in WRITES:
        return {"dynamodb-write": Decimal(units.write_units(_written(kind, parameters, size_of)))}
    if operation == "TransactWriteItems":
        sizes = [_written(kind, one, size_of) for write in parameters["TransactItems"] for kind, one in write.items()]
        return {"dynamodb-write": Decimal(sum(units.write_units(size, transactional=True) for size in sizes))}
    return {"dynamodb-read": sum(_reads(operation, parameters, answer), Decimal())}


def _written(kind: str, parameters: Mapping[str, Any], size_of: SizeOf) -> int:
    if kind == "Put":
        return units.item_bytes(parameters["Item"])
    return size_of(parameters["TableName"], parameters["Key"])


def _reads(operation: str, parameters: Mapping[str, Any], answer: Mapping[str, Any]) -> Iterator[Decimal]:
    if operation == "BatchGetItem":
        for table, asked in parameters["RequestItems"].items():
            found = answer.get("Responses", {}).get(table, [])
            sizes = [units.item_bytes(item) for item in found] + [0] * (len(asked["Keys"]) - len(found))
            yield from (units.read_units(size, consistent=bool(asked.get("ConsistentRead"))) for size in sizes)
        return
    items = answer.get("Items", [answer["Item"]] if answer.get("Item") else [])
    size = sum(units.item_bytes(item) for item in items)
    yield units.read_units(size, consistent=bool(parameters.get("ConsistentRead")))
