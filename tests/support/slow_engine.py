"""A matching engine as slow and as plain as can be: one list of orders, searched anew for every step."""

from dataclasses import dataclass, field
from decimal import Decimal

from fanfold.matching.order_book import BookOrder


@dataclass
class Slow:
    """An order of the slow engine; ``since`` is its place in the queue of its price."""

    order: BookOrder
    left: Decimal
    since: int
    state: str = "resting"

    @property
    def price(self) -> Decimal:
        """The limit that it rests with."""
        assert self.order.limit is not None
        return self.order.limit


@dataclass
class SlowEngine:
    """Every order that ever came, and every trade: taker, maker, price, quantity."""

    orders: list[Slow] = field(default_factory=list)
    trades: list[tuple[int, int, Decimal, Decimal]] = field(default_factory=list)
    last: Decimal | None = None
    clock: int = 0

    def tick(self) -> int:
        self.clock += 1
        return self.clock

    def reached(self, order: BookOrder) -> bool:
        if self.last is None or order.trigger is None:
            return False
        price, rises = order.trigger
        return (rises and self.last >= price) or (not rises and self.last <= price)

    def rivals(self, mine: BookOrder) -> list[Slow]:
        """The orders that an order could trade with, the next one first."""
        resting = [entry for entry in self.orders if entry.state == "resting" and entry.order.side != mine.side]
        fitting = [entry for entry in resting if mine.accepts(entry.price)]
        best = 1 if mine.side == "buy" else -1
        return sorted(fitting, key=lambda entry: (best * entry.price, entry.since))

    def submit(self, order: BookOrder) -> bool:
        if self.reached(order) or (order.maker_only and not order.trigger and self.rivals(order)):
            return False
        mine = Slow(order, order.quantity, self.tick(), "waiting" if order.trigger else "taking")
        self.orders.append(mine)
        if not order.trigger:
            self.work(mine)
        self.settle()
        return True

    def cancel(self, order_id: int) -> None:
        for entry in self.orders:
            if entry.order.order_id == order_id and entry.state in {"resting", "waiting"}:
                entry.state = "canceled"
                self.end_pair(entry, "canceled")
        self.settle()

    def settle(self) -> None:
        while due := [entry for entry in self.orders if entry.state == "waiting" and self.reached(entry.order)]:
            mine = min(due, key=lambda entry: entry.order.order_id)
            mine.state, mine.since = "taking", self.tick()
            self.end_pair(mine, "expired")
            self.work(mine)

    def end_pair(self, mine: Slow, state: str) -> None:
        for entry in self.orders:
            same = entry.order.pair is not None and entry.order.pair == mine.order.pair and entry is not mine
            if same and entry.state in {"resting", "waiting", "taking"}:
                entry.state = state

    def reach(self, order: BookOrder) -> Decimal:
        total = Decimal(0)
        for rival in self.rivals(order):
            own = rival.order.owner == order.owner and order.prevention != "none"
            if own and order.prevention != "expire_maker":
                break
            total += 0 if own else rival.left
        return total

    def work(self, mine: Slow) -> None:
        order = mine.order
        if order.time_in_force == "fok" and self.reach(order) < mine.left:
            mine.state = "expired"
            return
        while mine.state == "taking" and mine.left and (rivals := self.rivals(order)):
            self.meet(mine, rivals[0])
        if mine.state == "taking":
            rests = order.limit is not None and order.time_in_force == "gtc"
            mine.state = "filled" if not mine.left else "resting" if rests else "expired"

    def meet(self, mine: Slow, rival: Slow) -> None:
        if rival.order.owner == mine.order.owner and mine.order.prevention != "none":
            if mine.order.prevention != "expire_taker":
                rival.state = "expired_in_match"
                self.end_pair(rival, "expired")
            if mine.order.prevention != "expire_maker":
                mine.state = "expired_in_match"
                self.end_pair(mine, "expired")
            return
        quantity = min(mine.left, rival.left)
        mine.left -= quantity
        rival.left -= quantity
        self.last = rival.price
        self.trades.append((mine.order.order_id, rival.order.order_id, rival.price, quantity))
        if not rival.left:
            rival.state = "filled"
        self.end_pair(mine, "expired")
        self.end_pair(rival, "expired")

    def states(self) -> dict[int, tuple[str, Decimal]]:
        return {entry.order.order_id: (entry.state, entry.order.quantity - entry.left) for entry in self.orders}
