"""The views table: heads of chains, cursors of the lake, what status queries read. Its keys are spelled only here."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from fanfold import audit_chain
from fanfold.audit_chain import Head
from fanfold.audit_views import View
from fanfold.aws.attribute_values import Item, integer, marshal, unmarshal
from fanfold.aws.calls import AwsFault, Call, condition_failed, conflicted
from fanfold.refusals import Conflict

BATCH_GET_MAX = 100
_HEADS = "heads"
_CURSORS = "lake-cursors"


def key_of(place: tuple[str, ...]) -> dict[str, str]:
    """Partition and sort key of a view's place. All of an account but its trades is in one partition."""
    match place:
        case ("message", message_id):
            return _key(f"message#{message_id}", "message")
        case ("trade", account, dt, instrument, trade_id):
            return _key(f"trades#{account}#{dt}", f"{instrument}#{trade_id}")
        case ("order-state", account, order_id):
            return _key(f"account#{account}", f"order#{order_id}#state")
        case (kind, account, *rest):
            return _key(f"account#{account}", "#".join([kind, *rest]))
    raise ValueError(f"{place} is no place of a view")


class DynamoViews:
    """Heads, cursors and views in one table. Heads are kept between calls; a conflict forgets them."""

    def __init__(self, call: Call, table: str) -> None:
        self._call = call
        self._table = table
        self._heads: dict[str, Head] = {}

    def heads(self) -> list[Head]:
        return [_head(item["sk"], item) for item in self._query(_HEADS, "")]

    def head(self, stream: str, *, fresh: bool = False) -> Head:
        if fresh or stream not in self._heads:
            self._heads[stream] = _head(stream, self._get(_key(_HEADS, stream)))
        return self._heads[stream]

    def seen(self, ids: Sequence[str]) -> set[str]:
        found: set[str] = set()
        for n in range(0, len(ids), BATCH_GET_MAX):
            wanted = {key_of(("message", one))["pk"]: one for one in ids[n : n + BATCH_GET_MAX]}
            found |= {wanted[pk] for pk in self._present([key_of(("message", one)) for one in wanted.values()])}
        return found

    def commit(self, before: Head, after: Head, views: Sequence[View]) -> None:
        kept = list(views)
        while True:
            writes = [self._head_write(before, after), *(self._view_write(view) for view in kept)]
            try:
                self._call("dynamodb", "TransactWriteItems", {"TransactItems": writes})
            except AwsFault as fault:
                kept = self._without_outdated(after.stream, kept, fault)
            else:
                self._heads[after.stream] = after
                return

    def put(self, view: View) -> None:
        try:
            self._call("dynamodb", "PutItem", self._view_write(view)["Put"])
        except AwsFault as fault:
            if not condition_failed(fault):
                raise

    def hash_of(self, message_id: str) -> str:
        return str(self._get(key_of(("message", message_id))).get("hash", ""))

    def flushed(self, stream: str) -> int:
        return integer(self._get(_key(_CURSORS, stream)).get("seq", 0))

    def advance(self, stream: str, before: int, after: int) -> None:
        item = marshal(_key(_CURSORS, stream) | {"seq": after})
        try:
            self._call("dynamodb", "PutItem", {"TableName": self._table, "Item": item} | _unless_moved("seq", before))
        except AwsFault as fault:
            if not condition_failed(fault):
                raise
            # A try whose answer was lost may have moved it: then it stands where it should.
            if self.flushed(stream) != after:
                raise Conflict(f"the lake cursor of {stream} is no longer at {before}") from fault

    def read(self, place: tuple[str, ...]) -> dict[str, Any]:
        """A view's fields, {} where there is none: decimals, times and weights as text, records as dicts."""
        return self._get(key_of(place))

    def of_account(self, account: str, kind: str) -> list[dict[str, Any]]:
        """All views of a kind: position, targets, order (its states follow, under `sk`), books, settled, halt."""
        return list(self._query(f"account#{account}", kind))

    def trades(self, account: str, dt: str) -> list[dict[str, Any]]:
        return list(self._query(f"trades#{account}#{dt}", ""))

    def _without_outdated(self, stream: str, views: list[View], fault: AwsFault) -> list[View]:
        """The views that may still be written; a head or message that was there first is a Conflict."""
        refused = [reason.code == "ConditionalCheckFailed" for reason in fault.reasons]
        if not condition_failed(fault) and not conflicted(fault):
            raise fault
        recorded = any(view.place[0] == "message" for view, no in zip(views, refused[1:], strict=False) if no)
        if conflicted(fault) or refused[0] or recorded:
            self._heads.pop(stream, None)
            raise Conflict(f"stream {stream} was extended by another writer") from fault
        return [view for view, no in zip(views, refused[1:], strict=True) if not no]

    def _head_write(self, before: Head, after: Head) -> dict[str, Any]:
        item = marshal(_key(_HEADS, after.stream) | {"seq": after.seq, "hash": after.hash})
        guard = _unless_moved("hash", before.hash if before.seq else 0)
        return {"Put": {"TableName": self._table, "Item": item} | guard}

    def _view_write(self, view: View) -> dict[str, Any]:
        # Amounts and times as text read back into the very structs they were.
        fields = msgspec.to_builtins(view.fields)
        guard = {
            "ConditionExpression": "attribute_not_exists(pk) OR #version < :version",
            "ExpressionAttributeNames": {"#version": "view_version"},
            "ExpressionAttributeValues": {":version": {"S": view.version}},
        }
        item = marshal(key_of(view.place) | fields | {"view_version": view.version})
        return {"Put": {"TableName": self._table, "Item": item} | guard}

    def _get(self, key: dict[str, str]) -> dict[str, Any]:
        parameters = {"TableName": self._table, "Key": marshal(key), "ConsistentRead": True}
        return unmarshal(self._call("dynamodb", "GetItem", parameters).get("Item", {}))

    def _present(self, keys: list[dict[str, str]]) -> Iterator[str]:
        asked = {"Keys": [marshal(key) for key in keys], "ConsistentRead": True, "ProjectionExpression": "pk"}
        request: dict[str, Any] = {self._table: asked}
        while request:
            answer = self._call("dynamodb", "BatchGetItem", {"RequestItems": request})
            yield from (item["pk"]["S"] for item in answer["Responses"].get(self._table, []))
            request = answer.get("UnprocessedKeys") or {}

    def _query(self, pk: str, prefix: str) -> Iterator[dict[str, Any]]:
        values: Item = {":pk": {"S": pk}} | ({":prefix": {"S": prefix}} if prefix else {})
        condition = "pk = :pk AND begins_with(sk, :prefix)" if prefix else "pk = :pk"
        parameters: dict[str, Any] = {"TableName": self._table, "KeyConditionExpression": condition}
        while True:
            answer = self._call("dynamodb", "Query", parameters | {"ExpressionAttributeValues": values})
            yield from map(unmarshal, answer["Items"])
            if not answer.get("LastEvaluatedKey"):
                return
            parameters["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _key(pk: str, sk: str) -> dict[str, str]:
    return {"pk": pk, "sk": sk}


def _head(stream: str, item: dict[str, Any]) -> Head:
    if not item:
        return audit_chain.start(stream)
    return Head(stream=stream, seq=integer(item["seq"]), hash=item["hash"])


def _unless_moved(name: str, before: int | str) -> dict[str, Any]:
    """The condition that an item is where it was: not there yet (0), or with this value under the name."""
    if before == 0:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {
        "ConditionExpression": "#name = :before",
        "ExpressionAttributeNames": {"#name": name},
        "ExpressionAttributeValues": marshal({":before": before}),
    }
