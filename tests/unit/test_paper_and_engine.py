"""Fills on paper, which see bars alone, against the matching engine, which sees each price of a path through the bars.

The same order goes to both, without spread and slippage. At the engine others have, in each bar, the share of its
volume that paper lets orders take: at each price of the path they trade with what rests, and offer what is left.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import product
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fanfold.matching import fills
from fanfold.matching.book import RestingOrder
from fanfold.matching.engine import MatchingEngine, OrderEvent
from fanfold.matching.order_book import OPPOSITE, BookOrder, Trigger
from fanfold.matching.prices import CandlePrices
from fanfold.messages import Order
from fanfold.money import ZERO
from support.paper_examples import DECIDED, MODEL, T, candle, order

EQUAL = replace(MODEL, spread_bps=ZERO, slippage_bps=ZERO)
OWN, OTHERS = "own", "others"
# Few prices and small volumes, so that orders meet bars at their edges, and in parts.
TICKS = st.integers(995, 1005)


class Part(NamedTuple):
    """A part of an order that was filled in the bar that closes at a time."""

    closes_at_s: int
    price: Decimal
    quantity: Decimal


class EngineRun:
    """An order at a matching engine, alone with others who trade along a path through each bar."""

    def __init__(self, order_: Order) -> None:
        self.parts: list[Part] = []
        self._order = order_
        self._engine = MatchingEngine(MODEL.lot)
        self._next_id = 1
        self._left, self._room = order_.quantity, ZERO
        self._quote = 0
        self._sent = self._triggered = False

    def trade(self, bar: CandlePrices, *, high_first: bool) -> None:
        """Trade along a bar. An order that ends inside it meets its open alone."""
        if not self._order.sendable_at.timestamp() <= bar.opens_at < self._order.expires_at.timestamp():
            return
        self._room = fills.capacity(bar, MODEL)
        whole = bar.closes_at_s <= self._order.expires_at.timestamp()
        path = list(_path(bar, high_first=high_first)) if whole else [bar.open]
        due = not self._sent or (self._at_market and self._order.time_in_force == "gtc")
        # A stop is there before the bar's first price, which may be beyond it.
        if due and self._order.kind == "stop" and not self._triggered:
            due = self._send(bar)
        for price in path if bar.volume else ():
            self._pass(price, bar)
            if due:
                due = self._send(bar)
        if due:
            self._send(bar)
        self._engine.cancel(self._quote, 0)

    @property
    def _at_market(self) -> bool:
        return self._order.kind == "market" or self._triggered

    def _pass(self, price: Decimal, bar: CandlePrices) -> None:
        """Let others trade at a price, and then quote: at the price, or a tick behind it for who must not take."""
        side = OPPOSITE[self._order.side]
        self._engine.cancel(self._quote, 0)
        self._submit(bar, OTHERS, quantity=self._room, side=side, limit=price, time_in_force="ioc")
        behind = MODEL.tick if self._order.post_only else ZERO
        quoted = price + behind if side == "sell" else price - behind
        self._quote = self._submit(bar, OTHERS, quantity=self._room, side=side, limit=quoted)
        self._book(self._engine.record(price, MODEL.lot, side, 0), bar)

    def _send(self, bar: CandlePrices) -> bool:
        """Send what is left of the order; return that it is not due any more."""
        order, self._sent = self._order, True
        waits = order.stop_price is not None and not self._triggered
        self._submit(
            bar,
            OWN,
            quantity=self._left,
            side=order.side,
            limit=order.limit_price,
            time_in_force=order.time_in_force,
            maker_only=order.post_only,
            trigger=Trigger(order.stop_price, rises=order.side == "buy")
            if waits and order.stop_price is not None
            else None,
        )
        return False

    def _submit(self, bar: CandlePrices, owner: str, **fields: Any) -> int:
        if not fields["quantity"]:
            return 0
        number, self._next_id = self._next_id, self._next_id + 1
        self._book(self._engine.submit(BookOrder(order_id=number, owner=owner, **fields), at_ms=0), bar)
        return number

    def _book(self, events: Sequence[OrderEvent], bar: CandlePrices) -> None:
        for event in events:
            if event.order.owner != OWN:
                continue
            self._triggered = self._triggered or event.kind == "triggered"
            if event.trade is not None:
                self.parts.append(Part(bar.closes_at_s, event.trade.price, event.trade.quantity))
                self._left -= event.trade.quantity
                self._room -= event.trade.quantity


def _path(bar: CandlePrices, *, high_first: bool) -> Iterator[Decimal]:
    """Yield each price from the open to one extreme and from there to the other."""
    price = bar.open
    yield price
    for end in (bar.high, bar.low) if high_first else (bar.low, bar.high):
        step = MODEL.tick if end > price else -MODEL.tick
        while price != end:
            price += step
            yield price


def paper_parts(order_: Order, bars: Sequence[CandlePrices]) -> list[Part]:
    (resolution,) = fills.resolve_all([RestingOrder(order=order_)], bars, EQUAL)
    return [Part(int(fill.at.timestamp()), fill.price, fill.quantity) for fill in resolution.fills]


def engine_parts(order_: Order, bars: Sequence[CandlePrices], path: Sequence[bool]) -> list[Part]:
    run = EngineRun(order_)
    for bar, high_first in zip(bars, path, strict=True):
        run.trade(bar, high_first=high_first)
    return run.parts


def paths(bars: Sequence[CandlePrices]) -> Iterator[tuple[bool, ...]]:
    return product((True, False), repeat=len(bars))


def advantages(order_: Order, paper: Sequence[Part], engine: Sequence[Part], bars: Sequence[CandlePrices]) -> list[str]:
    """Return what is better on paper than at the engine, after each bar: more of it filled, or at a better price."""
    better = []
    for bar in bars:
        quantity, cost = _sums(paper, bar.closes_at_s)
        most, _ = _sums(engine, bar.closes_at_s)
        if quantity > most:
            better.append(f"{quantity} filled by {bar.closes_at_s}, {most} at the engine")
            continue
        least = _cost_of(quantity, engine)
        if cost < least if order_.side == "buy" else cost > least:
            better.append(f"{quantity} cost {cost} by {bar.closes_at_s}, {least} at the engine")
    return better


def _sums(parts: Sequence[Part], until_s: int) -> tuple[Decimal, Decimal]:
    known = [part for part in parts if part.closes_at_s <= until_s]
    return sum((part.quantity for part in known), ZERO), sum((part.price * part.quantity for part in known), ZERO)


def _cost_of(quantity: Decimal, parts: Sequence[Part]) -> Decimal:
    """Return what the first of a quantity came for."""
    cost = ZERO
    for part in parts:
        step = min(quantity, part.quantity)
        quantity, cost = quantity - step, cost + step * part.price
    return cost


@st.composite
def bars_in_a_row(draw: st.DrawFn) -> list[CandlePrices]:
    rows = draw(st.lists(st.tuples(TICKS, TICKS, TICKS, st.integers(0, 60)), min_size=1, max_size=4))
    return [
        CandlePrices(T + 60 * n - 60, T + 60 * n, _price(a), _price(max(a, b, c)), _price(min(a, b, c)), Decimal(v))
        for n, (a, b, c, v) in enumerate(rows, 1)
    ]


@st.composite
def orders(draw: st.DrawFn) -> Order:
    kind = draw(st.sampled_from(["market", "limit", "stop"]))
    fields: dict[str, Any] = {
        "side": draw(st.sampled_from(["buy", "sell"])),
        "kind": kind,
        "time_in_force": draw(st.sampled_from(["gtc", "ioc"])),
        "quantity": str(Decimal(draw(st.integers(1, 900))).scaleb(-2)),
        "decided_at": DECIDED + timedelta(seconds=draw(st.sampled_from([0, 0, 1, 60]))),
        "expires_at": DECIDED + timedelta(seconds=draw(st.sampled_from([61, 120, 150, 300]))),
    }
    if kind != "market":
        fields[f"{kind}_price"] = str(_price(draw(TICKS)))
    if kind == "limit" and fields["time_in_force"] == "gtc":
        fields["post_only"] = draw(st.booleans())
    return order(**fields)


def _price(ticks: int) -> Decimal:
    return MODEL.tick * ticks


@given(order_=orders(), bars=bars_in_a_row())
def test_paper_is_never_better_than_the_engine_on_any_path(order_: Order, bars: list[CandlePrices]) -> None:
    paper = paper_parts(order_, bars)
    for path in paths(bars):
        assert advantages(order_, paper, engine_parts(order_, bars, path), bars) == []


@pytest.mark.parametrize(
    ("side", "bound"), [("buy", "limit"), ("sell", "limit"), ("buy", "stop"), ("sell", "stop")], ids="-".join
)
def test_a_better_price_and_a_larger_fill_would_be_noticed(side: str, bound: str) -> None:
    reached = "99.5" if (side == "buy") == (bound == "limit") else "100.5"
    order_ = order(side=side, kind=bound, **{f"{bound}_price": reached})
    bars = [candle(1, "100", "101", "99", "10")]
    (part,) = paper_parts(order_, bars)
    assert part.quantity == Decimal(1)
    better = part._replace(price=part.price + (-MODEL.tick if side == "buy" else MODEL.tick))
    more = part._replace(quantity=part.quantity + MODEL.lot)
    for path in paths(bars):
        engine = engine_parts(order_, bars, path)
        assert advantages(order_, [part], engine, bars) == []
        assert len(advantages(order_, [better], engine, bars)) == 1
        assert len(advantages(order_, [more], engine, bars)) == 1


@pytest.mark.parametrize("time_in_force", ["gtc", "ioc"])
def test_where_a_bar_leaves_no_room_for_doubt_both_fill_the_same(time_in_force: str) -> None:
    bars = [candle(1, "100", "101", "99", "10"), candle(2, "100.2", "101", "99", "30")]
    order_ = order(kind="market", time_in_force=time_in_force, quantity="3")
    for path in paths(bars):
        assert engine_parts(order_, bars, path) == paper_parts(order_, bars)


def test_at_its_limit_the_engine_fills_and_paper_does_not() -> None:
    order_ = order(kind="limit", limit_price="99")
    bars = [candle(1, "100", "101", "99", "50")]
    assert paper_parts(order_, bars) == []
    assert [engine_parts(order_, bars, path) for path in paths(bars)] == [
        [Part(T + 60, Decimal(99), Decimal(2))],
        [Part(T + 60, Decimal(99), Decimal(2))],
    ]
