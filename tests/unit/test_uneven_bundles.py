"""A bundle of which some legs filled and others did not is evened out in two bars of its venue, or closed."""

from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from fanfold.errors import AT_ONCE
from fanfold.messages import ExecutionReport, LegStatus, Order, OrderState, TradingState
from fanfold.risk.policy import prepare
from fanfold.simulation.ledger import MemoryApprovals
from risk_service.assess import PreTradeRisk
from support.core_desk import A, B, instance
from support.crashes import Crash, Fuse, Mortal
from support.risk_world import Wanted, World, built

D = Decimal
PAIR: Wanted = {("pair", A): 0.4, ("pair", B): -0.4}
NONE: Wanted = {("pair", A): 0.0, ("pair", B): 0.0}
UNTOUCHED = (OrderState.EXPIRED, "0")


def world(**changes: Any) -> World:
    pair = instance("pairs", timeframe="1d", allocation="1", instruments=[A, B], **changes)
    return World(built(strategies={"pair": pair}, daily_loss_max="1", drawdown_max="1", gross_max="3"))


def held(pairs: World) -> tuple[Decimal, Decimal]:
    """Return the positions in both legs."""
    items = pairs.ledger.positions.get("main", {})
    first, second = (items[key].position.quantity if key in items else D(0) for key in PAIR)
    return first, second


def end(pairs: World, *, second: tuple[OrderState, str], exits: bool = True) -> list[Order]:
    """End all live orders: the first leg's fill, the second's end in a state, with a share of each filled."""
    live = [record.order for record in pairs.ledger.orders.values() if not record.epoch]
    state, share = second
    for order in live:
        entry = order.instrument == B and not (order.reduce_only and exits)
        pairs.finish(*((state, share) if entry else (OrderState.FILLED, "1")), only=[order.order_id])
    return live


def begun(**changes: Any) -> World:
    """A pair of which the first leg filled and the second did not."""
    pairs = world(**changes)
    pairs.minute(1, PAIR, bundle="b")
    end(pairs, second=UNTOUCHED)
    return pairs


def reasons(pairs: World) -> list[str]:
    states = [state for message in pairs.messages_of(LegStatus) for state in message.statuses]
    return [f"{state.instrument} {state.code} {state.detail}".strip() for state in states]


def test_the_missing_leg_is_ordered_again_and_the_bundle_is_whole() -> None:
    pairs = begun()
    pairs.minute(2)
    (again,) = end(pairs, second=(OrderState.FILLED, "1"))
    assert (again.instrument, again.side) == (B, "sell")
    for minute in range(3, 8):
        pairs.minute(minute)
    assert held(pairs) == (D(40), D(-40))
    assert len(pairs.approved()) == 3


@pytest.mark.parametrize("share", ["0", "0.25"])
def test_a_bundle_that_stays_uneven_for_two_bars_is_closed_and_not_entered_again(share: str) -> None:
    pairs = begun()
    for minute in (2, 3):
        pairs.minute(minute)
        end(pairs, second=(OrderState.EXPIRED, share))
        assert held(pairs)[0] == D(40)
    pairs.minute(4)
    assert {(order.instrument, order.reduce_only) for order in end(pairs, second=UNTOUCHED)} <= {(A, True), (B, True)}
    assert held(pairs) == (D(0), D(0))
    for minute in range(5, 9):
        pairs.minute(minute, PAIR, bundle=f"b{minute}")
    assert held(pairs) == (D(0), D(0))
    assert [record for record in pairs.ledger.orders.values() if not record.epoch] == []
    first, second = reasons(pairs)[:2]
    assert first.startswith(f"{A} STOPPED_OUT its bundle is uneven since 00:02:00: {A} 40 of 40, {B} ")
    assert second.startswith(f"{B} STOPPED_OUT its bundle is uneven")


def test_it_is_entered_again_once_its_strategy_wanted_none() -> None:
    pairs = begun()
    for minute in (2, 3, 4):
        pairs.minute(minute)
        end(pairs, second=UNTOUCHED)
    pairs.minute(5, NONE, bundle="c")
    pairs.minute(6, PAIR, bundle="d")
    assert len(end(pairs, second=(OrderState.FILLED, "1"))) == 2
    assert [round(quantity) for quantity in held(pairs)] == [40, -40]


def test_new_targets_of_every_bar_do_not_begin_the_time_anew() -> None:
    pairs = begun()
    for minute in (2, 3, 4):
        pairs.minute(minute, PAIR, bundle=f"b{minute}")
        end(pairs, second=UNTOUCHED)
    assert held(pairs) == (D(0), D(0))


