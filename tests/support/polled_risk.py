"""Risk over stores in memory, which hears the parts of polls in any order."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from fanfold import ids
from fanfold.errors import AT_ONCE
from fanfold.ledger import orders
from fanfold.market.bars import Bar
from fanfold.matching.book import RestingOrder
from fanfold.matching.fills import Resolution
from fanfold.messages import (
    BarsClosed,
    ExecutionReport,
    Message,
    Order,
    OrdersApproved,
    OrderState,
    Target,
    Targets,
    TradingState,
    TradingStateChanged,
)
from fanfold.risk.policy import prepare
from fanfold.simulation.ledger import MemoryApprovals, MemoryLedger
from fanfold.simulation.stores import MemoryBus, MemoryPolls
from risk_service.assess import PreTradeRisk
from support.core_desk import START, A, B, bars_message, instance, series, small_desk
from support.crashes import Mortal
from support.order_messages import fill_of

DESK = small_desk(
    trend=instance(),
    hourly=instance("breakout", timeframe="1h"),
    hook=instance(allocation="0.1") | {"strategy": "external", "params": {}},
)
PLAN = prepare(DESK)
Part = BarsClosed | Targets | ExecutionReport


class World:
    """An account of 10,000, risk's stores, and a clock that stands two seconds after the newest poll."""

    def __init__(self, clock: Callable[[], datetime] | None = None) -> None:
        self.bus, self.gathering = MemoryBus(), MemoryPolls()
        self.ledger = MemoryLedger(self.bus)
        self.now = at(1) + timedelta(seconds=2)
        self.clock = clock or (lambda: self.now)
        halt = TradingStateChanged(
            id="open", cause="x", at=at(0), account="main", state=TradingState.ACTIVE, reason="r", actor="a"
        )
        self.ledger.open("main", Decimal(10_000), halt)

    def assessor(self, fuse: Any = None) -> PreTradeRisk:
        ports: list[Any] = [self.gathering, MemoryApprovals(self.ledger)]
        gathering, ledger = ports if fuse is None else [Mortal(port, fuse) for port in ports]
        return PreTradeRisk(DESK, PLAN, gathering, ledger, self.clock, AT_ONCE)

    def hear(self, *parts: Part, fuse: Any = None) -> None:
        assessor = self.assessor(fuse)
        for part in parts:
            hear(assessor, part)

    def messages_of(self, kind: type[Message]) -> list[Any]:
        unique = {message.id: message for message in self.bus.messages}
        return [message for message in unique.values() if isinstance(message, kind)]

    def outcome(self) -> tuple[Any, ...]:
        """The decisions, whoever crashed on the way."""
        by_id = {order.order_id: order for approval in self.messages_of(OrdersApproved) for order in approval.orders}
        account = self.ledger.accounts["main"]
        return by_id, account.reserved, {leg: item.open for leg, item in self.ledger.positions.get("main", {}).items()}

    def fill_all(self) -> None:
        """Every order fills at once at the venue."""
        records = list(self.ledger.orders.values())
        assert self.ledger.claim(
            "main", [(record, orders.claim(record, self.now, 5, orders.Harmless.UNSENT)) for record in records]
        )
        resolutions = [_filled(record.order) for record in records]
        report = poll(2, {})[2]
        assert isinstance(report, ExecutionReport)
        self.ledger.publish(self.ledger.book("main", resolutions, report), [])

    def check(self) -> None:
        live = self.ledger.orders.values()
        assert self.ledger.accounts["main"].reserved == sum((orders.held(record) for record in live), Decimal(0))
        assert self.ledger.outbox == {}
        assert {order.order_id for each in self.messages_of(OrdersApproved) for order in each.orders} == set(
            self.ledger.orders
        )


def _filled(order: Order) -> Resolution:
    return Resolution(resting=RestingOrder(order=order, filled=order.quantity), state=OrderState.FILLED,
                      fills=(fill_of(order),))  # fmt: skip


def hear(assessor: PreTradeRisk, part: Part) -> None:
    if isinstance(part, BarsClosed):
        assessor.on_bars(part)
    elif isinstance(part, Targets):
        assessor.on_targets(part)
    else:
        assessor.on_matched(part)


def at(minute: int) -> datetime:
    return datetime.fromtimestamp(START + 60 * minute, UTC)


def poll(minute: int, weights: dict[str, float], parts: int = 1, timeframe: str = "1m") -> list[Part]:
    """Return bars, targets and the matching of a minute; with two parts, each instrument is in one of them."""
    story: list[Part] = []
    split = [(A, B)] if parts == 1 else [(A,), (B,)]
    for part, names_ in enumerate(split, 1):
        name, closes = f"p{minute}", START + 60 * minute
        bar_series = [
            series(name, [Bar(closes, 10_000, 10_100, 9_900, 10_000 + minute, 5)], closes - 60) for name in names_
        ]
        wanted = [target(name, minute, weights[name], timeframe) for name in names_ if name in weights]
        story += [
            bars_message(bar_series, name, part=part, parts=parts),
            Targets(
                id=f"t{minute}/{part}",
                cause="b",
                at=at(minute),
                account="main",
                poll_id=f"poll-{name}",
                part=part,
                parts=parts,
                targets=wanted,
            ),
            ExecutionReport(
                id=f"e{minute}/{part}",
                cause="b",
                at=at(minute),
                account="main",
                venue="v",
                matched=True,
                poll_id=f"poll-{name}",
                part=part,
                parts=parts,
            ),
        ]
    return story


def target(instrument: str, minute: int, weight: float, timeframe: str) -> Target:
    owner = "trend" if timeframe == "1m" else "hourly"
    signal = ids.derive("s", owner, instrument, minute)
    return Target(signal_id=signal, instance=owner, instrument=instrument, timeframe=timeframe, weight=weight)
