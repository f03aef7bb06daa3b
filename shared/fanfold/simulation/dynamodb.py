"""DynamoDB in memory: the operations that Fanfold uses, with their limits, in the shapes of the AWS seam.

A test compares it call by call with an emulator. Responses share parts with what is stored: do not change them.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

from fanfold.aws.client.call import AwsFault, Reason
from fanfold.aws.dynamodb.attribute_values import Item
from fanfold.simulation import expressions
from fanfold.simulation.expressions import ALWAYS, Condition
from fanfold.simulation.items import ITEM_BYTES, canonical, invalid, may_exceed, size
from fanfold.simulation.memory_table import NOTHING, Key, MemoryTable
from fanfold.simulation.pages import CHUNK_ITEMS, page
from fanfold.simulation.requests import Document, reject_unknown_fields
from fanfold.simulation.updates import update

TRANSACTION_WRITES = 100
TRANSACTION_BYTES = 4 * 1024 * 1024
BATCH_READS = 100
BATCH_WRITES = 25
TOKEN_S = 600
FINE = Reason("None", "", {})
# An update that the item there does not allow: a fault of its own, in a transaction one of the reasons.
INVALID = "ValidationError"
_RETURNS = ("NONE", "ALL_OLD", "ALL_NEW")
_WRITE = ("TableName", "ConditionExpression", "ExpressionAttributeValues", "ReturnValuesOnConditionCheckFailure")


class MemoryDynamo:
    """The tables of an account. ``now`` (epoch seconds) says how long a transaction's token is remembered."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.tables: dict[str, MemoryTable] = {}
        self._now = now
        self._tokens: dict[str, tuple[float, Any]] = {}

    def call(self, operation: str, parameters: Document) -> dict[str, Any]:
        return _OPERATIONS[operation](self, parameters)

    def table(self, name: str) -> MemoryTable:
        if name not in self.tables:
            raise AwsFault("ResourceNotFoundException", f"Requested resource not found: Table: {name} not found", 400)
        return self.tables[name]

    def create_table(self, parameters: Document) -> dict[str, Any]:
        reject_unknown_fields(parameters, "TableName", "BillingMode", "AttributeDefinitions", "KeySchema")
        kinds = {element["KeyType"]: element["AttributeName"] for element in parameters["KeySchema"]}
        self.tables.setdefault(parameters["TableName"], MemoryTable((kinds["HASH"], kinds["RANGE"])))
        return {"TableDescription": {"TableName": parameters["TableName"], "TableStatus": "ACTIVE"}}

    def get_item(self, parameters: Document) -> dict[str, Any]:
        reject_unknown_fields(parameters, "TableName", "Key", "ConsistentRead")
        table = self.table(parameters["TableName"])
        item = table.get(table.exact_key_of(parameters["Key"]))
        return {"Item": item} if item is not None else {}

    def batch_get_item(self, parameters: Document) -> dict[str, Any]:
        reject_unknown_fields(parameters, "RequestItems")
        if sum(len(wanted["Keys"]) for wanted in parameters["RequestItems"].values()) > BATCH_READS:
            raise invalid("Too many items requested for the BatchGetItem call")
        responses: dict[str, list[Item]] = {}
        for name, wanted in parameters["RequestItems"].items():
            reject_unknown_fields(wanted, "Keys", "ConsistentRead")
            table = self.table(name)
            keys = [table.exact_key_of(key) for key in wanted["Keys"]]
            _distinct(keys)
            responses[name] = [item for item in map(table.get, keys) if item is not None]
        return {"Responses": responses, "UnprocessedKeys": {}}

    def batch_write_item(self, parameters: Document) -> dict[str, Any]:
        reject_unknown_fields(parameters, "RequestItems")
        if not 1 <= sum(len(writes) for writes in parameters["RequestItems"].values()) <= BATCH_WRITES:
            raise invalid("Too many items requested for the BatchWriteItem call")
        puts = [
            (self.table(name), *_requested(self.table(name), write))
            for name, writes in parameters["RequestItems"].items()
            for write in writes
        ]
        _distinct([(id(table), key) for table, key, _ in puts])
        for table, key, item in puts:
            table.put(key, item)
        return {"UnprocessedItems": {}}

    def query(self, parameters: Document) -> dict[str, Any]:
        reject_unknown_fields(
            parameters,
            "TableName",
            "KeyConditionExpression",
            "ExpressionAttributeValues",
            "ScanIndexForward",
            "ConsistentRead",
            "Limit",
            "ExclusiveStartKey",
        )
        table = self.table(parameters["TableName"])
        partition, matching = _matching(table, parameters)
        return page(table.keys, matching, parameters.get("Limit"), table.largest.get(partition, 0))

    def scan(self, parameters: Document) -> dict[str, Any]:
        reject_unknown_fields(parameters, "TableName", "ConsistentRead", "Limit", "ExclusiveStartKey")
        table = self.table(parameters["TableName"])
        start = table.exact_key_of(parameters["ExclusiveStartKey"]) if "ExclusiveStartKey" in parameters else ("", "")
        matching = [item for item in table.items() if table.key_of(item) > start]
        return page(table.keys, matching, parameters.get("Limit"), max(table.largest.values(), default=0))

    def put_item(self, parameters: Document) -> dict[str, Any]:
        return self._single("Put", parameters)

    def update_item(self, parameters: Document) -> dict[str, Any]:
        return self._single("Update", parameters)

    def delete_item(self, parameters: Document) -> dict[str, Any]:
        return self._single("Delete", parameters)

    def _single(self, kind: str, parameters: Document) -> dict[str, Any]:
        write, wanted = parameters, "NONE"
        if "ReturnValues" in parameters:
            write = dict(parameters)
            wanted = write.pop("ReturnValues")
            if wanted not in _RETURNS or (wanted == "ALL_NEW" and kind != "Update"):
                raise invalid(f"Return values {wanted} of a {kind} are not known")
        table, key, before, after, reason = self._prepare_write(kind, write)
        if reason.code == INVALID:
            raise invalid(reason.message)
        if reason is not FINE:
            raise AwsFault("ConditionalCheckFailedException", reason.message, 400, (reason,))
        table.put(key, after)
        returned = before if wanted == "ALL_OLD" else after
        return {"Attributes": returned} if wanted != "NONE" and returned else {}

    def transact_write_items(self, parameters: Document) -> dict[str, Any]:
        reject_unknown_fields(parameters, "TransactItems", "ClientRequestToken")
        writes = parameters["TransactItems"]
        if not 1 <= len(writes) <= TRANSACTION_WRITES:
            raise invalid(f"Member must have length between 1 and {TRANSACTION_WRITES}; it has {len(writes)}")
        if self._remembered(parameters.get("ClientRequestToken"), writes):
            return {}
        worked = [self._prepare_write(kind, named) for write in writes for kind, named in write.items()]
        _distinct(
            [(id(table), key) for table, key, *_ in worked],
            "Transaction request cannot include multiple operations on one item",
        )
        reasons = tuple(reason for *_, reason in worked)
        if any(reason is not FINE for reason in reasons):
            codes = ", ".join(reason.code for reason in reasons)
            raise AwsFault("TransactionCanceledException", f"Transaction cancelled, because of [{codes}]", 400, reasons)
        items = [after for _, _, _, after, _ in worked if after]
        # As few items cannot be too large together, whose size was checked one by one.
        many = len(items) * ITEM_BYTES > TRANSACTION_BYTES
        if many and may_exceed(items, TRANSACTION_BYTES) and sum(map(size, items)) > TRANSACTION_BYTES:
            raise invalid("Collection size of the transaction exceeds 4 MB")
        for table, key, _, after, _ in worked:
            table.put(key, after)
        if token := parameters.get("ClientRequestToken"):
            self._tokens[token] = self._now(), writes
        return {}

    def _remembered(self, token: str | None, writes: Any) -> bool:
        at, before = self._tokens.get(token or "", (0.0, None))
        if before is None or self._now() - at >= TOKEN_S:
            return False
        if before != writes:
            raise AwsFault("IdempotentParameterMismatchException", "the token was used for other writes", 400)
        return True

    def _prepare_write(self, kind: str, write: Document) -> tuple[MemoryTable, Key, Item | None, Item | None, Reason]:
        """Return a write's target, the item before and after, and why it must fail, if so. Nothing is changed."""
        reject_unknown_fields(write, *_FIELDS[kind])
        table, values = self.table(write["TableName"]), write.get("ExpressionAttributeValues", NOTHING)
        if values:
            values = canonical(values)
        item = None
        if kind == "Put":
            item = canonical(write["Item"])
            key = table.key_of(item)
            table.check_size(key, item)
        else:
            key = table.exact_key_of(write["Key"])
        holds, named, ranges = _expressions(write.get("ConditionExpression"), write.get("UpdateExpression"))
        if named != values.keys() or ranges:
            _check_values(named, ranges, values)
        before = table.get(key)
        if not holds(before or NOTHING, values):
            shown = before if write.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" else None
            reason = Reason("ConditionalCheckFailed", "The conditional request failed", shown or {})
            return table, key, before, before, reason
        if kind == "Update":
            return table, key, before, *_updated(table, key, before, write, values)
        return table, key, before, before if kind == "ConditionCheck" else item, FINE


