"""A cache of the views of orders, without those that the log says have changed since."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from fanfold.audit import chain
from fanfold.audit.chain import Tip
from fanfold.audit.lineage import Segments
from fanfold.audit.queries import Fields, Reading
from fanfold.audit.views import views_of

ORDERS_MAX = 5_000
# Behind by more segments than that, all is forgotten: they would cost more than the orders.
SEGMENTS_MAX = 20
# The streams of bars, in which there are no orders.
MARKET = "market-"
_KINDS = {"order", "order-state"}
# By account and order id: the order's view, and that of its state.
Known = dict[tuple[str, str], tuple[Fields, Fields]]


class Asides(Protocol):
    """The segments that lie under another name than their own; see fanfold.aws.dynamodb.views."""

    def aside(self, stream: str, after: int) -> Mapping[int, str]: ...


class _AsOf(NamedTuple):
    """The orders known while the streams ended at some sequence numbers."""

    ends: dict[str, int]
    orders: Known


class OrderCache:
    """The orders that one process has read. Any number of threads may use it."""

    def __init__(self, asides: Asides, log: Segments) -> None:
        self._asides = asides
        self._log = log
        self._known = _AsOf({}, {})

    def until(self, tips: Iterable[Tip]) -> Known:
        """Return the orders that are as they were recorded until the tips, to be added to by who reads more."""
        ends = {tip.head.stream: tip.head.seq for tip in tips}
        known = self._known
        if ends != known.ends:
            # A copy: who began to read before this goes on with what was known then, and what they add is lost.
            self._known = known = _AsOf(ends, self._unchanged(known.ends, ends, known.orders.copy()))
        return known.orders

    def _unchanged(self, before: Mapping[str, int], after: Mapping[str, int], orders: Known) -> Known:
        moved = [stream for stream, end in after.items() if end > before.get(stream, 0)] if orders else []
        for stream in moved:
            if stream.startswith(MARKET):
                continue
            for count, body in enumerate(self._segments(stream, before.get(stream, 0), after[stream])):
                if count == SEGMENTS_MAX:
                    return {}
                for key in _changed(body):
                    orders.pop(key, None)
        return orders if len(orders) < ORDERS_MAX else {}

    def _segments(self, stream: str, seq: int, end: int) -> Iterator[bytes]:
        """Yield the segments of a stream after a record."""
        aside = self._asides.aside(stream, seq)
        while seq < end:
            body = self._log.read(aside.get(seq + 1, chain.segment_key(stream, seq + 1)))
            yield body
            seq = chain.read(chain.lines_of(body)[-1]).seq


def _changed(segment: bytes) -> Iterator[tuple[str, str]]:
    """Yield the account and id of each order that a segment's messages changed."""
    for line in chain.lines_of(segment):
        record = chain.read(line)
        for view in views_of(chain.message_of(record), record.sent_ms, record.seq):
            if view.place[0] in _KINDS:
                yield view.place[1], view.place[2]


class KnownOrders:
    """Audit's views, whose orders are read where they are not known."""

    def __init__(self, views: Reading, known: Known) -> None:
        self.read, self.of_account, self.orders = views.read, views.of_account, views.orders
        self.decisions, self.trades = views.decisions, views.trades
        self._views = views
        self._known = known

    def orders_by_id(
        self, account: str, ids: Sequence[str], *, consistent: bool = True
    ) -> Mapping[str, tuple[Fields, Fields]]:
        """Return the views of each order and its state by id; an order that is not recorded yet is left out."""
        if not consistent:
            return self._views.orders_by_id(account, ids, consistent=False)
        there = {order_id: self._known[account, order_id] for order_id in ids if (account, order_id) in self._known}
        missing = [order_id for order_id in ids if order_id not in there]
        fresh = self._views.orders_by_id(account, missing) if missing else {}
        # Who looks through old pages while nothing is recorded is not remembered without a bound.
        if len(self._known) < ORDERS_MAX:
            self._known.update({(account, order_id): views for order_id, views in fresh.items()})
        together = {**there, **fresh}
        return {order_id: together[order_id] for order_id in ids if order_id in together}
