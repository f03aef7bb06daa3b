"""A real account under faults of its venue and of its processes: the laws of real orders hold for every seed.

Each law sees its fault: with one guard switched off, some seed breaks it.
"""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any, NamedTuple

import msgspec
import pytest

from execution_service import approved, send, statements, trade_booking
from fanfold.errors import Conflict, VenueUnavailable
from fanfold.ledger import booking, bookings, changes, orders
from fanfold.ledger.orders import Harmless
from fanfold.ledger.trading_state import OrderPermissions
from fanfold.messages import OrdersApproved, OrderState, TradingState
from fanfold.trading.venue import TradingVenue
from support.core_desk import A, B
from support.crashes import Crash, Fuse
from support.real_world import D, RealWorld, laws, order

SEEDS = range(150)
STATES = (TradingState.HALTED, TradingState.REDUCE_ONLY, TradingState.FLATTENING, TradingState.ACTIVE)


class Fire:
    """One seed: what is approved, delivered, swept, set and killed, and when."""

    def __init__(self, seed: int) -> None:
        self.dice = Random(f"fire {seed}")
        self.world = RealWorld(seed)
        self.world.venue.fee_currency = self.dice.choice(["base", "quote", "BNB"])
        self.world.venue.named = self.dice.random() < 0.7
        self.deadly = self.dice.choice([0.0, 0.2, 0.5])
        self.approvals: list[OrdersApproved] = []
        self.halted_at: Any = None

    def run(self) -> RealWorld:
        for step in range(40):
            self.world.wait(self.dice.choice([0.5, 2, 4, 9, 31, 45]))
            self.world.venue.lag_s = self.dice.choice([0, 0, 2, 10])
            if step < 25 and self.dice.random() < 0.4:
                self._approve(step)
            self._upset()
            self.world.venue.move()
        self.world.heal(8)
        self.world.ledger.sweep()
        return self.world

    def _approve(self, step: int) -> None:
        intents = [
            order(
                f"{step}-{number}",
                instrument,
                self.dice.choice(["buy", "sell"]),
                decided_at=self.world.now,
                expires_at=self.world.now + timedelta(seconds=self.dice.choice([60, 200])),
                time_in_force=self.dice.choice(["gtc", "ioc"]),
                kind="limit",
                limit_price=D(100),
            )
            for number, instrument in enumerate(self.dice.choice([[A], [B], [A, B]]))
        ]
        message = self.world.approve(*intents)
        self.approvals.append(message)
        self._act(lambda account: account.place(message))

    def _upset(self) -> None:
        chosen = self.dice.random()
        if chosen < 0.25 and self.approvals:
            repeated = self.dice.choice(self.approvals[-3:])
            self._act(lambda account: account.place(repeated))
        elif chosen < 0.6:
            self._act(lambda account: account.sweep(self.world.ledger.live("main")))
        elif chosen < 0.8:
            message = self.world.bars()
            self._act(lambda account: account.polled(message))
        elif chosen < 0.88:
            self.world.halt(self.dice.choice(STATES))

    def _act(self, act: Callable[[Any], object]) -> None:
        """Let a process work that may die at any of its calls, and whose failure the queue would repeat."""
        fuse = None
        if self.dice.random() < self.deadly:
            fuse = Fuse(self.dice.randrange(1, 14), after=self.dice.random() < 0.5)
        try:
            act(self.world.account(fuse))
        except (Crash, Conflict, VenueUnavailable):
            return


@pytest.mark.parametrize("seed", SEEDS)
def test_the_laws_of_real_orders_hold(seed: int) -> None:
    assert laws(Fire(seed).run()) == []


def test_a_second_reconciliation_finds_nothing_to_do() -> None:
    for seed in range(20):
        world = Fire(seed).run()
        world.account().reconcile()
        assert world.account().reconcile() == []


def test_the_seeds_reach_the_rare_states() -> None:
    reached = Counter[str]()
    for seed in SEEDS:
        world = Fire(seed).run()
        records = world.ledger.orders.values()
        reached["claimed again"] += sum(record.epoch > 1 for record in records)
        reached["unknown"] += world.events.count("an order's outcome is unknown")
        reached["partly"] += sum(0 < record.filled < record.order.quantity for record in records)
        for record in records:
            reached[record.state] += 1
    states = {"FILLED", "CANCELED", "EXPIRED", "REJECTED", "BLOCKED", "STALE"}
    assert all(reached[name] >= 10 for name in {"claimed again", "unknown", "partly"} | states), reached