def _updated(
    table: MemoryTable, key: Key, before: Item | None, write: Document, values: Item
) -> tuple[Item | None, Reason]:
    """Return the item after an update; where the item does not allow it, the item as it was, and the reason."""
    wanted = update(write["UpdateExpression"])
    if not wanted.changed.isdisjoint(table.keys):
        raise invalid("One or more parameter values were invalid: Cannot update attribute that is part of the key")
    try:
        after = wanted.applied(before if before is not None else dict(write["Key"]), values)
        table.check_size(key, after)
    except AwsFault as fault:
        return before, Reason(INVALID, fault.message, {})
    return after, FINE


_FIELDS = {
    "Put": (*_WRITE, "Item"),
    "Update": (*_WRITE, "Key", "UpdateExpression"),
    "Delete": (*_WRITE, "Key"),
    "ConditionCheck": (*_WRITE, "Key"),
}
_OPERATIONS: dict[str, Callable[[MemoryDynamo, Document], dict[str, Any]]] = {
    "CreateTable": MemoryDynamo.create_table,
    "GetItem": MemoryDynamo.get_item,
    "BatchGetItem": MemoryDynamo.batch_get_item,
    "BatchWriteItem": MemoryDynamo.batch_write_item,
    "Query": MemoryDynamo.query,
    "Scan": MemoryDynamo.scan,
    "PutItem": MemoryDynamo.put_item,
    "UpdateItem": MemoryDynamo.update_item,
    "DeleteItem": MemoryDynamo.delete_item,
    "TransactWriteItems": MemoryDynamo.transact_write_items,
}


