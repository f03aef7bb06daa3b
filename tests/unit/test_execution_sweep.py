"""No order is left alone: a lost message, a lost answer, a venue without bars."""

from datetime import timedelta
from typing import Any

import pytest

from execution_service.place import Placer
from fanfold.errors import BadInput, Conflict
from fanfold.matching.paper import PaperVenue
from fanfold.messages import OrdersApproved, OrderState, TradingState
from support.core_desk import A, B
from support.crashes import Crash, Fuse, until_it_lives
from support.execution_world import AT, DESK, TWO, World, halted, minute, order

AGE = timedelta(seconds=DESK.limits["main"].signal_age_s_max)
SECOND = timedelta(seconds=1)


def claimed() -> tuple[World, OrdersApproved]:
    """Two orders that were claimed; the process died before the venue was asked."""
    world = World()
    approval = world.approve(*TWO)
    with pytest.raises(Crash):
        world.place(approval, Fuse(2, after=False))
    assert set(world.states().values()) == {OrderState.SUBMITTING}
    return world, approval


def test_an_order_whose_message_was_lost_ends_stale_and_frees_its_cash() -> None:
    world = World()
    world.approve(*TWO)
    world.now = AT + AGE
    assert world.sweep() == 0
    world.now += SECOND
    assert world.sweep() == 2
    assert set(world.states().values()) == {OrderState.STALE}
    assert world.ledger.accounts["main"].reserved == 0
    assert world.live() == []
    assert world.sweep() == 0
    world.check()


def test_an_order_whose_message_was_lost_ends_blocked_where_the_state_forbids_it() -> None:
    world = World()
    world.approve(order("entry"), order("exit", B, "sell", reduce_only=True))
    world.ledger.halt(halted(TradingState.REDUCE_ONLY))
    assert world.sweep() == 1
    assert world.states() == {"entry": OrderState.BLOCKED, "exit": OrderState.APPROVED}
    world.check()


@pytest.mark.parametrize("sent", [0, 1, 2])
def test_an_order_of_unknown_outcome_is_looked_up_and_sent_anew_where_it_never_arrived(sent: int) -> None:
    world, _ = claimed()
    for order_ in TWO[:sent]:
        world.book.add(order_)
    world.now = AT + timedelta(seconds=4)
    assert (world.sweep(), world.unknown) == (0, [0])
    world.now = AT + timedelta(seconds=5)
    assert (world.sweep(), world.unknown) == (2, [0, 2])
    assert set(world.states().values()) == {OrderState.OPEN}
    assert [record.epoch for record in world.ledger.orders.values()] == [1] * sent + [2] * (2 - sent)
    assert {entry.order.order_id for entry in world.book.read("main").resting} == {"a", "b"}
    world.check()


@pytest.mark.parametrize(
    ("halt", "later", "ends"),
    [
        (TradingState.HALTED, timedelta(seconds=6), OrderState.BLOCKED),
        (TradingState.ACTIVE, AGE + SECOND, OrderState.STALE),
    ],
)
def test_an_expired_order_ends_and_a_late_request_for_it_does_nothing(
    halt: TradingState, later: timedelta, ends: OrderState
) -> None:
    world, approval = claimed()
    world.ledger.halt(halted(halt))
    world.now = AT + later
    world.sweep()
    assert set(world.states().values()) == {ends}
    for order_ in TWO:
        assert not world.book.add(order_)
        with pytest.raises(Conflict, match="shut out"):
            PaperVenue(DESK, world.book).place(order_)
    world.place(approval)
    assert world.book.read("main").resting == []
    world.match(minute(1))
    assert world.fills() == []
    world.check()


@pytest.mark.parametrize("later_s", [1, 6, 1_000])
@pytest.mark.parametrize("halt", [TradingState.ACTIVE, TradingState.HALTED])
def test_a_redelivered_claimed_order_is_looked_up_before_it_is_sent(later_s: int, halt: TradingState) -> None:
    world, approval = claimed()
    world.book.add(TWO[0])
    world.ledger.halt(halted(halt))
    world.now = AT + timedelta(seconds=later_s)
    world.place(approval)
    other = (
        OrderState.STALE if later_s == 1_000 else OrderState.BLOCKED if halt is TradingState.HALTED else OrderState.OPEN
    )
    assert world.states() == {"a": OrderState.OPEN, "b": other}
    assert world.ledger.orders["b"].epoch == (2 if later_s == 6 and halt is TradingState.ACTIVE else 1)
    world.check()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("nth", range(1, 12))
@pytest.mark.parametrize("later", [timedelta(seconds=6), AGE + SECOND])
def test_a_crash_while_sweeping_leaves_each_order_at_the_venue_once_or_never(
    nth: int, after: bool, later: timedelta
) -> None:
    world, _ = claimed()
    world.now = AT + later

    def attempt(fuse: Any) -> None:
        world.ledger.sweep()
        world.sweep(fuse)
        if not fuse.blown:
            world.now += timedelta(seconds=6)
            world.sweep()

    until_it_lives(attempt, nth, after=after)
    wanted = OrderState.STALE if later > AGE else OrderState.OPEN
    assert set(world.states().values()) == {wanted}
    assert len(world.book.read("main").resting) == (0 if wanted is OrderState.STALE else 2)
    world.check()


def test_an_order_without_bars_ends_after_its_time_and_is_told() -> None:
    world = World()
    world.place(world.approve(order("a", A, kind="limit", limit_price="50"), order("b", B, "sell", quantity="2")))
    world.match(minute(1, 10_000))
    world.now = AT + timedelta(seconds=300 + 60 + 119)
    assert world.sweep() == 0
    world.now += SECOND
    assert world.sweep() == 2
    assert set(world.states().values()) == {OrderState.EXPIRED}
    assert world.ledger.accounts["main"].reserved == 0
    world.check()


def test_what_rests_under_a_halt_that_nobody_told_of_is_canceled_by_the_sweep() -> None:
    world = World()
    world.place(world.approve(order("a", A, kind="limit", limit_price="50")))
    world.ledger.halt(halted(TradingState.HALTED))
    assert world.sweep() == 1
    assert world.states() == {"a": OrderState.CANCELED}
    world.check()


def test_a_settlement_without_a_sweep_beside_it_looks_after_live_orders_itself() -> None:
    world = World()
    world.approve(*TWO)
    world.match(minute(3), swept=False)
    assert set(world.states().values()) == {OrderState.STALE}


def test_an_instrument_that_this_deploy_does_not_know_is_told_of_before_a_claim_and_stops_no_other() -> None:
    world = World()
    approval = world.approve(order("known"), order("unknown", "SOL/USDT"))
    with pytest.raises(BadInput, match=r"the desk has no \['SOL/USDT'\]; .*older deploy"):
        world.place(approval)
    assert world.states() == {"known": OrderState.OPEN, "unknown": OrderState.APPROVED}
    world.now = AT + AGE + SECOND
    world.sweep()
    assert world.states() == {"known": OrderState.OPEN, "unknown": OrderState.STALE}
    world.check()


def test_orders_of_an_account_that_left_the_desk_end_too() -> None:
    world = World()
    world.place(world.approve(order("a", A, kind="limit", limit_price="50")))
    empty = DESK.__class__(venues={}, accounts={}, strategies={}, limits={}, instruments={})
    venue = PaperVenue(empty, world.book)
    (resolution,) = venue.resolve("main", [], AT + timedelta(seconds=300)).resolutions
    assert resolution.state is OrderState.EXPIRED
    Placer(empty, world.ledger, venue, lambda: AT, world.matcher().clear)
