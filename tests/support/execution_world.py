"""A desk's execution on a ledger and a paper book in memory, and orders and bars for it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from execution_service.match import OrderMatcher
from execution_service.place import Placer
from execution_service.sweep import Sweeper
from fanfold.ledger import orders, positions
from fanfold.market.bars import Bar
from fanfold.matching.paper import PaperVenue
from fanfold.messages import (
    BarsClosed,
    ExecutionReport,
    Fill,
    Order,
    OrdersApproved,
    OrderState,
    TradingState,
    TradingStateChanged,
)
from fanfold.risk.poll import PollState
from fanfold.simulation.book import MemoryBook
from fanfold.simulation.ledger import MemoryLedger
from fanfold.simulation.stores import MemoryBus
from support.core_desk import START, A, B, bars_message, series, small_desk
from support.crashes import Mortal

DESK = small_desk()
AT = datetime.fromtimestamp(START, UTC)
D = Decimal


class World:
    """An account of 10,000, its ledger and the paper venue's book."""

    def __init__(self) -> None:
        self.bus, self.book, self.now = MemoryBus(), MemoryBook(), AT
        self.unknown: list[int] = []
        self.ledger = MemoryLedger(self.bus)
        self.ledger.open("main", D(10_000), halted(TradingState.ACTIVE))

    def approve(self, *orders_now: Order) -> OrdersApproved:
        approval = OrdersApproved(id="approved", cause="t", at=AT, account="main", orders=list(orders_now))
        before = self.ledger.book_of("main", PollState())
        assert self.ledger.approve(before, approval, 1, len(orders_now)) == []
        self.ledger.store.publish([approval], [])
        return approval

    def live(self) -> list[str]:
        return [live_order.order_id for live_order in self.ledger.live("main")]

    def place(self, approval: OrdersApproved, fuse: Any = None) -> None:
        book, ledger = self._ports(fuse)
        venue = PaperVenue(DESK, book)
        clear = OrderMatcher(DESK, ledger, venue).clear
        Placer(DESK, ledger, venue, lambda: self.now, clear).place(approval)

    def match(self, message: BarsClosed, fuse: Any = None, *, swept: bool = True) -> None:
        self.matcher(fuse, swept=swept).match(message)

    def matcher(self, fuse: Any = None, *, swept: bool = True) -> OrderMatcher:
        book, ledger = self._ports(fuse)
        return OrderMatcher(DESK, ledger, PaperVenue(DESK, book), swept=swept)

    def sweep(self, fuse: Any = None) -> int:
        book, ledger = self._ports(fuse)
        venue = PaperVenue(DESK, book)
        matcher = OrderMatcher(DESK, ledger, venue, swept=True)
        verbs = Placer(DESK, ledger, venue, lambda: self.now, matcher.clear), matcher
        return Sweeper(DESK, ledger, lambda _venue: verbs, lambda: self.now, self.unknown.append).sweep(
            self.ledger.live("main")
        )

    def _ports(self, fuse: Any) -> list[Any]:
        return [port if fuse is None else Mortal(port, fuse) for port in (self.book, self.ledger)]

    def reports(self) -> list[ExecutionReport]:
        unique = {message.id: message for message in self.bus.messages if isinstance(message, ExecutionReport)}
        return list(unique.values())

    def fills(self) -> list[Fill]:
        return [fill for each in self.reports() for fill in each.fills]

    def states(self) -> dict[str, OrderState]:
        return {order_id: record.state for order_id, record in self.ledger.orders.items()}

    def check(self) -> None:
        """The law of the books."""
        account, records = self.ledger.accounts["main"], list(self.ledger.orders.values())
        fills = self.fills()
        assert len({fill.trade_id for fill in fills}) == len(fills)
        assert account.reserved == sum((orders.held(record) for record in records), D(0))
        assert account.cash == 10_000 + sum((positions.cash_flow(booked) for booked in fills), D(0))
        for leg, item in self.ledger.positions["main"].items():
            assert item.position == positions.fold(
                booked for booked in fills if (booked.instance, booked.instrument) == leg
            )
            mine = [record for record in records if leg == (record.order.instance, record.order.instrument)]
            live = [record for record in mine if record.state in orders.LIVE]
            assert item.open == sum(
                (record.remaining * (1 if record.order.side == "buy" else -1) for record in live), D(0)
            )
        resting = {
            resting_order.order.order_id: resting_order.filled for resting_order in self.book.read("main").resting
        }
        assert resting.items() <= {record.order.order_id: record.filled for record in records}.items()
        assert sorted(self.live()) == sorted(record.order.order_id for record in records if record.state in orders.LIVE)
        assert self.ledger.outbox == {}


def halted(state: TradingState, at: datetime = AT) -> TradingStateChanged:
    return TradingStateChanged(id=f"halt-{state}", cause="x", at=at, account="main", state=state, reason="r", actor="a")


def order(name: str, instrument: str = A, side: str = "buy", **changes: Any) -> Order:
    fields: dict[str, Any] = {
        "order_id": name,
        "client_order_id": f"c-{name}",
        "signal_id": f"s-{name}",
        "account": "main",
        "venue": "v",
        "instance": "trend",
        "instrument": instrument,
        "side": side,
        "kind": "market",
        "quantity": "2",
        "reference_price": "100",
        "reserved": "201.5" if side == "buy" else "0",
        "decided_at": AT,
        "expires_at": AT + timedelta(seconds=300),
    }
    return msgspec.convert(fields | changes, Order)


def minute(number: int, lots: int = 1_000_000) -> BarsClosed:
    closes = START + 60 * number
    bar = Bar(closes, 10_000, 10_100, 9_900, 10_000, lots)
    return bars_message([series(instrument, [bar], closes - 60) for instrument in (A, B)], f"m{number}")


TWO = (order("a"), order("b", B, "sell"))
