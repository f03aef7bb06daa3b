"""The paper venue's book in DynamoDB: a page an account, and a marker for every order that it ever took."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from fanfold.aws.tables import ABSENT, Key, Table, Write
from fanfold.messages import Order
from fanfold.refusals import Conflict
from fanfold.resting import Page, Resting, canceled

_page = msgspec.json.Decoder(Page).decode
_encode = msgspec.json.Encoder(decimal_format="string").encode
TRIES = 5


class PaperBook:
    """See fanfold.resting.Book."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._pages: dict[str, Page] = {}

    def add(self, order: Order) -> None:
        for _ in range(TRIES):
            page = self.read(order.account)
            marker = self._table.putting(_marker(order.account, order.client_order_id), {}, ABSENT)
            after = msgspec.structs.replace(page, resting=[*page.resting, Resting(order=order)])
            try:
                self._table.write([marker, self._paging(order.account, page.version, after)])
            except Conflict:
                if self._table.get(_marker(order.account, order.client_order_id)):
                    return
                continue
            return
        raise Conflict(f"order {order.order_id} found no place in the paper book in {TRIES} tries")

    def cancel(self, account: str, client_order_ids: Sequence[str], at: datetime, reason: str) -> None:
        page = self.read(account)
        after = [canceled(one, client_order_ids, at, reason) for one in page.resting]
        if after != page.resting:
            self._table.write([self._paging(account, page.version, msgspec.structs.replace(page, resting=after))])

    def read(self, account: str) -> Page:
        item = self._table.get(_page_key(account))
        self._pages[account] = _page(item["page"]) if item else Page()
        return self._pages[account]

    def write(
        self, account: str, version: int, changed: list[Resting], gone: list[str], settled: dict[str, int]
    ) -> None:
        # A version has one content, so the page that was read under it needs no second look.
        known = self._pages.get(account)
        page = known if known and known.version == version else self.read(account)
        fresh = {one.order.client_order_id: one for one in changed}
        resting = [
            fresh.get(one.order.client_order_id, one)
            for one in page.resting
            if one.order.client_order_id not in gone
        ]
        after = msgspec.structs.replace(page, resting=resting, settled=settled)
        self._table.write([self._paging(account, version, after)])

    def _paging(self, account: str, version: int, page: Page) -> Write:
        after = msgspec.structs.replace(page, version=version + 1)
        condition = "version = :version" if version else ABSENT
        values = {":version": version} if version else None
        item = {"page": _encode(after), "version": after.version}
        return self._table.putting(_page_key(account), item, condition, values)


def _page_key(account: str) -> Key:
    return f"page#{account}", "page"


def _marker(account: str, client_order_id: str) -> Key:
    return f"taken#{account}#{client_order_id}", "taken"
