"""The views table: heads of chains, cursors of the lake, and the views that status queries read."""

from collections.abc import Iterator, Sequence
from typing import Any

from fanfold.audit import chain
from fanfold.audit.chain import Head, Tip
from fanfold.audit.views import View, as_stored
from fanfold.aws.client.call import Call
from fanfold.aws.dynamodb.attribute_values import integer
from fanfold.aws.dynamodb.table import ABSENT, Key, Table, Write, sort_key, without_key
from fanfold.errors import Conflict, Refused

_HEADS = "heads"
_CURSORS = "lake-cursors"
# A writer promises once a try; so many at one head have not been seen. Beyond it only the newest counts.
PROMISES_MAX = 100


def key_of(place: tuple[str, ...]) -> Key:
    """Return the key of a view's place. All views of an account but trades and decisions are in one partition."""
    match place:
        case ("message", message_id):
            return f"message#{message_id}", "message"
        case ("trade", account, dt, instrument, trade_id):
            return f"trades#{account}#{dt}", f"{instrument}#{trade_id}"
        case ("decision", account, *rest):
            return f"decisions#{account}", "#".join(rest)
        case ("order-state", account, order_id):
            return f"account#{account}", f"order#{order_id}#state"
        case ("aside", stream, first):
            return f"aside#{stream}", first
        case (kind, account, *rest):
            return f"account#{account}", "#".join([kind, *rest])
    raise ValueError(f"{place} is no place of a view")


class DynamoViews:
    """Heads, cursors and views in one table."""

    def __init__(self, call: Call, table: str) -> None:
        self._table = Table(call, table)

    def heads(self) -> list[Head]:
        """Return the head of every stream."""
        return [tip.head for tip in self.tips()]

    def head(self, stream: str) -> Head:
        return self.tip(stream).head

    def tips(self) -> list[Tip]:
        return [_tip(sort_key(item), item) for item in self._table.query(_HEADS)]

    def tip(self, stream: str) -> Tip:
        return _tip(stream, self._table.get((_HEADS, stream)))

    def promise(self, tip: Tip, last_hash: str) -> None:
        kept = "list_append(if_not_exists(promised, :none), :mine)" if len(tip.promised) < PROMISES_MAX else ":mine"
        values: dict[str, Any] = {":mine": [last_hash]}
        if len(tip.promised) < PROMISES_MAX:
            values[":none"] = []
        self._update(tip.head, f"SET promised = {kept}", values)

    def set_aside(self, tip: Tip, aside: str) -> None:
        unmoved = "AND aside = :known" if tip.aside else "AND attribute_not_exists(aside)"
        known = {":known": tip.aside} if tip.aside else {}
        self._update(tip.head, "SET aside = :aside", {":aside": aside} | known, unmoved)

    def seen(self, ids: Sequence[str]) -> dict[str, int]:
        keys = {key_of(("message", message_id)): message_id for message_id in ids}
        return {keys[key]: integer(item["seq"]) for key, item in self._table.get_all(list(keys)).items()}

    def note(self, views: Sequence[View]) -> None:
        self._table.put_all({key_of(view.place): as_stored(view) for view in views})

    def commit(self, before: Head, after: Head) -> None:
        condition, values = _at(before)
        item = {"seq": after.seq, "head_hash": after.hash}
        try:
            self._table.write([self._table.putting((_HEADS, after.stream), item, condition, values)])
        except Refused as refused:
            raise Conflict(f"stream {after.stream} was extended by another writer") from refused

    def _update(self, head: Head, change: str, values: dict[str, Any], further: str = "") -> None:
        condition, known = _at(head)
        try:
            self._table.write(
                [self._table.updating((_HEADS, head.stream), change, values | known, f"{condition} {further}".strip())]
            )
        except Refused as refused:
            raise Conflict(f"stream {head.stream} was extended by another writer") from refused

    def put(self, view: View) -> None:
        try:
            self._table.write([self._putting(view)])
        except Refused as refused:
            if not refused.failed:
                raise

    def aside(self, stream: str, after: int) -> dict[int, str]:
        segments = {int(sort_key(item)): item["segment"] for item in self._table.query(f"aside#{stream}")}
        return {first: segment for first, segment in segments.items() if first > after}

    def key(self, place: tuple[str, ...]) -> Key:
        return key_of(place)

    def stored(self, keys: Sequence[Key]) -> dict[Key, dict[str, Any]]:
        return {key: without_key(item) for key, item in self._table.get_all(keys).items()}

    def everything(self) -> Iterator[tuple[Key, dict[str, Any]]]:
        """Yield every view with its key; heads and cursors are not views."""
        for key, item in self._table.scan():
            if key[0] not in {_HEADS, _CURSORS}:
                yield key, item

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
        """Return a view's fields, {} where there is none: decimals, times and weights as text, records as dicts."""
        return self._table.get(key_of(place))

    def of_account(self, account: str, kind: str) -> list[dict[str, Any]]:
        """Return all views of a kind: position, targets, leg, order with its states, books, matched, trading-state."""
        return list(self._table.query(f"account#{account}", kind))

    def orders(self, account: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Return each order's view and that of its state, {} where it has none yet."""
        items = {sort_key(item): item for item in self.of_account(account, "order#")}
        for key, item in items.items():
            if not key.endswith("#state"):
                yield item, items.get(f"{key}#state", {})

    def decisions(self, account: str, until: str) -> Iterator[tuple[str, list[str]]]:
        """Yield each decision's place (time#order id#message) and order ids, newest first, from one on ("": all)."""
        for item in self._table.newest(f"decisions#{account}", until):
            yield sort_key(item), item["orders"]

    def orders_by_id(
        self, account: str, ids: Sequence[str], *, consistent: bool = True
    ) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
        """Return the views as ``orders`` does, by id; an order that is not recorded yet is left out.

        At half the price, what is not ``consistent`` may be as it was a moment ago.
        """
        orders = {order_id: key_of(("order", account, order_id)) for order_id in ids}
        states = {order_id: key_of(("order-state", account, order_id)) for order_id in ids}
        items = self._table.get_all([*orders.values(), *states.values()], consistent=consistent)
        return {
            order_id: (items[key], items.get(states[order_id], {})) for order_id, key in orders.items() if key in items
        }

    def trades(self, account: str, dt: str) -> list[dict[str, Any]]:
        """Return the fills of a UTC day (2026-01-31), each under ``fill``."""
        return list(self._table.query(f"trades#{account}#{dt}"))

    def _putting(self, view: View) -> Write:
        condition, values = f"{ABSENT} OR view_version < :version", {":version": view.version}
        return self._table.putting(key_of(view.place), as_stored(view), condition, values)


def _at(head: Head) -> tuple[str, dict[str, Any]]:
    """Return the condition that a stream ends at a head; one without records may have promises."""
    return ("head_hash = :before", {":before": head.hash}) if head.seq else ("attribute_not_exists(head_hash)", {})


def _tip(stream: str, item: dict[str, Any]) -> Tip:
    head = chain.start(stream)
    if "head_hash" in item:
        head = Head(stream=stream, seq=integer(item["seq"]), hash=item["head_hash"])
    return Tip(head=head, promised=tuple(item.get("promised", ())), aside=item.get("aside", ""))
