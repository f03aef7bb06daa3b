"""A market out of recorded trades and order books: the recorded levels are quoted, recorded trades fill what rests.

A trade takes from orders that rest at its price or better, at most a share of its quantity. Where the recording has
books, their levels are what can be taken; an order of the account that a recorded level would have met fills from it.
Where it has trades alone, quotes stand around the last price. What the account takes is back with the next event.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from decimal import Decimal

from fanfold import money
from fanfold.exchange.liquidity import LEVELS, PARTICIPATION, Quoter, Step
from fanfold.exchange.spot import FLOW, SpotExchange
from fanfold.market.tape import PriceLevel, Tape, TapeBook, TapeTrade, prices
from fanfold.messages import Side
from fanfold.money import EXACT

MINUTE_MS = 60_000


class TapeMarket:
    """One symbol's market, driven forward by ``advance``; see MarketMaker."""

    def __init__(self, exchange: SpotExchange, tape: Tape, seed: int) -> None:
        self.symbol = tape.instrument.replace("/", "")
        self._exchange = exchange
        self._events = tape.events
        self._steps = list(_steps(prices(tape.events)))
        self._next = 0
        self._quoter = Quoter(exchange, self.symbol, f"{seed} {tape.instrument} quotes")
        self._book: TapeBook | None = None
        self._last: Step | None = None

    def advance(self, now_ms: int) -> None:
        """Let everything happen that is due, and quote as it is then."""
        due = bisect_right(self._events, now_ms, lo=self._next, key=_at_ms)
        events, self._next = self._events[self._next : due], due
        if not events or self.symbol not in self._exchange.listings:
            return
        halted = self._exchange.listings[self.symbol].status != "TRADING"
        for event in events:
            if isinstance(event, TapeBook):
                self._book = event
            elif not halted:
                self._trade(event)
        self.withdraw(events[-1].at_ms)
        if not halted:
            self._quote(events[-1].at_ms)

    def skip_to(self, at_ms: int) -> None:
        """Leave out what was before a moment, but for the book that stood then."""
        self._next = bisect_left(self._events, at_ms, key=_at_ms)
        earlier = self._events[: self._next]
        self._book = next((event for event in reversed(earlier) if isinstance(event, TapeBook)), None)

    def withdraw(self, at_ms: int) -> None:
        """Cancel all quotes."""
        self._quoter.withdraw(at_ms)

    def walked(self, since_ms: int, until_ms: int) -> Iterable[Step]:
        """Return the prices of a span."""
        first = bisect_left(self._steps, since_ms, key=_at_ms)
        return self._steps[first : bisect_right(self._steps, until_ms, key=_at_ms)]

    def _trade(self, trade: TapeTrade) -> None:
        self._last = Step(trade.at_ms, trade.price, trade.quantity)
        listing, engine = self._exchange.listings[self.symbol], self._exchange.engines[self.symbol]
        share = money.floor_to(EXACT.multiply(trade.quantity, PARTICIPATION), listing.lot)
        if share and self._meets(trade.taker, trade.price):
            self.withdraw(trade.at_ms)
            self._flow(trade.taker, (trade.price, share), trade.at_ms)
        events = engine.record(trade.price, trade.quantity, trade.taker, trade.at_ms)
        self._exchange.apply(self.symbol, events)

    def _quote(self, at_ms: int) -> None:
        if self._book is None:
            if self._last is not None:
                self._quoter.around(self._last._replace(at_ms=at_ms))
            return
        listing = self._exchange.listings[self.symbol]
        sides: tuple[tuple[Side, tuple[PriceLevel, ...]], ...] = (("buy", self._book.bids), ("sell", self._book.asks))
        for side, recorded in sides:
            levels = _stepped(recorded, side, listing.tick, listing.lot)
            for level in levels:
                if not self._meets(side, level[0]):
                    break
                self._flow(side, level, at_ms)
            for price, quantity in levels:
                self._quoter.place(side, price, quantity, at_ms)

    def _flow(self, taker: Side, level: PriceLevel, at_ms: int) -> None:
        price, quantity = level
        self._exchange.market_order(self.symbol, FLOW, taker, at_ms, quantity=quantity, price=price)

    def _meets(self, taker: Side, price: Decimal) -> bool:
        """Return whether an order of the account rests where one that takes at a price would meet it."""
        limits = [
            placed.order.limit
            for placed in self._exchange.open_orders(self.symbol)
            if placed.order.side != taker and not placed.order.waiting and placed.order.limit is not None
        ]
        return any(limit <= price if taker == "buy" else limit >= price for limit in limits)


def _steps(points: Iterable[tuple[int, Decimal, Decimal]]) -> Iterator[Step]:
    """Yield the prices of a tape, and at each minute without any the one before, so that its candle is flat."""
    before = None
    for at_ms, price, quantity in points:
        if before is not None:
            for minute in range(before.at_ms // MINUTE_MS + 1, at_ms // MINUTE_MS):
                yield Step(minute * MINUTE_MS, before.price, money.ZERO)
        before = Step(at_ms, price, quantity)
        yield before


def _at_ms(event: TapeTrade | TapeBook | Step) -> int:
    return event.at_ms


def _stepped(levels: Iterable[PriceLevel], side: Side, tick: Decimal, lot: Decimal) -> list[PriceLevel]:
    """Return recorded levels on the steps of today, away from the other side, best first."""
    to = money.floor_to if side == "buy" else money.ceil_to
    sums: dict[Decimal, Decimal] = {}
    for price, quantity in levels:
        stepped = to(price, tick)
        sums[stepped] = EXACT.add(sums.get(stepped, money.ZERO), quantity)
    whole = [(price, money.floor_to(quantity, lot)) for price, quantity in sums.items() if price > 0]
    return [level for level in whole if level[1] > 0][:LEVELS]