class Guard(NamedTuple):
    """A guard by its owner and name, and what stands in its place: a function of what was there."""

    owner: Any
    name: str
    instead: Callable[[Any], Any]


def _unproven(claim: Any) -> Any:
    return lambda record, now, window_s, _proof, **mode: claim(
        msgspec.structs.replace(record, deadline=None), now, window_s, Harmless.SAME_ORDER, **mode
    )


def _at_once(_fenced: Any) -> Any:
    return lambda record, _now, _margin_s: record.deadline is not None


def _stamped_now(_request: Any) -> Any:
    """The time of sending in place of that of the claim, and a window from then: what ccxt does by itself."""

    class Late(msgspec.Struct, frozen=True, kw_only=True):
        order: Any
        claimed_at: Any
        deadline: Any

        def __post_init__(self) -> None:
            msgspec.structs.force_setattr(self, "deadline", self.deadline + timedelta(minutes=5))

    return Late


def _always_final(_rejected: Any) -> Any:
    def end(sender: Any, message: Any, record: Any, answer: Any) -> None:
        sender._end(message, record, OrderState.REJECTED, answer.code)

    return end


def _unknown_is_rejected(place: Any) -> Any:
    def end(sender: Any, message: Any, record: Any) -> None:
        place(sender, message, record)
        after = sender._ledger.records([record.order.order_id])[record.order.order_id]
        if after.state is OrderState.SUBMITTING:
            sender._end(message, after, OrderState.REJECTED, "timed out")

    return end


MUTANTS: dict[str, list[Guard]] = {
    "sent again without a proof": [
        Guard(orders, "claim", _unproven),
        Guard(orders, "fenced", _at_once),
        Guard(TradingVenue, "find", lambda _was: lambda *_given: None),
        Guard(RealWorld, "account", lambda was: lambda world, fuse=None: _blind(was(world, fuse))),
    ],
    "no margin": [Guard(orders, "fenced", _at_once)],
    "a halt is ignored": [
        Guard(booking, "permitted", lambda _was: lambda _claims: tuple(TradingState)),
        Guard(OrderPermissions, "bars_sending", lambda _was: lambda *_given: ""),
    ],
    "an old signal is sent": [Guard(approved, "stale", lambda _was: lambda *_given: False)],
    "stamped when it is sent": [Guard(send, "OrderRequest", _stamped_now)],
    "an unknown outcome is a rejection": [Guard(send.Sender, "_send", _unknown_is_rejected)],
    "fills are not removed twice": [
        Guard(booking, "apply", lambda was: lambda *arguments: was(*arguments[:-1], {})),
        Guard(bookings, "BookTrade", lambda _was: lambda fill: changes.MoveCursor("main", fill.trade_id, fill.at)),
    ],
    "fees in the base are forgotten": [
        Guard(statements, "fill_of", lambda was: lambda *arguments: msgspec.structs.replace(
            was(*arguments), fee_base=D(0)
        )),
    ],
    "the venue's end is taken before its trades": [
        Guard(trade_booking.TradeBooker, "book", lambda _was: lambda *_given: (0, None)),
    ],
}  # fmt: skip


def _blind(account: Any) -> Any:
    account._sender._venue = _Blind(account._sender._venue)
    return account


class _Blind:
    """A venue that is never looked up."""

    def __init__(self, venue: Any) -> None:
        self._venue = venue

    def __getattr__(self, name: str) -> Any:
        return (lambda *_given: None) if name == "find" else getattr(self._venue, name)


@pytest.mark.parametrize("name", MUTANTS)
def test_an_account_without_this_guard_breaks_a_law(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for guard in MUTANTS[name]:
        monkeypatch.setattr(guard.owner, guard.name, guard.instead(getattr(guard.owner, guard.name)))
    assert any(_breaks(seed) for seed in range(300))


def _breaks(seed: int) -> bool:
    try:
        return bool(laws(Fire(seed).run()))
    except (orders.BrokenLife, AssertionError):
        return True
