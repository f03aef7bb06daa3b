"""A paper venue's book in memory."""

from datetime import datetime

import msgspec

from fanfold.messages import Order
from fanfold.refusals import Conflict
from fanfold.resting import Page, Resting


class MemoryBook:
    """The book of ``fanfold.resting`` in dictionaries, which keep the order of arrival."""

    def __init__(self) -> None:
        self._pages: dict[str, Page] = {}
        self._known: set[tuple[str, str]] = set()

    def add(self, order: Order) -> None:
        key = (order.account, order.client_order_id)
        if key not in self._known:
            self._known.add(key)
            page = self.read(order.account)
            self._pages[order.account] = msgspec.structs.replace(page, resting=[*page.resting, Resting(order=order)])

    def cancel(self, account: str, client_order_id: str, at: datetime) -> None:
        page = self.read(account)
        for one in page.resting:
            if one.order.client_order_id == client_order_id and one.canceled_at is None:
                canceled = msgspec.structs.replace(one, canceled_at=at)
                self.write(account, page.version, [canceled], [], page.settled)

    def read(self, account: str) -> Page:
        return self._pages.get(account, Page())

    def write(
        self, account: str, version: int, changed: list[Resting], gone: list[str], settled: dict[str, int]
    ) -> None:
        page = self.read(account)
        if page.version != version:
            raise Conflict(f"the book of {account} is at version {page.version}, not {version}; resolve again")
        resting = {one.order.client_order_id: one for one in page.resting}
        resting |= {one.order.client_order_id: one for one in changed}
        left = [one for key, one in resting.items() if key not in gone]
        self._pages[account] = Page(resting=left, settled=settled, version=version + 1)
