"""The trading that messages tell of: orders, refusals, what became of them, and when bars were known."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from fanfold.ledger import positions
from fanfold.market import bars
from fanfold.messages import (
    BarsClosed,
    ExecutionReport,
    Fill,
    LegState,
    LegStatus,
    Message,
    Order,
    OrdersApproved,
    OrdersRefused,
    OrderUpdate,
    Refusal,
    Targets,
    TradingState,
    TradingStateChanged,
)
from fanfold.money import ZERO, exact


class OrderKey(NamedTuple):
    """A decision: the market event that began it, in epoch seconds, and whose order it is."""

    at: int
    account: str
    instance: str
    instrument: str

    @property
    def leg(self) -> tuple[str, str, str]:
        return self.account, self.instance, self.instrument


class TradingLog:
    """Messages by what they say. ``orders`` has those of a decision, ``updates`` the newest state of each order and
    ``fills`` its fills by their trade ids. ``protected`` are legs of which a strategy asked for a stop, a profit to
    take or a trail.

    ``known_at`` has, by venue and instrument, the time at which each bar of the shortest timeframe was published, by
    its close; bars that a reader asked for do not count.
    """

    def __init__(self, messages: Iterable[Message], timeframe: str) -> None:
        self.orders: dict[OrderKey, list[Order]] = defaultdict(list)
        self.refusals: dict[OrderKey, Refusal] = {}
        self.updates: dict[str, OrderUpdate] = {}
        self.fills: dict[str, dict[str, Fill]] = defaultdict(dict)
        self.states: dict[str, list[tuple[int, TradingState]]] = defaultdict(list)
        self.legs: dict[tuple[str, str, str], list[tuple[int, LegState]]] = defaultdict(list)
        self.protected: set[tuple[str, str, str]] = set()
        self.known_at: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
        self._timeframe = timeframe
        for message in messages:
            self._take(message)

    def _take(self, message: Message) -> None:
        at = int(message.at.timestamp())
        match message:
            case OrdersApproved() | OrdersRefused() | ExecutionReport():
                self._take_orders(message, at)
            case Targets():
                guarded = (target for target in message.targets if target.stop or target.take_profit or target.trail)
                self.protected |= {(message.account, target.instance, target.instrument) for target in guarded}
            case TradingStateChanged():
                self.states[message.account].append((at, message.state))
            case LegStatus():
                for leg in message.statuses:
                    self.legs[message.account, leg.instance, leg.instrument].append((at, leg))
            case BarsClosed(requested=False):
                self._note_bars(message, at)

    def _take_orders(self, message: OrdersApproved | OrdersRefused | ExecutionReport, at: int) -> None:
        match message:
            case OrdersApproved():
                for order in message.orders:
                    self.orders[OrderKey(at, order.account, *order.leg)].append(order)
            case OrdersRefused():
                for refusal in message.refusals:
                    self.refusals[OrderKey(at, refusal.order.account, *refusal.order.leg)] = refusal
            case ExecutionReport():
                self.updates |= {update.order_id: update for update in message.updates}
                for fill in message.fills:
                    self.fills[fill.order_id][fill.trade_id] = fill

    def _note_bars(self, message: BarsClosed, at: int) -> None:
        for frame in message.frames:
            if frame.timeframe == self._timeframe:
                for instrument, closes_at_s, _ in bars.closes_of(frame):
                    self.known_at[message.venue, instrument].setdefault(closes_at_s, at)

    def state_at(self, account: str, at: int) -> TradingState | None:
        """Return the trading state of an account at a time; None before it was opened."""
        known = [state for since, state in self.states[account] if since <= at]
        return known[-1] if known else None

    def leg_at(self, leg: tuple[str, str, str], at: int) -> LegState | None:
        """Return the last reported state of a leg at a time."""
        known = [state for since, state in self.legs[leg] if since <= at]
        return known[-1] if known else None

    def refused_before(self, key: OrderKey) -> bool:
        """Return whether a leg was refused by a decision or one before: a refusal is said once while it stands."""
        return any(each.leg == key.leg and each.at <= key.at for each in self.refusals)

    def fills_of(self, order: Order) -> list[Fill]:
        return list(self.fills.get(order.order_id, {}).values())

    def fills_of_nobody(self) -> list[Fill]:
        """Return the fills of orders that the desk never approved."""
        own = {order.order_id for orders in self.orders.values() for order in orders}
        return [fill for order_id, fills in self.fills.items() if order_id not in own for fill in fills.values()]


class RunningBooks:
    """The positions of legs and the cash that flowed to instances, fill by fill in order of time."""

    def __init__(self, log: TradingLog) -> None:
        fills = (fill for own in log.fills.values() for fill in own.values())
        self._waiting = sorted(fills, key=lambda fill: fill.at, reverse=True)
        self.held: dict[tuple[str, str, str], Decimal] = defaultdict(lambda: ZERO)
        self.flow: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)

    @exact
    def advance(self, at: int) -> None:
        """Book what filled by a time, in epoch seconds."""
        while self._waiting and self._waiting[-1].at.timestamp() <= at:
            fill = self._waiting.pop()
            self.held[fill.account, fill.instance, fill.instrument] += positions.received(fill)
            self.flow[fill.account, fill.instance] += positions.cash_flow(fill) - positions.other_fee(fill)
