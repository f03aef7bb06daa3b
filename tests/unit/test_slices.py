"""A change of a position in slices: how it is divided, approved at once, and taken back."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from execution_service import approved
from fanfold import desk, ids
from fanfold.errors import BadInput
from fanfold.ledger.orders import OrderRecord
from fanfold.messages import OrdersApproved, Side, Target, TradingState, encode
from fanfold.money import EXACT, exact
from fanfold.risk import slicing
from fanfold.risk.decision import Decision, decide, decide_standing
from fanfold.risk.exposure import AccountSnapshot, RestingStop
from fanfold.risk.policy import PositionPolicy, prepare
from fanfold.risk.poll import PollState
from fanfold.risk.protection import Guarded, Protection
from fanfold.risk.sizing import limit_of, price_of
from fanfold.simulation.ledger import MemoryApprovals
from fanfold.strategy.contract import Protected
from risk_service.approve import withdrawal
from support import risk_world
from support.core_desk import A, instance, raw
from support.execution_world import order
from support.risk_desk import AT, BTC, ETH, NOW, book, held, target
from support.risk_desk import desk as risk_desk

D = Decimal
SLICED: dict[str, Any] = {"slices": 5, "slices_over_s": 600}


def nothing_rests(record: OrderRecord, *_: object) -> None:
    raise AssertionError(f"{record.order.order_id} is cancelled")


def leg(**changes: Any) -> PositionPolicy:
    fields: dict[str, Any] = {
        "shares": 1, "spot": True, "collar": D("0.02"), "fee": D("0.001"), "band": D(0), "volatility": 0.0,
        "bars_per_year": 525_600.0, "order": "market", "order_ttl_s": 300, "tick": D("0.01"), "lot": D("0.001"),
        "notional_min": D(5), "slices": 5, "slices_over_s": 600,
    }  # fmt: skip
    return PositionPolicy(**(fields | changes))


def decided(*targets: Target, before: AccountSnapshot | None = None, **limits: Any) -> Decision:
    policy = prepare(risk_desk(SLICED, **limits))
    return decide(targets, before or book(), policy, at=AT, now=NOW)


@given(
    lots=st.integers(1, 10**7),
    side=st.sampled_from(("buy", "sell")),
    slices=st.integers(1, 20),
    lot=st.sampled_from((D("0.001"), D(1), D("0.00000001"), D(25))),
    notional_min=st.sampled_from((D(0), D(5), D("10.01"))),
    amount_min=st.sampled_from((D(0), D("0.5"), D(100))),
    price=st.sampled_from((D("0.01"), D(3), D("64000.55"))),
)
@exact
def test_slices_are_whole_lots_add_up_and_none_is_below_what_the_venue_takes(
    lots: int, side: Side, slices: int, lot: Decimal, notional_min: Decimal, amount_min: Decimal, price: Decimal
) -> None:
    policy = leg(lot=lot, notional_min=notional_min, amount_min=amount_min, slices=slices)
    quantity = lots * lot
    parts = slicing.quantities(quantity, side, policy, price)
    assert EXACT.create_decimal(sum(parts)) == quantity
    assert 1 <= len(parts) <= slices
    assert all(part % lot == 0 and part > 0 for part in parts)
    assert parts == sorted(parts)
    bound = min(price_of(side, policy, price), limit_of(side, policy, price))
    if len(parts) > 1:
        assert all(part * bound >= notional_min and part >= amount_min for part in parts)
    elif slices > 1:
        half = quantity / 2 - lot
        assert half < lot or half < amount_min or half * bound < notional_min + lot * bound


def test_a_change_goes_out_in_orders_that_are_due_one_after_the_other() -> None:
    orders = decided(target(0.5)).approved
    assert [order.quantity for order in orders] == [D("2.5")] * 5
    waits = [(order.sendable_at - NOW).total_seconds() for order in orders]
    assert waits == [0, 120, 240, 360, 480]
    assert [(order.expires_at - order.sendable_at).total_seconds() for order in orders] == [300] * 5
    assert len({order.order_id for order in orders}) == len({order.client_order_id for order in orders}) == 5
    assert {order.signal_id for order in orders} == {"signal"}
    assert orders == decided(target(0.5)).approved
    plain = decide([target(0.5)], book(), prepare(risk_desk()), at=AT, now=NOW).approved
    assert (orders[0].order_id, orders[0].limit_price) == (plain[0].order_id, plain[0].limit_price)


def test_the_last_slice_has_the_remainder_and_a_small_change_has_fewer_slices() -> None:
    cut = [order.quantity for order in decided(target(0.0), before=book(held={("m", BTC): held("0.159")})).approved]
    # 15.90 in quote at 98 a unit: three slices of five are worth an order.
    assert cut == [D("0.053")] * 3
    odd = [order.quantity for order in decided(target(0.0), before=book(held={("m", BTC): held("1.004")})).approved]
    assert odd == [D("0.2")] * 4 + [D("0.204")]


def test_a_spot_buy_reserves_for_each_of_its_slices() -> None:
    before = book("spot")
    orders = decided(target(1.0, instance="s"), before=before).approved
    plain = decide([target(1.0, instance="s")], before, prepare(risk_desk()), at=AT, now=NOW).approved
    worst = [order.quantity * (order.limit_price or D(0)) * D("1.001") for order in orders]
    assert all(order.reserved >= cost for order, cost in zip(orders, worst, strict=True))
    assert 0 <= plain[0].quantity - sum(order.quantity for order in orders) <= D("0.001")
    assert sum(order.reserved for order in orders) <= 5_000


def test_limits_count_the_largest_slice_as_an_order_and_every_slice_in_the_minute() -> None:
    assert len(decided(target(0.5), order_notional_max=D(250)).approved) == 5
    refused = decided(target(0.5), order_notional_max=D("249.99")).refused
    assert [(str(each.code), each.order.quantity) for each in refused] == [("ORDER_NOTIONAL", D("12.5"))]
    assert decided(target(0.5), orders_per_minute_max=5).book.orders_in_minute == 5
    assert [str(each.code) for each in decided(target(0.5), orders_per_minute_max=4).refused] == ["ORDER_RATE"]
    # The position counts as a whole.
    assert [str(each.code) for each in decided(target(0.5), position_notional_max=D(1249)).refused] == [
        "POSITION_NOTIONAL"
    ]


def test_bundles_exits_of_protections_and_flattening_are_not_divided() -> None:
    pair = target(0.5, bundle="pair"), target(-0.5, instrument=ETH, signal_id="other", bundle="pair")
    assert len(decided(*pair).approved) == 2
    flat = decided(target(0.0), before=book(trading_state=TradingState.FLATTENING, held={("m", BTC): held("10")}))
    assert [order.quantity for order in flat.approved] == [D(10)]
    sold = decided(target(0.0), before=book(held={("m", BTC): held("10")})).approved
    assert [(order.quantity, order.reduce_only) for order in sold] == [(D(2), True)] * 5


WORLD = {"slow": instance("breakout", timeframe="1d", allocation="1", slices=4, slices_over_s=240)}


def test_slices_are_approved_in_one_message_and_once() -> None:
    world = risk_world.World(risk_world.built(strategies=WORLD))
    world.minute(1, {("slow", A): 0.5})
    world.restart()
    world.minute(1, {("slow", A): 0.5})
    world.minute(2)
    (message,) = world.messages_of(OrdersApproved)
    assert [order.quantity for order in message.orders] == [D("6.25")] * 4
    assert sorted(world.ledger.orders) == sorted(order.order_id for order in message.orders)


def test_a_leg_with_a_slice_that_was_created_before_gets_no_more_of_them() -> None:
    """An earlier delivery of the target came to one order, and the process died before it noted that."""
    world = risk_world.World(risk_world.built(strategies=WORLD))
    order_id = ids.order_id(ids.derive("s", "slow", A, 1), "main", 0)
    earlier = order("earlier", order_id=order_id, instance="slow", quantity="0.05", reserved="0")
    message = OrdersApproved(id="earlier", cause="t", at=AT, account="main", orders=[earlier])
    assert world.ledger.approve(world.ledger.book_of("main", PollState()), message, 1, 1) == []
    world.finish()
    world.minute(1, {("slow", A): 0.5})
    assert list(world.ledger.orders) == [order_id]


def test_a_target_the_other_way_takes_back_the_slices_that_wait() -> None:
    world = risk_world.World(risk_world.built(strategies=WORLD))
    world.minute(1, {("slow", A): 0.5})
    first, *rest = world.messages_of(OrdersApproved)[0].orders
    world.finish(only=[first.order_id])
    world.minute(2, {("slow", A): 0.05})
    (_, back) = world.messages_of(OrdersApproved)
    assert (back.orders, back.withdrawn) == ([], sorted(order.order_id for order in rest))
    world.minute(3)
    assert len(world.messages_of(OrdersApproved)) == 2
    approved.withdraw(world.ledger, back, nothing_rests)
    world.minute(4)
    sold = world.messages_of(OrdersApproved)[-1].orders
    assert {order.side for order in sold} == {"sell"}
    # What was bought less what is wanted, of an equity that a fee has lessened.
    assert sum(order.quantity for order in sold) == D("3.751")


def test_a_protection_that_closes_a_leg_takes_back_the_slices_that_reduce_it() -> None:
    world = risk_world.World(risk_world.built(strategies=WORLD))
    world.minute(1, {("slow", A): Protected(0.5, stop=0.02)})
    world.finish()
    world.minute(2, {("slow", A): Protected(0.2, stop=0.02)})
    waiting = world.messages_of(OrdersApproved)[-1].orders
    assert len(waiting) == 4
    world.minute(3, a=97)
    back = world.messages_of(OrdersApproved)[-1]
    assert back.withdrawn == sorted(order.order_id for order in waiting if order.due_at is not UNSET)
    approved.withdraw(world.ledger, back, nothing_rests)
    world.finish(price="97")
    world.minute(4, a=97)
    rest = world.messages_of(OrdersApproved)[-1].orders
    assert [(order.side, order.reduce_only) for order in rest] == [("sell", True)]
    world.finish(price="97")
    assert world.ledger.positions["main"]["slow", A].position.totals[0] == 0


def test_slices_of_a_leg_that_a_stop_closed_at_the_venue_are_taken_back() -> None:
    world = risk_world.World(risk_world.built(strategies=WORLD))
    world.minute(1, {("slow", A): 0.5})
    first, *rest = world.messages_of(OrdersApproved)[0].orders
    world.finish(only=[first.order_id])
    out = Protection(instance="slow", instrument=A, timeframe="1d", cause="t", stop=D("0.02"), out=1, out_at=1)
    before = world.ledger.book_of("main", PollState())
    made = decide_standing([], before, prepare(world.desk), now=world.now)
    (back,) = withdrawal(MemoryApprovals(world.ledger), made, Guarded({}, [out]), world.now)
    assert (back.withdrawn, back.cause) == (sorted(order.order_id for order in rest), before.trading_state_cause)


def test_an_order_that_replaces_a_resting_stop_is_not_divided() -> None:
    stop = RestingStop(order_id="stop", quantity=D(10), price=D(90))
    before = book("spot", held={("s", BTC): held("10")}, stops={("s", BTC): stop})
    sold = decided(target(0.0, instance="s"), before=before).approved
    assert [(order.quantity, bool(order.replaces)) for order in sold] == [(D(10), True)]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"slices": 5},
            "`slices` is 5 and `slices_over_s` 0; write both, at least a second a slice, such as 5 and 600, or neither",
        ),
        ({"slices_over_s": 600}, "`slices` is 1 and `slices_over_s` 600"),
        ({"slices": 5, "slices_over_s": 4}, "`slices` is 5 and `slices_over_s` 4"),
        ({"slices": 21, "slices_over_s": 600}, "`slices` is 21; it must be at most 20"),
        ({"slices": 0}, "`slices` is 0; it must be above zero"),
    ],
)
def test_a_desk_file_that_asks_for_what_cannot_be_is_refused(changes: dict[str, Any], reason: str) -> None:
    text = raw(trend=instance(**changes))
    with pytest.raises(BadInput) as refused:
        desk.build(text, "desk.toml")
    assert reason in str(refused.value)


def test_more_slices_than_a_minute_lets_out_are_refused() -> None:
    text = raw(trend=instance(**SLICED))
    text["limits"]["main"]["orders_per_minute_max"] = 4
    with pytest.raises(BadInput, match="approved together, and `orders_per_minute_max` of the account is 4"):
        desk.build(text, "desk.toml")


def test_an_order_of_one_slice_is_on_the_wire_what_it_was() -> None:
    plain = decide([target(0.5)], book(), prepare(risk_desk()), at=AT, now=NOW).approved
    message = OrdersApproved(id="a", cause="t", at=AT, account="margin", orders=plain)
    assert b"due_at" not in encode(message)
    assert b"withdrawn" not in encode(message)
    assert plain[0].sendable_at == NOW
