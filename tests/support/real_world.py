"""A real account over a ledger in memory and a venue in memory, whose processes may die at every call."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import msgspec

from execution_service.real import RealAccount
from fanfold.desk import Desk
from fanfold.errors import AT_ONCE, Conflict
from fanfold.ledger import orders
from fanfold.ledger.bookings import Bookings
from fanfold.ledger.changes import Change, MoveOrder
from fanfold.ledger.orders import OrderRecord
from fanfold.ledger.real_changes import changes_of
from fanfold.messages import BarsClosed, ExecutionReport, Order, OrdersApproved, OrderState, TradingState
from fanfold.risk.poll import PollState
from fanfold.simulation.ledger import MemoryLedger
from fanfold.simulation.schedules.venue import RealVenue
from fanfold.simulation.stores import MemoryBus
from support.crashes import Crash, Fuse, Mortal
from support.execution_world import AT, DESK, halted, minute, order

D = Decimal
NEVER_THERE = (OrderState.REJECTED, OrderState.STALE, OrderState.BLOCKED, OrderState.APPROVED)


class Events(list[str]):
    """The events that a monitor was told."""

    def note(self, event: str, **_figures: str) -> None:
        self.append(event)

    def alarm(self, event: str, **_figures: str) -> None:
        self.append(event)

    def overdue(self, count: int) -> None:
        self.extend(["overdue"] * count)


class RealWorld:
    """An account, its ledger and its venue. ``limits`` change those of the desk."""

    def __init__(self, seed: int | None = None, **limits: Any) -> None:
        self.now, self.random = AT, Random(seed) if seed is not None else None
        own = msgspec.structs.replace(DESK.limits["main"], **({"signal_age_s_max": 120} | limits))
        self.desk: Desk = msgspec.structs.replace(DESK, limits=DESK.limits | {"main": own})
        self.bus, self.events = MemoryBus(), Events()
        self.ledger = MemoryLedger(self.bus)
        self.ledger.open("main", D(10_000), halted(TradingState.ACTIVE))
        self.venue = RealVenue(lambda: self.now, self.random)
        self.venue.listed = dict(self.desk.instruments)
        self.claims: list[tuple[OrderRecord, TradingState | None]] = []
        self._watch_claims()

    def _watch_claims(self) -> None:
        """Keep every claim that is committed, to hold requests against."""
        commit = self.ledger.store.commit

        def watched(changes: Sequence[Change]) -> None:
            state = self.ledger.trading_state("main").trading_state if self.ledger.accounts else None
            commit(changes)
            claims = [
                each.after for each in changes if isinstance(each, MoveOrder) and each.after.epoch > each.before.epoch
            ]
            self.claims += [(record, state) for record in claims]

        self.ledger.store.commit = watched

    def claimed(self, order_id: str) -> list[OrderRecord]:
        return [record for record, _ in self.claims if record.order.order_id == order_id]

    def account(self, fuse: Fuse | None = None) -> RealAccount:
        """A process of execution, which a fuse may end."""
        bookings = Bookings(self.ledger.store, AT_ONCE, beside=changes_of(self.desk))
        ports: list[Any] = [bookings, self.venue]
        if fuse is not None:
            ports = [Mortal(port, fuse) for port in ports]
        return RealAccount("main", self.desk, ports[0], ports[1], lambda: self.now, self.events)

    def approve(self, *orders_now: Order) -> OrdersApproved:
        approval = OrdersApproved(
            id=f"approved-{orders_now[0].order_id}", cause="t", at=self.now, account="main", orders=[*orders_now]
        )
        before = self.ledger.book_of("main", PollState())
        assert self.ledger.approve(before, approval, 1, len(orders_now)) == []
        self.ledger.store.publish([approval], [])
        return approval

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def sweep(self, fuse: Fuse | None = None) -> int:
        return self.account(fuse).sweep(self.ledger.live("main"))

    def bars(self) -> BarsClosed:
        """Bars that close now."""
        return msgspec.structs.replace(minute(1), id=f"bars-{self.now.isoformat()}", at=self.now)

    def halt(self, state: TradingState) -> None:
        self.ledger.halt(halted(state, self.now))

    def heal(self, minutes: int = 12) -> None:
        """No faults from here on, and time goes on."""
        self.venue.random, self.venue.silent, self.venue.lag_s, self.venue.faults = None, False, 0, []
        for _ in range(minutes):
            self.wait(60)
            self.sweep()

    def record(self, name: str) -> OrderRecord:
        return self.ledger.orders[name]

    def states(self) -> dict[str, OrderState]:
        return {name: record.state for name, record in self.ledger.orders.items()}

    def reports(self) -> list[ExecutionReport]:
        return [message for message in self.bus.messages if isinstance(message, ExecutionReport)]


def dies(world: RealWorld, act: Any, nth: int, *, after: bool) -> bool:
    """Let a process die at its nth call; return whether it did."""
    fuse = Fuse(nth, after=after)
    try:
        act(world.account(fuse))
    except Crash:
        return True
    return False


def lucky(act: Any) -> None:
    """Do something that a conflict may stop, as a redelivery would try it again."""
    try:
        act()
    except Conflict:
        return


def laws(world: RealWorld) -> list[str]:
    """Return what breaks the laws of real orders, once a world is healed."""
    fills = [fill for report in _unique(world.reports()) for fill in report.fills]
    twice = len({(fill.instrument, fill.trade_id) for fill in fills}) < len(fills)
    return [
        *_at_the_venue(world),
        *_claims(world),
        *(["a trade is booked twice"] if twice else []),
        *_agreement(world),
    ]


def _at_the_venue(world: RealWorld) -> list[str]:
    wrong, venue = [], world.venue
    by_client = {record.order.client_order_id: record for record in world.ledger.orders.values()}
    for client, count in Counter(placed.order.client_order_id for placed in venue.orders).items():
        if count > 1:
            wrong.append(f"{client} is {count} orders at the venue")
    for placed in venue.orders:
        known = by_client.get(placed.order.client_order_id)
        if known is None or known.order != placed.order:
            wrong.append(f"{placed.order.client_order_id} was never approved like that")
        elif known.state in NEVER_THERE:
            wrong.append(f"{known.order.order_id} is {known.state}, and the venue has it")
    return wrong


def _claims(world: RealWorld) -> list[str]:
    wrong = []
    for request in world.venue.requests:
        claims = [(each.claimed_at, each.deadline) for each in world.claimed(request.order.order_id)]
        if (request.claimed_at, request.deadline) not in claims:
            wrong.append(f"a request of {request.order.order_id} was not stamped by its claim")
    for record, state in world.claims:
        if state is TradingState.HALTED or (state is not TradingState.ACTIVE and not record.order.reduce_only):
            wrong.append(f"{record.order.order_id} was claimed under {state}")
        if (record.claimed_at or world.now) - record.order.decided_at > timedelta(seconds=121):
            wrong.append(f"{record.order.order_id} was sent when it was too old")
    return wrong


def _agreement(world: RealWorld) -> list[str]:
    wrong, start = [], RealVenue(lambda: AT).holdings
    real = world.ledger.real_money("main")
    for currency, held in world.venue.holdings.items():
        if held != start.get(currency, D(0)) + real.flows.get(currency, D(0)):
            wrong.append(f"the venue has {held} {currency}, the books come to {real.flows.get(currency)}")
    position = {"BTC": D(0), "ETH": D(0)}
    for (_, instrument), item in world.ledger.positions.get("main", {}).items():
        position[instrument.split("/")[0]] += item.position.quantity
    wrong += [f"{name} holds {held}" for name, held in position.items() if held != real.flows.get(name, D(0))]
    cash = world.ledger.accounts["main"].cash - 10_000
    wrong += [f"cash moved by {cash}"] if cash != real.flows.get("USDT", D(0)) else []
    held = sum((orders.held(record) for record in world.ledger.orders.values()), D(0))
    wrong += ["more is reserved than live orders hold"] if held != world.ledger.accounts["main"].reserved else []
    for record in world.ledger.orders.values():
        if record.state in orders.LIVE and record.state is not OrderState.OPEN and not record.doubt:
            wrong += (
                [f"{record.order.order_id} is {record.state} for ever"] if record.order.expires_at < world.now else []
            )
    return wrong


def _unique(reports: list[ExecutionReport]) -> list[ExecutionReport]:
    return list({report.id: report for report in reports}.values())


__all__ = ["D", "RealWorld", "dies", "halted", "laws", "lucky", "order"]
