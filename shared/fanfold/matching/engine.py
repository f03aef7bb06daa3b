"""A matching engine of one instrument with price-time priority: pure, exact, time and ids as arguments.

- An order trades at the price of the order that rests, the best price first, at a price the oldest first.
- Gtc rests, ioc expires in what it does not take, fok trades whole or not at all, maker-only is rejected if it would
  take.
- A trigger (stop, take-profit) looks at the last price. One that would be reached at once is rejected. An order that
  is triggered joins the book behind all that rest; several are triggered in the order in which they were placed.
- Orders of one owner do not trade with each other, unless the taker says so: its prevention says which of both ends.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Literal, NamedTuple

from msgspec.structs import replace

from fanfold import money
from fanfold.matching.order_book import OPPOSITE, BookOrder, BookStatus, OrderBook
from fanfold.messages import Side
from fanfold.money import ZERO, exact

EventKind = Literal["new", "trade", "triggered", "canceled", "expired", "prevented", "rejected"]


class EngineTrade(NamedTuple):
    """A trade; ``taker_id`` and ``maker_id`` are of orders, 0 where a recorded trade has none."""

    trade_id: int
    price: Decimal
    quantity: Decimal
    taker_side: Side
    taker_id: int
    maker_id: int
    at_ms: int


class OrderEvent(NamedTuple):
    """A step in an order's life, with the order after it; a trade is an event of the taker and one of the maker."""

    kind: EventKind
    order: BookOrder
    at_ms: int
    trade: EngineTrade | None = None
    reason: str = ""