def test_a_bundle_of_which_no_leg_filled_is_ordered_on() -> None:
    pairs = world()
    pairs.minute(1, PAIR, bundle="b")
    for minute in range(2, 7):
        pairs.finish(OrderState.EXPIRED, "0")
        pairs.minute(minute)
    pairs.finish()
    pairs.minute(7)
    assert held(pairs) == (D(40), D(-40))


def test_a_flip_of_which_one_leg_filled_is_closed_on_both_sides() -> None:
    pairs = world()
    pairs.minute(1, PAIR, bundle="b")
    pairs.finish()
    pairs.minute(2, {leg: -weight for leg, weight in PAIR.items() if isinstance(weight, float)}, bundle="c")
    end(pairs, second=UNTOUCHED, exits=False)
    assert held(pairs)[0] * held(pairs)[1] > 0
    for minute in (3, 4, 5):
        pairs.minute(minute)
        end(pairs, second=UNTOUCHED, exits=minute == 5)
    assert held(pairs) == (D(0), D(0))


def test_execution_that_tells_of_an_uneven_bundle_has_it_evened_out_and_closed_between_polls() -> None:
    pairs = begun()
    orders = [record.order for record in pairs.ledger.orders.values()]
    assert len({order.bundle for order in orders}) == 1
    for second in (20, 40, 150):
        pairs.now = orders[0].decided_at + timedelta(seconds=second)
        pairs.assessor.on_matched(ExecutionReport(
            id=f"u{second}", cause="b", at=pairs.now, account="main", venue="v", uneven=True
        ))  # fmt: skip
        retried = [order for order in end(pairs, second=UNTOUCHED) if not order.reduce_only]
        assert {order.bundle for order in retried} <= {orders[0].bundle}
        assert held(pairs)[0] == (D(0) if second == 150 else D(40))
    assert len([record for record in pairs.ledger.orders.values() if record.order.instrument == B]) == 3


@pytest.mark.parametrize("state", [TradingState.REDUCE_ONLY, TradingState.FLATTENING])
def test_where_nothing_may_even_it_out_it_is_closed_at_once(state: TradingState) -> None:
    pairs = begun()
    pairs.halt(state)
    pairs.minute(2)
    end(pairs, second=UNTOUCHED)
    assert held(pairs) == (D(0), D(0))


def test_under_a_halt_nothing_is_sent_and_it_is_closed_when_the_account_resumes() -> None:
    pairs = begun()
    pairs.halt(TradingState.HALTED)
    for minute in (2, 3, 4, 5):
        pairs.minute(minute)
    assert (held(pairs), len(pairs.approved())) == ((D(40), D(0)), 2)
    pairs.halt(TradingState.ACTIVE)
    pairs.minute(6)
    end(pairs, second=UNTOUCHED)
    assert held(pairs) == (D(0), D(0))


def test_a_leg_that_fills_after_its_bundle_was_closed_is_closed_too() -> None:
    pairs = world(order="limit", order_ttl_s=600)
    pairs.minute(1, PAIR, bundle="b")
    first, second = (record.order for record in pairs.ledger.orders.values())
    pairs.finish(only=[first.order_id])
    for minute in (2, 3, 4):
        pairs.minute(minute)
    (exit_,) = (record.order for record in pairs.ledger.orders.values() if not record.epoch and record.order != second)
    assert (exit_.instrument, exit_.reduce_only, exit_.time_in_force) == (A, True, "ioc")
    pairs.finish()
    assert held(pairs) == (D(0), D(-40))
    pairs.minute(5)
    pairs.finish()
    assert held(pairs) == (D(0), D(0))


@pytest.mark.parametrize("after", [False, True])
def test_a_process_that_dies_at_any_call_leaves_no_bundle_unwatched(*, after: bool) -> None:
    for nth in count(1):
        pairs = world()
        fuse = Fuse(nth, after=after)
        ports = [Mortal(port, fuse) for port in (pairs.gathering, MemoryApprovals(pairs.ledger))]
        plan = prepare(pairs.desk)
        pairs.assessor = PreTradeRisk(pairs.desk, plan, ports[0], ports[1], lambda: pairs.now, AT_ONCE)  # noqa: B023
        died = False
        try:
            pairs.minute(1, PAIR, bundle="b")
        except Crash:
            died = True
        pairs.restart()
        end(pairs, second=UNTOUCHED)
        pairs.minute(1, PAIR, bundle="b")
        for minute in (2, 3, 4, 5):
            end(pairs, second=UNTOUCHED)
            pairs.minute(minute)
        end(pairs, second=UNTOUCHED)
        assert held(pairs) == (D(0), D(0)), nth
        if not died:
            assert nth > 4
            return
