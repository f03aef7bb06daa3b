"""Sort the trades that a venue tells of by the orders that made them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from execution_service import approved
from fanfold.ledger.orders import OrderRecord
from fanfold.ledger.real_changes import name_at_venue
from fanfold.messages import OrderState
from fanfold.trading.answers import VenueTrade

NEVER_FILLED = (OrderState.APPROVED, OrderState.REJECTED, OrderState.BLOCKED, OrderState.STALE)


class PlacedOrders(approved.Records, Protocol):
    """Execution's side of the ledger; see fanfold.ledger.bookings."""

    def placed(self, account: str, names: Sequence[str]) -> Mapping[str, str]: ...


class TradesByOrder(NamedTuple):
    """Trades of an instrument: of ours by their orders, and of ``strangers``, which no order of ours made."""

    own: list[tuple[OrderRecord, list[VenueTrade]]]
    strangers: list[VenueTrade]


def records_of(instrument: str, records: Mapping[str, OrderRecord]) -> list[OrderRecord]:
    """Return the orders of an instrument."""
    return [record for record in records.values() if record.order.instrument == instrument]


def by_order(
    ledger: PlacedOrders, account: str, trades: Sequence[VenueTrade], records: Sequence[OrderRecord]
) -> TradesByOrder:
    """Return trades of an instrument by their orders: the live ones of ``records``, and those that have ended."""
    named = {record.order.client_order_id: record for record in records}
    placed = {record.venue_order_id: record for record in records if record.venue_order_id}
    unnamed = {
        name_at_venue(trade.instrument, trade.venue_order_id): trade.venue_order_id
        for trade in trades
        if trade.venue_order_id not in placed
    }
    ended = ledger.placed(account, sorted(unnamed)) if unnamed else {}
    stored = ledger.records(list(ended.values())) if ended else {}
    placed |= {unnamed[name]: stored[order_id] for name, order_id in ended.items() if order_id in stored}
    own: dict[str, tuple[OrderRecord, list[VenueTrade]]] = {}
    strangers = []
    for trade in trades:
        record = placed.get(trade.venue_order_id) or named.get(trade.client_order_id)
        if record is None or not _of(record, trade):
            strangers.append(trade)
        else:
            own.setdefault(record.order.order_id, (record, []))[1].append(trade)
    return TradesByOrder(list(own.values()), strangers)


def _of(record: OrderRecord, trade: VenueTrade) -> bool:
    """Return whether a trade can be of an order: not of one that its venue never had, nor of a second one."""
    same = record.venue_order_id in ("", trade.venue_order_id) and record.order.instrument == trade.instrument
    return same and record.epoch > 0 and record.state not in NEVER_FILLED
