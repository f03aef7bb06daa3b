"""The paper venue's book in DynamoDB: an account's orders in parts, and a marker for every order that was ever added.

The first part is in the item of the account, with the times matched through and the version; most accounts have no
other. Every write increments the version, so a match is written to the very book it was computed from.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from fanfold.aws.dynamodb.table import ABSENT, Key, Table, Write
from fanfold.errors import BadInput, Conflict, retry_on_conflict
from fanfold.matching.book import PaperBookVersion, RestingOrder, canceled, updated
from fanfold.messages import Order

TRIES = 5
# An order is well under 1 KB; an item takes 400 KB, a transaction 4 MB.
PART_ORDERS = 250
PARTS_MAX = 15
# How long after its expiry an order's marker is kept: no request is under way any more, and the ledger says its end.
KEPT_S = 30 * 86_400
_page = msgspec.json.Decoder(PaperBookVersion).decode
_part = msgspec.json.Decoder(list[RestingOrder]).decode
_parts_of = msgspec.json.Decoder(list[int]).decode
_encode = msgspec.json.Encoder(decimal_format="string").encode
NO_PARTS = b"[]"
Parts = dict[int, list[RestingOrder]]


class StoredBook(msgspec.Struct, frozen=True):
    """A page as it was read or written, and its orders by part; part 0 is the page's own item, of this ``body``."""

    page: PaperBookVersion
    parts: Parts
    body: bytes = b""


class PaperBook:
    """See fanfold.matching.book.PaperOrderStore."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._kept: dict[str, StoredBook] = {}

    def add(self, order: Order) -> bool:
        marker = self._marking(order, {})

        def attempt() -> bool:
            kept = self._read(order.account)
            parts = _added(kept.parts, order)
            try:
                self._store(order.account, kept, parts, kept.page.matched_through_s, marker)
            except Conflict:
                known = self._table.get(_marker(order))
                if not known:
                    raise
                return "shut_out" not in known
            return True

        return retry_on_conflict(attempt, TRIES, f"the paper book of {order.account}", self._table.backoff)

    def knows(self, order: Order) -> bool:
        known = self._table.get(_marker(order))
        return bool(known) and "shut_out" not in known

    def shut_out(self, order: Order) -> bool:
        try:
            self._table.write([self._marking(order, {"shut_out": 1})])
        except Conflict:
            return not self.knows(order)
        return True

    def cancel(self, account: str, client_order_ids: Sequence[str], at: datetime, reason: str) -> None:
        kept = self._read(account)
        parts = {
            number: [canceled(entry, client_order_ids, at, reason) for entry in part]
            for number, part in kept.parts.items()
        }
        if parts != kept.parts:
            self._store(account, kept, parts, kept.page.matched_through_s)

    def read(self, account: str) -> PaperBookVersion:
        return self._read(account).page

    def write(
        self,
        account: str,
        version: int,
        changed: list[RestingOrder],
        gone: list[str],
        matched_through_s: dict[str, int],
    ) -> None:
        # A version has one content, so the page that was read under it needs no second look.
        kept = self._kept.get(account)
        if kept is None or kept.page.version != version:
            kept = self._read(account)
        if kept.page.version != version:
            raise Conflict(f"the book of {account} is at version {kept.page.version}, not {version}; resolve again")
        ended = frozenset(gone)
        parts = {number: updated(part, changed, ended) for number, part in kept.parts.items()}
        self._store(account, kept, parts, matched_through_s)

    def _marking(self, order: Order, item: dict[str, Any]) -> Write:
        expires = int(order.expires_at.timestamp()) + KEPT_S
        return self._table.putting(_marker(order), {**item, "expires_at_s": expires}, ABSENT)

    def _read(self, account: str) -> StoredBook:
        item, known = self._table.get(_page_key(account)), self._kept.get(account)
        if _numbers(item):
            book = self._with_parts(account, item)
        elif known is not None and item and item["book"] == known.body:
            book = known  # Most often this process wrote the page, and need not decode it.
        else:
            book = _kept(item)
        self._kept[account] = book
        return book

    def _with_parts(self, account: str, item: dict[str, Any]) -> StoredBook:
        """Read the parts after the page that names them: they belong together if it has not changed since."""

        def attempt() -> StoredBook:
            nonlocal item
            before, numbers = item, _numbers(item)
            parts = self._table.get_all([_part_key(account, number) for number in numbers])
            item = self._table.get(_page_key(account))
            if before.get("version") != item.get("version"):
                raise Conflict(f"the paper book of {account} changed while it was read")
            return _joined(_kept(item), {number: parts[_part_key(account, number)] for number in numbers})

        return retry_on_conflict(attempt, TRIES, f"the paper book of {account}", self._table.backoff)

    def _store(
        self, account: str, kept: StoredBook, parts: Parts, matched_through_s: dict[str, int], *beside: Write
    ) -> None:
        """Write the page and the parts that changed, together with what is ``beside`` them."""
        version = kept.page.version
        others = {number: part for number, part in parts.items() if number and part}
        page = PaperBookVersion(resting=parts.get(0, []), matched_through_s=matched_through_s, version=version + 1)
        body = _encode(page)
        item = {"book": body, "version": version + 1, "parts": _encode(sorted(others)) if others else NO_PARTS}
        condition, values = ("version = :version", {":version": version}) if version else (ABSENT, None)
        writes = [*beside, self._table.putting(_page_key(account), item, condition, values)]
        for number, part in others.items():
            if part != kept.parts.get(number):
                writes.append(self._table.putting(_part_key(account, number), {"resting": _encode(part)}))
        writes += [
            self._table.deleting(_part_key(account, number)) for number in kept.parts if number and number not in others
        ]
        self._table.write(writes)
        if others:
            del self._kept[account]
        else:
            self._kept[account] = StoredBook(page, {0: page.resting}, body)


def _kept(item: dict[str, Any]) -> StoredBook:
    """Return the book of a page that has no other parts."""
    page = _page(item["book"]) if item else PaperBookVersion()
    return StoredBook(page, {0: page.resting})


def _joined(own: StoredBook, others: dict[int, dict[str, Any]]) -> StoredBook:
    parts = own.parts | {number: _part(other["resting"]) for number, other in sorted(others.items())}
    resting = [entry for part in parts.values() for entry in part]
    return StoredBook(msgspec.structs.replace(own.page, resting=resting), parts)


def _numbers(item: dict[str, Any]) -> list[int]:
    # Nearly no book has parts besides its page.
    return _parts_of(item["parts"]) if item.get("parts", NO_PARTS) != NO_PARTS else []


def _added(parts: Parts, order: Order) -> Parts:
    """Append the order to the last part, or to a new one."""
    last = max(parts)
    if len(parts[last]) >= PART_ORDERS:
        last += 1
    if len(parts.keys() | {last}) > PARTS_MAX:
        count = sum(map(len, parts.values()))
        raise BadInput(f"{count} orders rest for {order.account}, and its paper book takes no more; cancel some")
    return {**parts, last: [*parts.get(last, []), RestingOrder(order=order)]}


def _page_key(account: str) -> Key:
    return f"paper#{account}", "book"


def _part_key(account: str, number: int) -> Key:
    return f"paper#{account}", f"part#{number}"


def _marker(order: Order) -> Key:
    return f"taken#{order.account}#{order.client_order_id}", "taken"
