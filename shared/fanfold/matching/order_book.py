"""An order book of one instrument: the best price first, at a price the oldest order first."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from decimal import Decimal
from typing import Literal, NamedTuple

import msgspec

from fanfold import money
from fanfold.messages import Side
from fanfold.money import ZERO

BookStatus = Literal["new", "partially_filled", "filled", "canceled", "expired", "expired_in_match", "rejected"]
# Of whom an order ends that would trade with another of the same owner: "none" lets them trade.
SelfTradePrevention = Literal["none", "expire_taker", "expire_maker", "expire_both"]
LIVE: frozenset[BookStatus] = frozenset({"new", "partially_filled"})
OPPOSITE: dict[Side, Side] = {"buy": "sell", "sell": "buy"}


class Trigger(NamedTuple):
    """The last price that sets an order to work: at ``price`` or above where it ``rises``, else at it or below."""

    price: Decimal
    rises: bool

    def is_reached(self, last: Decimal) -> bool:
        return last >= self.price if self.rises else last <= self.price


class BookOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the engine knows it, at one moment of its life.

    Without a ``limit`` it is at market, and what it does not take expires. Until its ``trigger`` is reached it is
    ``waiting`` and in no book. ``quote_max`` bounds what it may pay or receive. Orders of the same ``pair`` are an OCO:
    as soon as one trades, is triggered or ends, the other ends.
    """

    order_id: int
    owner: str
    side: Side
    quantity: Decimal
    limit: Decimal | None = None
    time_in_force: Literal["gtc", "ioc", "fok"] = "gtc"
    maker_only: bool = False
    trigger: Trigger | None = None
    quote_max: Decimal | None = None
    prevention: SelfTradePrevention = "expire_maker"
    pair: int | None = None
    waiting: bool = False
    filled: Decimal = ZERO
    quote_filled: Decimal = ZERO
    prevented: Decimal = ZERO
    status: BookStatus = "new"

    @property
    def remaining(self) -> Decimal:
        return money.EXACT.subtract(money.EXACT.subtract(self.quantity, self.filled), self.prevented)

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    @property
    def rests(self) -> bool:
        """Return whether what it does not take on arrival waits in the book."""
        return self.limit is not None and self.time_in_force == "gtc"

    def accepts(self, price: Decimal) -> bool:
        """Return whether the order may trade at a price."""
        if self.limit is None:
            return True
        return price <= self.limit if self.side == "buy" else price >= self.limit


class Level(NamedTuple):
    """A price and the quantity of all orders that rest at it."""

    price: Decimal
    quantity: Decimal


class OrderBook:
    """The orders that rest, by side. Every order in it has a limit."""

    def __init__(self) -> None:
        self._sides: dict[Side, _BookSide] = {"buy": _BookSide(-1), "sell": _BookSide(1)}

    def add(self, order: BookOrder) -> None:
        """Add an order behind all others at its price."""
        self._sides[order.side].add(_limit(order), order)

    def update(self, order: BookOrder) -> None:
        """Store the new state of an order that rests; it keeps its place."""
        self._sides[order.side].update(_limit(order), order)

    def remove(self, order: BookOrder) -> None:
        self._sides[order.side].remove(_limit(order), order.order_id)

    def holds(self, order: BookOrder) -> bool:
        """Return whether an order rests; one that waits for its trigger, or takes, does not."""
        return self._sides[order.side].holds(_limit(order), order.order_id)

    def best(self, side: Side) -> Decimal | None:
        return self._sides[side].best()

    def first(self, side: Side) -> BookOrder | None:
        """Return the order of a side that trades next, if there is any."""
        return next(self.orders(side), None)

    def orders(self, side: Side) -> Iterator[BookOrder]:
        """Yield the orders of a side in the order in which they trade."""
        return self._sides[side].orders()

    def levels(self, side: Side, count: int) -> list[Level]:
        """Return the best prices of a side."""
        return self._sides[side].levels(count)

    def quote_of(self, side: Side, quantity: Decimal) -> tuple[Decimal, Decimal]:
        """Return the quantity that an order at market of this side would trade at most, and its sum in quote."""
        traded, quote = ZERO, ZERO
        for order in self.orders(OPPOSITE[side]):
            step = min(quantity - traded, order.remaining)
            traded, quote = traded + step, quote + step * _limit(order)
            if traded == quantity:
                break
        return traded, quote

    def quantity_of(self, side: Side, quote: Decimal, lot: Decimal) -> Decimal:
        """Return the quantity, in whole lots, that a sum in quote buys or that is sold for it."""
        traded, left = ZERO, quote
        for order in self.orders(OPPOSITE[side]):
            price = _limit(order)
            step = min(order.remaining, money.floor_to(money.ratio(left, price), lot))
            traded, left = traded + step, left - step * price
            if step < order.remaining:
                break
        return traded


class _BookSide:
    """One side: keys are prices times ``sign``, so that the best key is the least."""

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._keys: list[Decimal] = []
        self._levels: dict[Decimal, dict[int, BookOrder]] = {}

    def add(self, price: Decimal, order: BookOrder) -> None:
        key = price * self._sign
        if key not in self._levels:
            insort(self._keys, key)
            self._levels[key] = {}
        self._levels[key][order.order_id] = order

    def update(self, price: Decimal, order: BookOrder) -> None:
        level = self._levels[price * self._sign]
        assert order.order_id in level, f"order {order.order_id} does not rest"
        level[order.order_id] = order

    def remove(self, price: Decimal, order_id: int) -> None:
        key = price * self._sign
        del self._levels[key][order_id]
        if not self._levels[key]:
            del self._levels[key]
            del self._keys[bisect_left(self._keys, key)]

    def holds(self, price: Decimal, order_id: int) -> bool:
        return order_id in self._levels.get(price * self._sign, ())

    def best(self) -> Decimal | None:
        return self._keys[0] * self._sign if self._keys else None

    def orders(self) -> Iterator[BookOrder]:
        return (order for key in self._keys for order in self._levels[key].values())

    def levels(self, count: int) -> list[Level]:
        best = self._keys[:count]
        return [
            Level(key * self._sign, sum((order.remaining for order in self._levels[key].values()), ZERO))
            for key in best
        ]


def _limit(order: BookOrder) -> Decimal:
    assert order.limit is not None, f"order {order.order_id} is at market and cannot rest"
    return order.limit
