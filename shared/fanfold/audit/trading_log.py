"""The trading that messages tell of: orders, refusals, what became of them, and when bars were known."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from fanfold.ledger import positions
from fanfold.ledger.positions import Position
from fanfold.market import bars
from fanfold.market.bars import Frame
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
from fanfold.money import ZERO, exact, ratio
from fanfold.records import TERMINAL


class OrderKey(NamedTuple):
    """A decision: the market event that began it, in epoch seconds, and whose order it is."""

    at: int
    account: str
    instance: str
    instrument: str

    @property
    def leg(self) -> tuple[str, str, str]:
        return self.account, self.instance, self.instrument


class Candle(NamedTuple):
    """The extremes of a bar, in quote, and its volume, in base."""

    high: Decimal
    low: Decimal
    volume: Decimal


class TradingLog:
    """Messages by what they say. ``orders`` has those of a decision, ``updates`` the newest state of each order,
    ``ended_at`` the market event at which it was known to have ended, and ``fills`` its fills by their trade ids.
    ``booked_at`` has, by order and trade id, the market event at which a fill was booked. ``protected`` are legs of
    which a strategy asked for a stop, a profit to take or a trail.

    ``known_at`` has, by venue and instrument, the time at which each bar of the shortest timeframe was published, by
    its close; bars that a reader asked for do not count.
    """

    def __init__(self, messages: Iterable[Message], timeframe: str) -> None:
        self.orders: dict[OrderKey, list[Order]] = defaultdict(list)
        self.refusals: dict[OrderKey, Refusal] = {}
        self.updates: dict[str, OrderUpdate] = {}
        self.ended_at: dict[str, int] = {}
        self.fills: dict[str, dict[str, Fill]] = defaultdict(dict)
        self.booked_at: dict[tuple[str, str], int] = {}
        self.states: dict[str, list[tuple[int, TradingState]]] = defaultdict(list)
        self.legs: dict[tuple[str, str, str], list[tuple[int, LegState]]] = defaultdict(list)
        self.protected: set[tuple[str, str, str]] = set()
        self.known_at: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
        self._timeframe = timeframe
        self._frames: dict[tuple[str, int], list[Frame]] = defaultdict(list)
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
                self.ended_at |= {update.order_id: at for update in message.updates if update.state in TERMINAL}
                for fill in message.fills:
                    self.fills[fill.order_id][fill.trade_id] = fill
                    self.booked_at.setdefault((fill.order_id, fill.trade_id), at)

    def _note_bars(self, message: BarsClosed, at: int) -> None:
        for frame in message.frames:
            if frame.timeframe == self._timeframe:
                self._frames[message.venue, at].append(frame)
                for instrument, closes_at_s, _ in bars.closes_of(frame):
                    self.known_at[message.venue, instrument].setdefault(closes_at_s, at)

    def candle(self, venue: str, instrument: str, closes_at_s: int) -> Candle | None:
        """Return a bar of the shortest timeframe; None where it never came."""
        known = self.known_at[venue, instrument].get(closes_at_s)
        for series in bars.unpack(self._frames.get((venue, known), ()) if known is not None else ()):
            for bar in series.bars:
                if (series.instrument, bar.closes_at_s) == (instrument, closes_at_s):
                    return Candle(series.price(bar.high), series.price(bar.low), series.volume(bar.volume))
        return None

    def state_at(self, account: str, at: int) -> TradingState | None:
        """Return the trading state of an account at a time; None before it was opened."""
        known = [state for since, state in self.states[account] if since <= at]
        return known[-1] if known else None

    def leg_at(self, leg: tuple[str, str, str], at: int, *, of_signals: bool) -> LegState | None:
        """Return the last state of a leg that signal, or else risk, had reported by a time."""
        known = [state for since, state in self.legs[leg] if since <= at and state.is_of_signals == of_signals]
        return known[-1] if known else None

    def refused_before(self, key: OrderKey) -> bool:
        """Return whether a leg was refused by a decision or one before: a refusal is said once while it stands."""
        return any(each.leg == key.leg and each.at <= key.at for each in self.refusals)

    def orders_of(self, leg: tuple[str, str, str]) -> list[tuple[int, Order]]:
        """Return the orders of a leg, each with the market event that it was decided on, oldest first."""
        own = sorted(key for key in self.orders if key.leg == leg)
        return [(key.at, order) for key in own for order in self.orders[key]]

    def fills_of(self, order: Order) -> list[Fill]:
        return list(self.fills.get(order.order_id, {}).values())

    def fills_of_nobody(self) -> list[Fill]:
        """Return the fills of orders that the desk never approved; one by which a position pays fees is of none."""
        own = {order.order_id for orders in self.orders.values() for order in orders}
        return [
            fill
            for order_id, fills in self.fills.items()
            if order_id not in own
            for fill in fills.values()
            if fill.is_trade
        ]


class RunningBooks:
    """The positions of legs and the cash that flowed to instances, fill by fill as they were booked.

    A decision knows what was booked by its time, of orders that were decided before it: at a real venue an order that
    takes fills at once.
    """

    def __init__(self, log: TradingLog) -> None:
        decided = {order.order_id: key.at for key, orders in log.orders.items() for order in orders}
        known = {
            (order_id, trade_id): max(log.booked_at[order_id, trade_id], decided.get(order_id, -1) + 1)
            for order_id, own in log.fills.items()
            for trade_id in own
        }
        fills = [(at, log.fills[order_id][trade_id]) for (order_id, trade_id), at in known.items()]
        self._waiting = sorted(fills, key=lambda each: (each[0], each[1].at), reverse=True)
        self.positions: dict[tuple[str, str, str], Position] = defaultdict(Position)
        self.held: dict[tuple[str, str, str], Decimal] = defaultdict(lambda: ZERO)
        self.flow: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)

    @exact
    def advance(self, at: int) -> None:
        """Book what was known by a time, in epoch seconds."""
        while self._waiting and self._waiting[-1][0] <= at:
            _, fill = self._waiting.pop()
            leg = fill.account, fill.instance, fill.instrument
            self.positions[leg] = positions.apply(self.positions[leg], fill)
            self.held[leg] += positions.received(fill)
            self.flow[fill.account, fill.instance] += positions.cash_flow(fill) - positions.other_fee(fill)

    @exact
    def cost(self, leg: tuple[str, str, str]) -> Decimal | None:
        """Return what a unit of a position cost on average, in quote and without fees; None where nothing is held."""
        quantity, cost = self.positions[leg].totals
        return ratio(cost, quantity) if quantity else None
