"""The views table: heads of chains, cursors of the lake, what status queries read."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from fanfold import audit_chain
from fanfold.audit_chain import Head
from fanfold.audit_views import View
from fanfold.aws.attribute_values import integer
from fanfold.aws.calls import Call
from fanfold.aws.tables import ABSENT, Key, Refused, Table, Write, sort_key
from fanfold.refusals import Conflict

_HEADS = "heads"
_CURSORS = "lake-cursors"


def key_of(place: tuple[str, ...]) -> Key:
    """Partition and sort key of a view's place. All of an account but trades and decisions is in one partition."""
    match place:
        case ("message", message_id):
            return f"message#{message_id}", "message"
        case ("trade", account, dt, instrument, trade_id):
            return f"trades#{account}#{dt}", f"{instrument}#{trade_id}"
        case ("decision", account, moment, order_id):
            return f"decisions#{account}", f"{moment}#{order_id}"
        case ("order-state", account, order_id):
            return f"account#{account}", f"order#{order_id}#state"
        case (kind, account, *rest):
            return f"account#{account}", "#".join([kind, *rest])
    raise ValueError(f"{place} is no place of a view")


class DynamoViews:
    """Heads, cursors and views in one table."""

    def __init__(self, call: Call, table: str) -> None:
        self._table = Table(call, table)

    def heads(self) -> list[Head]:
        return [_head(sort_key(item), item) for item in self._table.query(_HEADS)]

    def head(self, stream: str) -> Head:
        return _head(stream, self._table.get((_HEADS, stream)))

    def seen(self, ids: Sequence[str]) -> dict[str, int]:
        keys = {key_of(("message", one)): one for one in ids}
        return {keys[key]: integer(item["seq"]) for key, item in self._table.get_all(list(keys)).items()}

    def note(self, told: Sequence[View]) -> None:
        self._table.put_all({key_of(view.place): _item(view) for view in told})

    def commit(self, before: Head, after: Head) -> None:
        condition, values = ("head_hash = :before", {":before": before.hash}) if before.seq else (ABSENT, {})
        item = {"seq": after.seq, "head_hash": after.hash}
        try:
            self._table.write([self._table.putting((_HEADS, after.stream), item, condition, values)])
        except Refused as refused:
            raise Conflict(f"stream {after.stream} was extended by another writer") from refused

    def put(self, view: View) -> None:
        try:
            self._table.write([self._putting(view)])
        except Refused as refused:
            if not refused.failed:
                raise

    def hash_of(self, message_id: str) -> str:
        return str(self._table.get(key_of(("message", message_id))).get("hash", ""))

    def flushed(self, stream: str) -> int:
        return integer(self._table.get((_CURSORS, stream)).get("seq", 0))

    def advance(self, stream: str, before: int, after: int) -> None:
        condition, values = ("seq = :before", {":before": before}) if before else (ABSENT, {})
        try:
            self._table.write([self._table.putting((_CURSORS, stream), {"seq": after}, condition, values)])
        except Refused as refused:
            # A try whose answer was lost may have moved it: then it stands where it should.
            if self.flushed(stream) != after:
                raise Conflict(f"the lake cursor of {stream} is no longer at {before}") from refused

    def read(self, place: tuple[str, ...]) -> dict[str, Any]:
        """A view's fields, {} where there is none: decimals, times and weights as text, records as dicts."""
        return self._table.get(key_of(place))

    def of_account(self, account: str, kind: str) -> list[dict[str, Any]]:
        """All views of a kind: position, targets, leg, order (its states follow, by sort key), books, settled, halt."""
        return list(self._table.query(f"account#{account}", kind))

    def orders(self, account: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Each order's view with that of its state, {} where it has none yet."""
        items = {sort_key(item): item for item in self.of_account(account, "order#")}
        for key, item in items.items():
            if not key.endswith("#state"):
                yield item, items.get(f"{key}#state", {})

    def decisions(self, account: str, until: str) -> Iterator[tuple[str, list[str]]]:
        """The place of each decision (time#greatest id), newest first from one on ("": all), and its order ids."""
        for item in self._table.newest(f"decisions#{account}", until):
            yield sort_key(item), item["orders"]

    def orders_by_id(self, account: str, ids: Sequence[str]) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
        """As ``orders``, of some ids; one that is not recorded yet is not there."""
        orders = {one: key_of(("order", account, one)) for one in ids}
        states = {one: key_of(("order-state", account, one)) for one in ids}
        found = self._table.get_all([*orders.values(), *states.values()])
        return {one: (found[key], found.get(states[one], {})) for one, key in orders.items() if key in found}

    def trades(self, account: str, dt: str) -> list[dict[str, Any]]:
        """The fills of a UTC day (2026-01-31), each under ``fill``."""
        return list(self._table.query(f"trades#{account}#{dt}"))

    def _putting(self, view: View) -> Write:
        condition, values = f"{ABSENT} OR view_version < :version", {":version": view.version}
        return self._table.putting(key_of(view.place), _item(view), condition, values)


def _item(view: View) -> dict[str, Any]:
    # Amounts and times as text read back into the very structs they were.
    item: dict[str, Any] = msgspec.to_builtins(view.fields) | {"view_version": view.version}
    return item


def _head(stream: str, item: dict[str, Any]) -> Head:
    if not item:
        return audit_chain.start(stream)
    return Head(stream=stream, seq=integer(item["seq"]), hash=item["head_hash"])
