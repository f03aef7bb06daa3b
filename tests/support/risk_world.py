"""Risk over a memory ledger, minute by minute: what the tests of its decisions over time share."""

from collections.abc import Collection
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from fanfold import desk, ids
from fanfold.desk import Desk
from fanfold.errors import AT_ONCE
from fanfold.ledger import orders
from fanfold.ledger.account_books import StoredPosition
from fanfold.ledger.positions import Lot, Position
from fanfold.market.bars import Bar
from fanfold.matching.book import RestingOrder
from fanfold.matching.fills import Resolution
from fanfold.messages import (
    ExecutionReport,
    Fill,
    LegStatus,
    Message,
    Order,
    OrdersApproved,
    OrdersRefused,
    OrderState,
    Target,
    Targets,
    TradingState,
    TradingStateChanged,
)
from fanfold.records import TERMINAL
from fanfold.risk.policy import prepare
from fanfold.simulation.ledger import MemoryApprovals, MemoryLedger
from fanfold.simulation.stores import MemoryBus, MemoryPolls
from fanfold.strategy.contract import Protected, protected
from risk_service.assess import PreTradeRisk
from support.core_desk import START, A, B, bars_message, instance, raw, series
from support.order_messages import fill_of

D = Decimal
Wanted = dict[tuple[str, str], float | Protected]


class World:
    """Risk over a memory ledger; time goes by in minutes, and the paper venue has matched every one of them."""

    def __init__(self, traded: Desk) -> None:
        self.desk = traded
        self.bus = MemoryBus()
        self.ledger = MemoryLedger(self.bus)
        self.gathering = MemoryPolls(self.ledger)
        self.now = at(0)
        for name, account in traded.accounts.items():
            self.ledger.open(name, account.cash, halted(TradingState.ACTIVE, name))
        self.restart()

    def restart(self) -> None:
        ports = self.gathering, MemoryApprovals(self.ledger)
        self.assessor = PreTradeRisk(self.desk, prepare(self.desk), *ports, lambda: self.now, AT_ONCE)

    def minute(self, minute: int, targets: Wanted | None = None, *, bundle: str = "", **prices: float) -> None:
        """Bars of a minute, its match, and targets where a strategy speaks."""
        self.now, closes = at(minute), START + 60 * minute
        quoted = {A: prices.get("a", 100), B: prices.get("b", 100)}
        several = [series(name, [Bar(*[closes, *[round(price * 100)] * 4, 10**9])], closes - 60)
                for name, price in quoted.items() if price]  # fmt: skip
        message = bars_message(several, f"p{minute}")
        self.assessor.on_bars(message)
        for account in self.desk.accounts:
            self.assessor.on_matched(ExecutionReport(
                id=f"e{minute}", cause=message.id, at=at(minute), account=account, venue="v", matched=True,
                poll_id=message.cause,
            ))  # fmt: skip
            if targets is not None:
                self.assessor.on_targets(targets_message(minute, targets, account, message.cause, bundle))

    def hear(self, minute: int, targets: Wanted, account: str = "main") -> None:
        """A webhook's targets."""
        self.assessor.on_targets(targets_message(minute, targets, account))

    def hold(self, instance_: str, instrument: str, quantity: str, price: str = "100") -> None:
        item = StoredPosition(position=Position(lots=(Lot(D(quantity), D(price)),), version=1), open=D(0))
        mine = self.ledger.positions.get("main", {})
        self.ledger.positions["main"] = dict(mine) | {(instance_, instrument): item}

    def halt(self, state: TradingState, *, rearm: bool = False) -> None:
        self.ledger.halt(halted(state, "main", self.now.isoformat()), rearm=rearm)

    def finish(
        self,
        state: OrderState = OrderState.FILLED,
        share: str = "1",
        price: str | None = None,
        only: Collection[str] = (),
    ) -> list[Order]:
        """Send all live orders, or those of these ids, and fill a share of each before it ends; those orders."""
        live = [record for record in self.ledger.orders.values() if record.state not in TERMINAL]
        live = [record for record in live if not only or record.order.order_id in only]
        for record in live:
            order = record.order
            assert self.ledger.claim(
                order.account, [(record, orders.claim(record, self.now, 5, orders.Harmless.UNSENT))]
            )
            filled = D(share) * order.quantity
            resolution = Resolution(resting=RestingOrder(order=order, filled=filled), state=state,
                                    fills=(fill(order, filled, price),) if filled else ())  # fmt: skip
            report = ExecutionReport(id=f"r-{order.order_id}", cause="b", at=self.now, account=order.account, venue="v")
            self.ledger.publish(self.ledger.book(order.account, [resolution], report), [])
        return [record.order for record in live]

    def messages_of(self, kind: type[Message]) -> list[Any]:
        return [
            each for each in {message.id: message for message in self.bus.messages}.values() if isinstance(each, kind)
        ]

    def approved(self) -> list[tuple[str, str, Decimal]]:
        ordered = [order for message in self.messages_of(OrdersApproved) for order in message.orders]
        return [(order.side, order.instrument, order.quantity) for order in ordered]

    def legs(self) -> list[tuple[str, str, str]]:
        states = [state for message in self.messages_of(LegStatus) for state in message.statuses]
        return [(state.instance, state.instrument, str(state.code)) for state in states]

    def refused(self) -> list[tuple[str, str]]:
        return [
            (str(each.code), each.order.instrument)
            for message in self.messages_of(OrdersRefused)
            for each in message.refusals
        ]


def at(minute: int) -> datetime:
    return datetime.fromtimestamp(START + 60 * minute, UTC)


def targets_message(minute: int, targets: Wanted, account: str, poll_id: str = "", bundle: str = "") -> Targets:
    aimed = [Target(signal_id=ids.derive("s", *leg, minute), instance=leg[0], instrument=leg[1], timeframe="1d",
                    bundle=bundle, **protected(weight)._asdict()) for leg, weight in targets.items()]  # fmt: skip
    return Targets(id=f"t{minute}-{account}-{poll_id}", cause="b", at=at(minute), account=account, poll_id=poll_id,
                   targets=aimed)  # fmt: skip


def fill(order: Order, quantity: Decimal, price: str | None = None) -> Fill:
    changes = {"price": D(price)} if price else {}
    return fill_of(order, quantity=quantity, fee=D("0.1"), **changes)


def halted(state: TradingState, account: str, name: str = "") -> TradingStateChanged:
    return TradingStateChanged(
        id=f"{state}-{account}-{name}", cause="x", at=at(0), account=account, state=state, reason="r", actor="a"
    )


def built(kind: str = "margin", strategies: dict[str, Any] | None = None, **limits: Any) -> Desk:
    tables = raw(**(strategies or {"slow": instance("breakout", timeframe="1d", allocation="1")}))
    tables["accounts"]["main"]["kind"] = kind
    bounds = {"order_notional_max": "100000", "position_notional_max": "100000", **limits}
    tables["limits"] = dict.fromkeys(tables["accounts"], bounds)
    return desk.build(tables, "test")
