"""A DynamoDB table of partition and sort key, with a transaction's writes as values. Keys are spelled only here."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from fanfold.aws.client.call import AwsFault, Call, condition_failed, conflicted
from fanfold.aws.client.connect import BACKOFF, pause
from fanfold.aws.dynamodb.attribute_values import Item, marshal, unmarshal
from fanfold.errors import Backoff, Refused

Key = tuple[str, str]
Write = dict[str, dict[str, Any]]
KEY_NAMES = ("pk", "sk")
BATCH_GET_MAX = 100
BATCH_WRITE_MAX = 25
TRANSACTION_MAX = 100
NEWEST_PAGE = 50
# How often what DynamoDB left of a batch is asked for again, where it took nothing of it.
BATCH_TRIES = 8
ABSENT = "attribute_not_exists(pk)"
PRESENT = "attribute_exists(pk)"


class Table(NamedTuple):
    """Reads are consistent. Conditions and updates are DynamoDB expressions, their ``:name`` in ``values``.

    ``wait`` waits before the rest of a batch is requested again; its argument is how often nothing of it was taken.
    ``backoff`` waits between tries after a conflict.
    """

    call: Call
    name: str
    wait: Callable[[int], None] = pause
    backoff: Backoff = BACKOFF

    def get(self, key: Key) -> dict[str, Any]:
        """Return the item, or an empty dict."""
        answer = self.call("dynamodb", "GetItem", {"TableName": self.name, "Key": _key(key), "ConsistentRead": True})
        return unmarshal(answer["Item"]) if "Item" in answer else {}

    def get_all(self, keys: Sequence[Key], *, consistent: bool = True) -> dict[Key, dict[str, Any]]:
        """Return the items that exist, by key. Raises AwsFault, as for a rate, where DynamoDB leaves some unread.

        At half the price, what is not ``consistent`` may be as it was a moment ago.
        """
        return {key: unmarshal(item) for key, item in self.get_all_as_stored(keys, consistent=consistent).items()}

    def get_all_as_stored(self, keys: Sequence[Key], *, consistent: bool = True) -> dict[Key, Item]:
        """Return what ``get_all`` does as AttributeValues."""
        items: dict[Key, Item] = {}
        for start in range(0, len(keys), BATCH_GET_MAX):
            part = [_key(key) for key in keys[start : start + BATCH_GET_MAX]]
            wanted = {"Keys": part, "ConsistentRead": consistent}
            for page in self._rounds(self._get_batch, wanted, "UnprocessedKeys"):
                for item in page["Responses"].get(self.name, []):
                    items[item["pk"]["S"], item["sk"]["S"]] = item
        return items

    def put_all(self, items: Mapping[Key, Mapping[str, Any]]) -> None:
        """Replace items, each by itself; all are stored when this returns, or AwsFault is raised."""
        puts = [{"PutRequest": {"Item": {**_key(key), **marshal(item)}}} for key, item in items.items()]
        for start in range(0, len(puts), BATCH_WRITE_MAX):
            for _ in self._rounds(self._put_batch, puts[start : start + BATCH_WRITE_MAX], "UnprocessedItems"):
                pass

    def _get_batch(self, items: Any) -> dict[str, Any]:
        return self.call("dynamodb", "BatchGetItem", {"RequestItems": items})

    def _put_batch(self, items: Any) -> dict[str, Any]:
        return self.call("dynamodb", "BatchWriteItem", {"RequestItems": items})

    def _rounds(self, ask: Callable[[Any], dict[str, Any]], wanted: Any, rest: str) -> Iterator[dict[str, Any]]:
        """Yield responses until nothing is left. What is left exceeded the table's rate, so the next request waits."""
        left: Any = {self.name: wanted}
        tries = 0
        while True:
            answer = ask(left)
            yield answer
            before, left = left, answer.get(rest)
            if not left:
                return
            tries = tries + 1 if left == before else 1
            if tries == BATCH_TRIES:
                rate = "ProvisionedThroughputExceededException"
                raise AwsFault(rate, f"{self.name} takes nothing more of a batch", 400)
            self.wait(tries)

    def scan(self) -> Iterator[tuple[Key, dict[str, Any]]]:
        """Yield every item without its key, and the key, page by page; reading a large table is expensive."""
        request: dict[str, Any] = {"TableName": self.name, "ConsistentRead": True}
        while True:
            page = self.call("dynamodb", "Scan", request)
            for item in map(unmarshal, page["Items"]):
                yield (item["pk"], item["sk"]), without_key(item)
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def query(
        self, partition: str, prefix: str = "", *, newest_first: bool = False, page: int = 0, consistent: bool = True
    ) -> Iterator[dict[str, Any]]:
        """Yield items of a partition in order of their sort key, those that start with a prefix, page by page.

        A page has 1 MB; with ``page``, no more items than that: for who stops long before a megabyte. At half the
        price, what is not ``consistent`` may be as it was a moment ago.
        """
        items = self.query_as_stored(partition, prefix, newest_first=newest_first, page=page, consistent=consistent)
        return map(unmarshal, items)

    def query_as_stored(
        self, partition: str, prefix: str = "", *, newest_first: bool = False, page: int = 0, consistent: bool = True
    ) -> Iterator[Item]:
        """Yield what ``query`` does as AttributeValues, for a reader that knows most of the items already."""
        request: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": "pk = :pk" + (" AND begins_with(sk, :prefix)" if prefix else ""),
            "ExpressionAttributeValues": marshal({":pk": partition} | ({":prefix": prefix} if prefix else {})),
            "ScanIndexForward": not newest_first,
            "ConsistentRead": consistent,
        }
        return self._pages(request | ({"Limit": page} if page else {}))

    def newest(
        self, partition: str, until: str, page: int = NEWEST_PAGE, *, consistent: bool = True
    ) -> Iterator[dict[str, Any]]:
        """Yield items of a partition by descending sort key, from one on ("": all). Lazy: pages are read on demand."""
        values = {":pk": partition} | ({":until": until} if until else {})
        request = {
            "TableName": self.name,
            "KeyConditionExpression": "pk = :pk" + (" AND sk <= :until" if until else ""),
            "ExpressionAttributeValues": marshal(values),
            "ScanIndexForward": False,
            "ConsistentRead": consistent,
            "Limit": page,
        }
        return map(unmarshal, self._pages(request))

    def _pages(self, request: dict[str, Any]) -> Iterator[Item]:
        while True:
            page = self.call("dynamodb", "Query", request)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            request = request | {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def putting(
        self, key: Key, item: Mapping[str, Any], condition: str = "", values: Mapping[str, Any] | None = None
    ) -> Write:
        """Return a put, for ``write``."""
        put: dict[str, Any] = {"TableName": self.name, "Item": {**_key(key), **marshal(item)}}
        return {"Put": _conditional(put, condition, values) if condition else put}

    def updating(self, key: Key, update: str, values: Mapping[str, Any], condition: str = "") -> Write:
        """Return an update, for ``write``."""
        of = {"TableName": self.name, "Key": _key(key), "UpdateExpression": update}
        return {"Update": _conditional(of, condition, values)}

    def deleting(self, key: Key) -> Write:
        """Return a delete, for ``write``."""
        return {"Delete": {"TableName": self.name, "Key": _key(key)}}

    def checking(self, key: Key, condition: str, values: Mapping[str, Any]) -> Write:
        """Return a condition that must hold, for ``write``; only in a transaction."""
        of = {"TableName": self.name, "Key": _key(key)}
        return {"ConditionCheck": _conditional(of, condition, values)}

    def write(self, writes: Sequence[Write]) -> None:
        """Apply all writes or none. Raises Refused where a condition failed or another transaction was at an item."""
        try:
            if len(writes) == 1:
                ((kind, parameters),) = writes[0].items()
                self.call("dynamodb", f"{kind}Item", parameters)
            elif writes:
                self.call("dynamodb", "TransactWriteItems", {"TransactItems": list(writes)})
        except AwsFault as fault:
            if condition_failed(fault) or conflicted(fault):
                failed = tuple(at for at, reason in enumerate(fault.reasons) if reason.code == "ConditionalCheckFailed")
                raise Refused(failed) from fault
            raise

    def update_as_stored(self, key: Key, update: str, values: Mapping[str, Any], condition: str = "") -> Item:
        """Return the AttributeValues of the item after an update. Raises Conflict where its condition failed."""
        parameters = self.updating(key, update, values, condition)["Update"]
        parameters["ReturnValues"] = "ALL_NEW"
        try:
            item: Item = self.call("dynamodb", "UpdateItem", parameters)["Attributes"]
        except AwsFault as fault:
            if condition_failed(fault) or conflicted(fault):
                raise Refused((0,)) from fault
            raise
        return item


def _conditional(parameters: dict[str, Any], condition: str, values: Mapping[str, Any] | None) -> dict[str, Any]:
    if condition:
        parameters["ConditionExpression"] = condition
    if values:
        parameters["ExpressionAttributeValues"] = marshal(values)
    return parameters


def sort_key(item: Mapping[str, Any]) -> str:
    """Return the second part of an item's key."""
    return str(item["sk"])


def sort_key_as_stored(item: Item) -> str:
    """Return the second part of the key of an item of ``query_as_stored``."""
    return str(item["sk"]["S"])


def without_key(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item's attributes without its key."""
    return {name: value for name, value in item.items() if name not in {"pk", "sk"}}


def _key(key: Key) -> dict[str, Any]:
    pk, sk = key
    return {"pk": {"S": pk}, "sk": {"S": sk}}
