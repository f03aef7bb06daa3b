"""The market's own orders: quotes around the path of recorded bars, and a flow that trades along it.

A bar is walked in four steps: its open, the nearer and the further of its extremes, its close. At a step the quotes are
withdrawn, the flow takes what rests up to the new price, at most its share of the step's volume, new quotes are placed
around the price, and the rest of that volume is recorded as trades of others, which trigger stops. A bar without volume
trades nothing.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from decimal import Decimal
from random import Random
from typing import NamedTuple, Protocol

import msgspec

from fanfold import money
from fanfold.exchange.spot import FLOW, QUOTES, SpotExchange
from fanfold.market import timeframes
from fanfold.market.bars import Bar, Series
from fanfold.market.timeframes import DAY_S
from fanfold.messages import Side

LEVELS = 20
STEPS = 4
# The share of a step's volume that orders in the book may fill.
PARTICIPATION = Decimal("0.5")
# The distance between two levels, as a share of the price.
SPACING = Decimal("0.0001")


class Step(NamedTuple):
    """A price that the market reaches, and what it trades on the way."""

    at_ms: int
    price: Decimal
    quantity: Decimal


class Quoter:
    """The quotes of one symbol."""

    def __init__(self, exchange: SpotExchange, symbol: str, seed: str) -> None:
        self.symbol = symbol
        self._exchange = exchange
        self._dice = Random(seed)  # noqa: S311 - seeded, no secret
        self._quotes: list[int] = []

    def withdraw(self, at_ms: int) -> None:
        """Cancel all quotes."""
        engine = self._exchange.engines[self.symbol]
        for order_id in self._quotes:
            self._exchange.apply(self.symbol, engine.cancel(order_id, at_ms))
        self._quotes = []

    def place(self, side: Side, price: Decimal, quantity: Decimal, at_ms: int) -> None:
        """Add a quote."""
        order = self._exchange.market_order(self.symbol, QUOTES, side, at_ms, quantity=quantity, price=price)
        self._quotes.append(order.order_id)

    def around(self, step: Step) -> None:
        """Quote on both sides of a price, in sizes of what was traded there."""
        listing = self._exchange.listings[self.symbol]
        gap = max(money.floor_to(money.EXACT.multiply(step.price, SPACING), listing.tick), listing.tick)
        middle = _on_tick(step.price, listing.tick)
        size = max(money.floor_to(money.ratio(step.quantity, Decimal(LEVELS)), listing.lot), listing.lot)
        sides: tuple[tuple[Side, int], ...] = (("buy", -1), ("sell", 1))
        for level in range(1, LEVELS + 1):
            for side, sign in sides:
                quantity = money.EXACT.multiply(size, Decimal(self._dice.randint(1, 20)))
                price = money.EXACT.add(middle, money.EXACT.multiply(gap, Decimal(level * sign)))
                if price > 0:
                    self.place(side, price, quantity, step.at_ms)


class SymbolMarket(Protocol):
    """One symbol's market, whatever its liquidity comes from."""

    symbol: str

    def advance(self, now_ms: int) -> None: ...

    def skip_to(self, at_ms: int) -> None: ...

    def withdraw(self, at_ms: int) -> None: ...

    def walked(self, since_ms: int, until_ms: int) -> Iterable[Step]: ...


class MarketMaker:
    """One symbol's market of bars, driven forward by ``advance``."""

    def __init__(self, exchange: SpotExchange, series: Series, seed: int) -> None:
        self.series = series
        self.symbol = series.instrument.replace("/", "")
        self._exchange = exchange
        self._quoter = Quoter(exchange, self.symbol, f"{seed} {series.instrument} quotes")
        self._steps = steps(series)
        self._next = next(self._steps, None)

    def advance(self, now_ms: int) -> None:
        """Walk all steps that are due."""
        while self._next is not None and self._next.at_ms <= now_ms:
            if self.symbol in self._exchange.listings:
                self._walk(self._next)
            self._next = next(self._steps, None)

    def skip_to(self, at_ms: int) -> None:
        """Leave out the steps before a moment: history is told by bars alone."""
        while self._next is not None and self._next.at_ms < at_ms:
            self._next = next(self._steps, None)

    def withdraw(self, at_ms: int) -> None:
        """Cancel all quotes."""
        self._quoter.withdraw(at_ms)

    def walked(self, since_ms: int, until_ms: int) -> Iterator[Step]:
        """Yield the steps of a span."""
        first = bisect_left(self.series.bars, since_ms // 1_000, key=_closes_at_s)
        after = bisect_left(self.series.bars, until_ms // 1_000 + DAY_S, key=_closes_at_s)
        part = msgspec.structs.replace(self.series, after=0, bars=self.series.bars[first:after])
        return (step for step in steps(part) if since_ms <= step.at_ms <= until_ms)

    def _walk(self, step: Step) -> None:
        listing, engine = self._exchange.listings[self.symbol], self._exchange.engines[self.symbol]
        self.withdraw(step.at_ms)
        if listing.status != "TRADING":
            return
        side: Side = "sell" if engine.last is not None and step.price < engine.last else "buy"
        # A stop that the new price triggers takes from the quotes around it, not from a book that has none.
        with engine.triggers_held():
            share = money.floor_to(money.EXACT.multiply(step.quantity, PARTICIPATION), listing.lot)
            if share:
                self._exchange.market_order(
                    self.symbol, FLOW, side, step.at_ms, quantity=share, price=_on_tick(step.price, listing.tick)
                )
            self._quoter.around(step)
        if step.quantity:
            events = engine.record(step.price, step.quantity, side, step.at_ms)
            self._exchange.apply(self.symbol, events)


def _closes_at_s(bar: Bar) -> int:
    return bar.closes_at_s


def _on_tick(price: Decimal, tick: Decimal) -> Decimal:
    """Return a recorded price on the ticks of today."""
    return max(money.floor_to(price, tick), tick)


def steps(series: Series) -> Iterator[Step]:
    """Yield the steps of all bars."""
    length_ms = timeframes.seconds(series.timeframe) * 1_000
    for bar in series.bars:
        opens_at_ms = bar.closes_at_s * 1_000 - length_ms
        shares = _shares(bar.volume)
        for n, (ticks, lots) in enumerate(zip(_path(bar), shares, strict=True)):
            yield Step(opens_at_ms + n * length_ms // STEPS, series.price(ticks), series.volume(lots))


def _path(bar: Bar) -> tuple[int, int, int, int]:
    low_first = bar.close >= bar.open
    return (bar.open, bar.low, bar.high, bar.close) if low_first else (bar.open, bar.high, bar.low, bar.close)


def _shares(lots: int) -> list[int]:
    """Split a volume into the steps' parts, which add up to it."""
    return [lots // STEPS] * (STEPS - 1) + [lots - lots // STEPS * (STEPS - 1)]


def shifted(series: Series, now_s: int, history: int) -> Series:
    """Return the series so moved in time that ``history`` of its bars, at most half, are over now."""
    length = timeframes.seconds(series.timeframe)
    over = min(history, len(series.bars) // 2)
    offset = now_s // length * length - series.bars[over - 1].closes_at_s if over else 0
    bars = [bar._replace(closes_at_s=bar.closes_at_s + offset) for bar in series.bars]
    return msgspec.structs.replace(series, after=0, bars=bars)
