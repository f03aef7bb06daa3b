"""Book trades that are delivered before a poll fetches them: by a poll's own path, each once, all or none."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, Protocol

from execution_service.send import RealMonitor
from execution_service.trade_booking import FollowedLedger, TradeBooker
from execution_service.trades_by_order import by_order, records_of
from fanfold.ledger.booking import Trade
from fanfold.ledger.orders import OrderRecord
from fanfold.money import ZERO, exact
from fanfold.trading.answers import VenueTrade

# How far the venue's clock may be ahead.
AHEAD = timedelta(seconds=60)


class DeliveredLedger(FollowedLedger, Protocol):
    """Execution's side of the ledger; see fanfold.ledger.bookings."""

    def booked(self, account: str, trades: Sequence[Trade]) -> Mapping[Trade, Decimal]: ...


class Delivered(NamedTuple):
    """The ids of delivered trades by what became of them; where something is ``wrong``, nothing was booked."""

    booked: list[str]
    known: list[str]
    external: list[str]
    waiting: list[str]
    wrong: list[str]


class Deliverer:
    """The verb of execution for trades that a sender delivers.

    The cursors of polls stay where they are: a poll fetches these trades again, and earlier ones that nobody delivered.
    """

    def __init__(self, venue: str, ledger: DeliveredLedger, booker: TradeBooker, monitor: RealMonitor) -> None:
        self._venue = venue
        self._ledger = ledger
        self._booker = booker
        self._monitor = monitor

    def deliver(self, account: str, trades: Sequence[VenueTrade], cause: str, at: datetime) -> Delivered:
        """Book what is not booked yet, unless a trade contradicts its order or what is booked of it."""
        sent = self._booker.sent(account)
        keys = [self._key(trade) for trade in trades]
        known = self._ledger.booked(account, keys)
        clients = {record.order.client_order_id for record in sent.values()}
        wrong = [f"trade {trade.trade_id} is of the future, {trade.at}" for trade in trades if trade.at > at + AHEAD]
        wrong += [f"trade {trade_id} is there more than once" for _, _, trade_id in sorted(_repeated(keys))]
        sorted_trades = {
            instrument: by_order(self._ledger, account, own, records_of(instrument, sent))
            for instrument, own in _by_instrument(trades).items()
        }
        strangers = [trade for of_instrument in sorted_trades.values() for trade in of_instrument.strangers]
        for of_instrument in sorted_trades.values():
            for record, of_order in of_instrument.own:
                wrong += self._contradictions(record, of_order, known)
        wrong += [_elsewhere(trade) for trade in strangers if trade.client_order_id in clients]
        if wrong:
            self._monitor.alarm("delivered trades contradict the orders", account=account, why="; ".join(wrong))
            return Delivered([], [], [], [], wrong)
        report, waiting = self._booker.report(account, cause, at), set[str]()
        for instrument, of_instrument in sorted_trades.items():
            _, held = self._booker.book(report, of_instrument, records_of(instrument, sent))
            waiting |= {instrument} if held else set()
        own_trades = [trade for trade in trades if trade not in strangers]
        return Delivered(
            booked=[trade.trade_id for trade in own_trades if self._key(trade) not in known],
            known=[trade.trade_id for trade in own_trades if self._key(trade) in known],
            external=[trade.trade_id for trade in strangers if trade.instrument not in waiting],
            waiting=[trade.trade_id for trade in strangers if trade.instrument in waiting],
            wrong=[],
        )

    def _key(self, trade: VenueTrade) -> Trade:
        return self._venue, trade.instrument, trade.trade_id

    @exact
    def _contradictions(
        self, record: OrderRecord, trades: Sequence[VenueTrade], known: Mapping[Trade, Decimal]
    ) -> list[str]:
        order, wrong = record.order, list[str]()
        for trade in trades:
            text = f"trade {trade.trade_id} of order {trade.venue_order_id}"
            if trade.side != order.side:
                wrong.append(f"{text} is a {trade.side}, the order a {order.side}")
            if trade.client_order_id not in ("", order.client_order_id):
                wrong.append(f"{text} names {trade.client_order_id}, the order is {order.client_order_id}")
            booked = known.get(self._key(trade))
            if booked not in (None, trade.quantity):
                wrong.append(f"{text} is of {trade.quantity}, booked are {booked}")
        if len({trade.venue_order_id for trade in trades}) > 1:
            wrong.append(f"order {order.client_order_id} has more than one id at its venue")
        fresh = sum((trade.quantity for trade in trades if self._key(trade) not in known), ZERO)
        if fresh > record.remaining:
            wrong.append(f"{fresh} more were to fill of order {trades[0].venue_order_id}, left are {record.remaining}")
        return wrong


def _elsewhere(trade: VenueTrade) -> str:
    return f"trade {trade.trade_id} names {trade.client_order_id}, which has another instrument or id at its venue"


def _by_instrument(trades: Sequence[VenueTrade]) -> dict[str, list[VenueTrade]]:
    grouped: dict[str, list[VenueTrade]] = {}
    for trade in trades:
        grouped.setdefault(trade.instrument, []).append(trade)
    return grouped


def _repeated(keys: Sequence[Trade]) -> set[Trade]:
    return {key for key in keys if keys.count(key) > 1}