@lru_cache(maxsize=4_096)
def _expressions(condition: str | None, change: str | None) -> Condition:
    """Return the condition of a write, which always holds where it has none, with the placeholders of both."""
    parsed = ALWAYS if condition is None else expressions.condition(condition)
    return parsed if change is None else parsed._replace(placeholders=parsed.placeholders | update(change).placeholders)


def _check_values(named: frozenset[str], ranges: Sequence[tuple[str, str]], values: Item) -> None:
    """Reject placeholders without a value, values without a placeholder and empty ranges, as DynamoDB does."""
    if named != values.keys():
        raise invalid(f"Expressions name {sorted(named)}, ExpressionAttributeValues {sorted(values)}")
    if ranges:
        expressions.check_ranges(ranges, values)


def _distinct(keys: Sequence[Any], says: str = "Provided list of item keys contains duplicates") -> None:
    if len(set(keys)) != len(keys):
        raise invalid(says)


def _requested(table: MemoryTable, write: Document) -> tuple[Key, Item | None]:
    ((kind, request),) = write.items()
    if kind == "DeleteRequest":
        return table.exact_key_of(request["Key"]), None
    item = canonical(request["Item"])
    key = table.key_of(item)
    table.check_size(key, item)
    return key, item


def _matching(table: MemoryTable, parameters: Document) -> tuple[str, Iterable[Item]]:
    """Return a query's partition and items, as it orders them, from where it continues; many are read as needed."""
    condition = expressions.key_condition(parameters["KeyConditionExpression"], table.keys)
    values = parameters["ExpressionAttributeValues"]
    _check_values(condition.placeholders, condition.ranges, values)
    partition = values[condition.partition]["S"]
    part = table.partitions.get(partition)
    # Most queries find nothing.
    if not part and "ExclusiveStartKey" not in parameters:
        return partition, []
    part, names = part or {}, table.sort_keys(partition)
    first, end = condition.span(values)
    begins, ends = bisect_left(names, first), len(names) if end is None else bisect_left(names, end)
    forward = parameters.get("ScanIndexForward", True)
    if "ExclusiveStartKey" in parameters:
        _, start = table.exact_key_of(parameters["ExclusiveStartKey"])
        begins, ends = (
            (max(begins, bisect_right(names, start)), ends)
            if forward
            else (begins, min(ends, bisect_left(names, start)))
        )
    places = range(begins, ends)[:: 1 if forward else -1][: parameters.get("Limit")]
    if len(places) <= CHUNK_ITEMS:
        return partition, [part[names[place]] for place in places]
    return partition, (part[names[place]] for place in places)
