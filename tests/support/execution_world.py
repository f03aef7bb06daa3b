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

    def approve(self, *some: Order) -> OrdersApproved:
        told = OrdersApproved(id="approved", cause="t", at=AT, account="main", orders=list(some))
        before = self.ledger.book_of("main", PollState())
        assert self.ledger.approve(before, told, 1, len(some)) == []
        self.ledger.publish([told], [])
        return told

    def live(self) -> list[str]:
        return [one.order_id for one in self.ledger.live("main")]

    def place(self, told: OrdersApproved, fuse: Any = None) -> None:
        book, ledger = self._ports(fuse)
        Placer(DESK, ledger, PaperVenue(DESK, book), lambda: self.now).place(told)

    def match(self, message: BarsClosed, fuse: Any = None, *, swept: bool = True) -> None:
        self.matcher(fuse, swept=swept).match(message)

    def matcher(self, fuse: Any = None, *, swept: bool = True) -> OrderMatcher:
        book, ledger = self._ports(fuse)
        return OrderMatcher(DESK, ledger, PaperVenue(DESK, book), swept=swept)

    def sweep(self, fuse: Any = None) -> int:
        book, ledger = self._ports(fuse)
        venue = PaperVenue(DESK, book)
        verbs = Placer(DESK, ledger, venue, lambda: self.now), OrderMatcher(DESK, ledger, venue, swept=True)
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
        return {order_id: one.state for order_id, one in self.ledger.orders.items()}

    def check(self) -> None:
        """The law of the books."""
        account, records = self.ledger.accounts["main"], list(self.ledger.orders.values())
        fills = self.fills()
        assert len({fill.trade_id for fill in fills}) == len(fills)
        assert account.reserved == sum((orders.held(one) for one in records), D(0))
        assert account.cash == 10_000 + sum((positions.cash_flow(one) for one in fills), D(0))
        for leg, item in self.ledger.positions["main"].items():
            assert item.position == positions.fold(one for one in fills if (one.instance, one.instrument) == leg)
            mine = [record for record in records if leg == (record.order.instance, record.order.instrument)]
            live = [one for one in mine if one.state in orders.LIVE]
            assert item.open == sum((one.remaining * (1 if one.order.side == "buy" else -1) for one in live), D(0))
        resting = {one.order.order_id: one.filled for one in self.book.read("main").resting}
        assert resting.items() <= {one.order.order_id: one.filled for one in records}.items()
        assert sorted(self.live()) == sorted(one.order.order_id for one in records if one.state in orders.LIVE)
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
    return bars_message([series(one, [bar], closes - 60) for one in (A, B)], f"m{number}")


TWO = (order("a"), order("b", B, "sell"))