class MatchingEngine:
    """The book, the orders that wait for their trigger, and the last price of one instrument."""

    def __init__(self, lot: Decimal, first_trade_id: int = 1) -> None:
        self.book = OrderBook()
        self.last: Decimal | None = None
        self._lot = lot
        self._next_trade_id = first_trade_id
        self._live: dict[int, BookOrder] = {}
        self._waiting: set[int] = set()
        self._trades: list[EngineTrade] = []
        self._events: list[OrderEvent] = []
        self._triggers_held = False

    def live(self, order_id: int) -> BookOrder | None:
        """Return an order that rests or waits for its trigger."""
        return self._live.get(order_id)

    def take_trades(self) -> list[EngineTrade]:
        """Return the trades since the last call, oldest first."""
        trades, self._trades = self._trades, []
        return trades

    @exact
    def submit(self, *orders: BookOrder, at_ms: int) -> list[OrderEvent]:
        """Take in an order, or both of a pair, all or none. Return what happened, in order; see OrderEvent."""
        reasons = [self._refusal(order) for order in orders]
        if any(reasons):
            reason = next(filter(None, reasons))
            return [OrderEvent("rejected", replace(order, status="rejected"), at_ms, None, reason) for order in orders]
        accepted = [replace(order, waiting=order.trigger is not None) for order in orders]
        for order in accepted:
            self._live[order.order_id] = order
            if order.waiting:
                self._waiting.add(order.order_id)
            self._tell("new", order, at_ms)
        for order in accepted:
            if not order.waiting and order.order_id in self._live:
                self._work(order, at_ms)
        return self._settled(at_ms)

    @exact
    def cancel(self, order_id: int, at_ms: int, reason: str = "") -> list[OrderEvent]:
        """End a live order, and the other of its pair. Return nothing where there is no such order."""
        order = self._live.get(order_id)
        if order is None:
            return []
        self._end(order, "canceled", at_ms, reason=reason)
        return self._settled(at_ms)

    @exact
    def expire(self, order_ids: Iterable[int], at_ms: int, reason: str) -> list[OrderEvent]:
        """End live orders as the exchange does, when an instrument is delisted."""
        for order in [self._live[order_id] for order_id in order_ids if order_id in self._live]:
            self._end(order, "expired", at_ms, reason=reason)
        return self._settled(at_ms)

    @exact
    def record(self, price: Decimal, quantity: Decimal, taker_side: Side, at_ms: int) -> list[OrderEvent]:
        """Take in a trade of others that meets no order of this book; it sets the last price and triggers orders."""
        self._trade(price, quantity, taker_side, 0, 0, at_ms)
        return self._settled(at_ms)

    @contextmanager
    def triggers_held(self) -> Iterator[None]:
        """Let orders wait whose trigger is reached; what comes after the block triggers them."""
        self._triggers_held = True
        try:
            yield
        finally:
            self._triggers_held = False

    def _refusal(self, order: BookOrder) -> str:
        """Return the reason why the engine does not accept an order; empty if it does."""
        assert order.order_id not in self._live, f"order {order.order_id} is live"
        if order.trigger is not None:
            reached = self.last is not None and order.trigger.is_reached(self.last)
            return "would trigger immediately" if reached else ""
        best = self.book.best(OPPOSITE[order.side])
        if order.maker_only and best is not None and order.accepts(best):
            return "would take"
        return ""

    def _settled(self, at_ms: int) -> list[OrderEvent]:
        """Trigger what the last price reaches, until nothing is left to do; return all events."""
        while (order := self._due()) is not None:
            working = replace(order, waiting=False)
            self._waiting.discard(order.order_id)
            self._live[order.order_id] = working
            self._tell("triggered", working, at_ms)
            self._end_pair(working, at_ms)
            self._work(working, at_ms)
        events, self._events = self._events, []
        return events

    def _due(self) -> BookOrder | None:
        last = self.last
        if last is None or self._triggers_held:
            return None
        waiting = (self._live[order_id] for order_id in sorted(self._waiting))
        return next((order for order in waiting if order.trigger and order.trigger.is_reached(last)), None)

    def _work(self, order: BookOrder, at_ms: int) -> None:
        """Let an order take, then rest or expire."""
        if order.time_in_force == "fok" and self._takes(order) < order.remaining:
            self._end(order, "expired", at_ms, reason="unfilled fok")
            return
        taker = self._take(order, at_ms)
        if not taker.is_live:
            return
        if taker.rests:
            self.book.add(taker)
        else:
            self._end(taker, "expired", at_ms, reason="unfilled ioc" if taker.limit else "no liquidity")

    def _take(self, taker: BookOrder, at_ms: int) -> BookOrder:
        """Trade an order against the book as far as it goes; return it as it is then."""
        while taker.is_live:
            maker = self.book.first(OPPOSITE[taker.side])
            if maker is None or maker.limit is None or not taker.accepts(maker.limit):
                break
            if maker.owner == taker.owner and taker.prevention != "none":
                taker = self._prevent(taker, maker, at_ms)
                continue
            quantity = min(taker.remaining, maker.remaining, self._affordable(taker, maker.limit))
            if not quantity:
                break
            trade = self._trade(maker.limit, quantity, taker.side, taker.order_id, maker.order_id, at_ms)
            taker = self._fill(taker, trade)
            self._fill(maker, trade)
        return taker

    def _takes(self, taker: BookOrder) -> Decimal:
        """Return how much an order would take now, at most its quantity; its own orders give nothing."""
        reach = ZERO
        for maker in self.book.orders(OPPOSITE[taker.side]):
            if reach >= taker.remaining or maker.limit is None or not taker.accepts(maker.limit):
                break
            if maker.owner == taker.owner and taker.prevention != "none":
                if taker.prevention == "expire_maker":
                    continue
                break
            reach += maker.remaining
        return min(reach, taker.remaining)

    def _affordable(self, taker: BookOrder, price: Decimal) -> Decimal:
        """Return the quantity that the taker's bound in quote leaves at a price, in whole lots."""
        if taker.quote_max is None:
            return taker.remaining
        return money.floor_to(money.ratio(taker.quote_max - taker.quote_filled, price), self._lot)

    def _trade(
        self, price: Decimal, quantity: Decimal, taker_side: Side, taker_id: int, maker_id: int, at_ms: int
    ) -> EngineTrade:
        trade = EngineTrade(self._next_trade_id, price, quantity, taker_side, taker_id, maker_id, at_ms)
        self._next_trade_id += 1
        self.last = price
        self._trades.append(trade)
        return trade

    def _fill(self, order: BookOrder, trade: EngineTrade) -> BookOrder:
        """Book a trade on one of its two orders; return the order after it."""
        filled = order.filled + trade.quantity
        quote = order.quote_filled + trade.price * trade.quantity
        done = filled + order.prevented == order.quantity
        status: BookStatus = "filled" if done else "partially_filled"
        after = replace(order, filled=filled, quote_filled=quote, status=status)
        self._tell("trade", after, trade.at_ms, trade)
        self._store(order, after)
        self._end_pair(after, trade.at_ms)
        return after

    def _prevent(self, taker: BookOrder, maker: BookOrder, at_ms: int) -> BookOrder:
        """End the taker, the maker or both in place of a trade between them; return the taker after it."""
        if taker.prevention in {"expire_maker", "expire_both"}:
            self._expire_in_match(maker, at_ms)
        if taker.prevention in {"expire_taker", "expire_both"}:
            return self._expire_in_match(taker, at_ms)
        return taker

    def _expire_in_match(self, order: BookOrder, at_ms: int) -> BookOrder:
        after = replace(order, prevented=order.prevented + order.remaining, status="expired_in_match")
        self._store(order, after)
        self._tell("prevented", after, at_ms)
        self._end_pair(after, at_ms)
        return after

    def _end(self, order: BookOrder, kind: Literal["canceled", "expired"], at_ms: int, reason: str) -> None:
        after = replace(order, status=kind)
        self._store(order, after)
        self._tell(kind, after, at_ms, reason=reason)
        self._end_pair(after, at_ms, kind)

    def _end_pair(self, order: BookOrder, at_ms: int, kind: Literal["canceled", "expired"] = "expired") -> None:
        """End the other order of a pair, if it is live."""
        if order.pair is None:
            return
        others = [live for live in self._live.values() if live.pair == order.pair and live.order_id != order.order_id]
        for other in others:
            after = replace(other, status=kind)
            self._store(other, after)
            self._tell(kind, after, at_ms, reason="the other order of the pair")

    def _store(self, before: BookOrder, after: BookOrder) -> None:
        """Replace an order where it is kept, or drop it from there once it has ended."""
        resting = before.limit is not None and self.book.holds(before)
        if not after.is_live:
            del self._live[before.order_id]
            self._waiting.discard(before.order_id)
            if resting:
                self.book.remove(before)
            return
        self._live[before.order_id] = after
        if resting:
            self.book.update(after)

    def _tell(
        self, kind: EventKind, order: BookOrder, at_ms: int, trade: EngineTrade | None = None, reason: str = ""
    ) -> None:
        self._events.append(OrderEvent(kind, order, at_ms, trade, reason))
