import random
from datetime import timedelta
from decimal import Decimal, getcontext
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanfold.codes import Code
from fanfold.messages import Order, Target, TradingState
from fanfold.money import exact
from fanfold.risk import decision, exposure
from fanfold.risk.decision import Decision
from fanfold.risk.exposure import AccountSnapshot, Exposure
from fanfold.risk.policy import DeskPolicy, prepare
from fanfold.risk.valuation import roll, valuation
from support.risk_desk import AT, BTC, ETH, NOW, book, desk, held, mark, target

D = Decimal
PLAN = prepare(desk())
LIMIT_PLAN = prepare(desk({"order": "limit"}))
TIGHT = {
    "order_notional_max": D(3000),
    "position_notional_max": D(4000),
    "gross_max": D("0.6"),
    "net_max": D("0.4"),
    "orders_per_minute_max": 2,
}


def decide(*targets: Target, snapshot: AccountSnapshot | None = None, plan: DeskPolicy = PLAN) -> Decision:
    return decision.decide(targets, snapshot or book(), plan, at=AT, now=NOW)


def codes(made: Decision) -> list[str]:
    return [refusal.code for refusal in made.refused]


def test_a_target_becomes_one_order_at_market_within_its_band() -> None:
    made = decide(target(1.0))
    (order,) = made.approved
    assert (order.side, order.quantity, order.kind, order.reference_price) == ("buy", D(25), "limit", D(100))
    assert (order.limit_price, order.time_in_force, order.reserved) == (D(102), "ioc", D(0))
    assert (order.decided_at, order.expires_at) == (NOW, NOW + timedelta(seconds=300))
    assert (order.venue, order.account, order.reduce_only) == ("v", "margin", False)
    assert made.book.held["m", BTC].open == 25
    assert made.book.orders_in_minute == 1


def test_a_post_only_entry_never_takes_and_the_way_out_is_a_plain_limit() -> None:
    plan = prepare(desk({"order": "post-only"}))
    (entry,) = decide(target(1.0), plan=plan).approved
    assert (entry.limit_price, entry.time_in_force, entry.post_only) == (D(100), "gtc", True)
    held_now = book(held={("m", BTC): held("10")})
    (way_out,) = decide(target(0.0), snapshot=held_now, plan=plan).approved
    assert (way_out.limit_price, way_out.time_in_force, way_out.reduce_only) == (D(100), "gtc", True)
    assert not way_out.post_only


def test_the_same_target_is_the_same_order() -> None:
    first, again = decide(target(1.0)).approved, decide(target(1.0)).approved
    assert first == again


def test_a_spot_buy_reserves_what_it_may_cost_and_stays_within_its_allocation() -> None:
    made = decide(
        target(1.0, instance="s"),
        target(1.0, instance="s", instrument=ETH, signal_id="e"),
        snapshot=book("spot", cash=D(5000)),
    )
    assert [order.quantity for order in made.approved] == [D("24.485"), D("244.853")]
    assert made.book.reserved == sum(order.reserved for order in made.approved)
    assert D("4999.8") < made.book.reserved <= 5000


def test_a_limit_order_has_a_price_on_the_near_tick() -> None:
    made = decide(target(-1.0), snapshot=book(marks={BTC: mark("100.005")}), plan=LIMIT_PLAN)
    assert made.approved[0].limit_price == D("100.01")


def test_a_flip_on_margin_is_one_order() -> None:
    (order,) = decide(target(-1.0), snapshot=book(cash=D(7500), held={("m", BTC): held("25")})).approved
    assert (order.side, order.quantity, order.reduce_only) == ("sell", D(50), False)


@pytest.mark.parametrize(
    ("account", "changes"),
    [
        ("spot", {}),
        ("margin", {"trading_state": TradingState.REDUCE_ONLY}),
        ("margin", {"peak_equity": D(90_000)}),
        ("margin", {"day": "2026-03-01", "day_start_equity": D(90_000)}),
    ],
)
def test_a_target_across_zero_closes_where_the_far_side_is_barred(account: str, changes: dict[str, Any]) -> None:
    name = account[0]
    snapshot = book(account, held={(name, BTC): held("25")}, **changes)
    (order,) = decide(target(-1.0, instance=name), snapshot=snapshot).approved
    assert (order.side, order.quantity, order.reduce_only) == ("sell", D(25), True)


def test_a_short_target_of_a_flat_spot_account_is_refused() -> None:
    assert codes(decide(target(-1.0, instance="s"), snapshot=book("spot"))) == [Code.SPOT_SHORT]


def test_flatten_closes_whatever_the_targets_are_even_those_that_are_no_number() -> None:
    snapshot = book(
        trading_state=TradingState.FLATTENING, held={("m", BTC): held("25"), ("m", ETH): held("-3", price="10")}
    )
    made = decide(target(1.0), target(float("nan"), instrument=ETH, signal_id="e"), snapshot=snapshot)
    assert [(order.side, order.quantity) for order in made.approved] == [("sell", D(25)), ("buy", D(3))]


def test_a_leg_without_a_target_keeps_its_position() -> None:
    snapshot = book(trading_state=TradingState.FLATTENING, held={("m", BTC): held("25"), ("m", ETH): held("3")})
    assert [order.instrument for order in decide(target(1.0), snapshot=snapshot).approved] == [BTC]


def test_losses_bar_entries_and_let_reductions_pass() -> None:
    snapshot = book(peak_equity=D(50_000), held={("m", BTC): held("25")}, cash=D(7500))
    made = decide(target(0.5), target(0.5, instrument=ETH, signal_id="e"), snapshot=snapshot)
    assert [(order.side, order.reduce_only) for order in made.approved] == [("sell", True)]
    assert codes(made) == [Code.DRAWDOWN]


def test_reductions_come_first_and_pass_a_full_minute() -> None:
    snapshot = book(minute=int(NOW.timestamp()) // 60, orders_in_minute=19, held={("m", ETH): held("25", price="10")})
    both = [target(0.5), target(0.0, instrument=ETH, signal_id="e"), target(0.5, instance="n", signal_id="n")]
    made = decide(*both, snapshot=snapshot)
    assert [order.instrument for order in made.approved] == [ETH]
    assert codes(made) == [Code.ORDER_RATE, Code.ORDER_RATE]


@pytest.mark.parametrize(
    ("limits", "weight", "other", "code"),
    [
        ({"gross_max": D("0.4")}, 1.0, ("m", ETH), Code.GROSS_EXPOSURE),
        ({"gross_max": D("0.4")}, -1.0, ("m", ETH), Code.GROSS_EXPOSURE),
        ({"net_max": D("0.4")}, 1.0, ("m", ETH), Code.NET_EXPOSURE),
        ({"net_max": D("0.4")}, -1.0, ("m", ETH), Code.NET_EXPOSURE),
        ({"position_notional_max": D(4000)}, 1.0, ("n", BTC), Code.POSITION_NOTIONAL),
        ({"orders_per_minute_max": 1}, 1.0, ("m", ETH), Code.ORDER_RATE),
    ],
)
def test_two_orders_of_a_batch_share_one_limit(
    limits: dict[str, Any], weight: float, other: exposure.PositionKey, code: Code
) -> None:
    second = target(weight, instance=other[0], instrument=other[1], signal_id="second")
    made = decide(target(weight), second, plan=prepare(desk(**limits)))
    assert [order.signal_id for order in made.approved] == ["signal"]
    assert codes(made) == [code]
    assert len(decide(second, plan=prepare(desk(**limits))).approved) == 1


def test_dust_is_reported_and_neither_ordered_nor_refused() -> None:
    made = decide(target(0.0), snapshot=book(held={("m", BTC): held("0.04")}))
    assert (made.approved, made.refused, made.dust) == ([], [], [("m", BTC)])


def test_two_targets_for_a_leg_make_one_order() -> None:
    made = decide(target(0.5), target(0.5), target(0.9, signal_id="z"))
    assert len(made.approved) == 1
    assert codes(made) == [Code.DUPLICATE_INTENT]


def test_a_target_that_cannot_be_sized_is_refused_as_an_order_for_nothing() -> None:
    (refusal,) = decide(target(1.0), snapshot=book(marks={})).refused
    assert refusal.code == Code.MISSING_DATA
    assert (refusal.order.quantity, refusal.order.reference_price) == (D(0), D(0))


@pytest.mark.parametrize(
    ("snapshot", "code"),
    [
        (book("other"), Code.UNKNOWN_ACCOUNT),
        (book(trading_state=None), Code.KILL_STATE),
        (book(trading_state=TradingState.HALTED), Code.KILL_STATE),
        (book(marks={}), Code.MISSING_DATA),
    ],
)
def test_missing_data_refuses_the_order(snapshot: AccountSnapshot, code: Code) -> None:
    made = decide(target(1.0), snapshot=snapshot)
    assert (made.approved, codes(made)) == ([], [code])


def test_a_new_day_starts_from_the_equity_of_its_first_decision() -> None:
    snapshot = book(day="2026-02-28", day_start_equity=D(1), peak_equity=D(1), minute=5, orders_in_minute=7)
    rolled = roll(snapshot, valuation(snapshot), NOW)
    assert (rolled.day, rolled.day_start_equity, rolled.peak_equity) == ("2026-03-01", D(10_000), D(10_000))
    assert (rolled.minute, rolled.orders_in_minute) == (int(NOW.timestamp()) // 60, 0)


def test_a_clock_that_steps_back_resets_nothing() -> None:
    value = valuation(book())
    rolled = roll(msgspec.structs.replace(book(), orders_in_minute=0), value, NOW)
    spent = msgspec.structs.replace(rolled, orders_in_minute=7, day_start_equity=D(9))
    assert roll(spent, value, NOW - timedelta(days=1)) == spent


def test_a_day_does_not_start_on_an_equity_that_is_not_known() -> None:
    snapshot = book(day="2026-02-28", day_start_equity=D(1), marks={}, held={("m", BTC): held("1")})
    assert roll(snapshot, valuation(snapshot), NOW).day == "2026-02-28"


def test_the_callers_decimal_context_is_left_alone() -> None:
    before = getcontext().copy()
    decide(target(1 / 3))
    assert getcontext().prec == before.prec
    assert getcontext().traps == before.traps


# Laws, over books and targets of any shape. The lots are whole; positions and live orders are on one side or none.
lots = st.integers(-40_000, 40_000).map(lambda count: Decimal(count).scaleb(-3))
legs = st.builds(
    lambda quantity, pending: Exposure(quantity=quantity, open=pending, cost=quantity * 90),
    lots,
    st.sampled_from([D(0), D(0), D("0.5"), D(-3)]),
)


@st.composite
def worlds(draw: st.DrawFn, spot: bool) -> tuple[list[Target], AccountSnapshot, DeskPolicy]:
    names, account = (["s"], "spot") if spot else (["m", "n"], "margin")
    weights = st.sampled_from([1.0, -1.0, 0.0, 1.1]) | st.floats(-1, 1)
    keys = st.sampled_from([(name, symbol) for name in names for symbol in (BTC, ETH)])
    wanted = draw(st.lists(st.tuples(keys, weights, st.sampled_from("xyz")), max_size=8))
    targets = [
        target(weight, instance=key[0], instrument=key[1], signal_id=f"{key}{weight}{tag}")
        for key, weight, tag in wanted
    ]
    own = draw(st.dictionaries(keys, legs, max_size=4))
    if spot:
        own = {
            key: Exposure(quantity=abs(leg.quantity), open=max(leg.open, -abs(leg.quantity)))
            for key, leg in own.items()
        }
    kind, band = draw(st.sampled_from(["market", "limit"])), draw(st.sampled_from([D(0), D("0.1")]))
    halt = draw(
        st.sampled_from([TradingState.ACTIVE, TradingState.ACTIVE, TradingState.REDUCE_ONLY, TradingState.FLATTENING])
    )
    marks = {BTC: mark(draw(st.sampled_from(["100", "87.31"]))), ETH: mark("10.017")}
    snapshot = book(account, trading_state=halt, held=own, marks=marks, cash=draw(st.decimals("0", "9999", places=8)))
    return targets, snapshot, prepare(desk({"order": kind, "band": band}, **draw(st.sampled_from([{}, TIGHT]))))


anyone = worlds(spot=True) | worlds(spot=False)
World = tuple[list[Target], AccountSnapshot, DeskPolicy]


@given(anyone)
@settings(deadline=None)
def test_no_batch_spends_or_risks_more_than_there_is(world: World) -> None:
    targets, snapshot, plan = world
    made = decide(*targets, snapshot=snapshot, plan=plan)
    _check_limits(made, snapshot, plan)
    assert sum((order.reserved for order in made.approved), D(0)) == made.book.reserved
    assert made.book.reserved == 0 or (made.book.reserved <= snapshot.cash and snapshot.account == "spot")


@exact
def _check_limits(made: Decision, snapshot: AccountSnapshot, plan: DeskPolicy) -> None:
    limits, worth = plan.terms(snapshot.account).limits, valuation(snapshot).equity
    entries = [order for order in made.approved if not order.reduce_only]
    after = valuation(made.book)
    assert not entries or after.gross <= limits.gross_max * worth
    # A reduction may widen the net, where it closes one side of a hedge; no entry may.
    assert "buy" not in {order.side for order in entries} or after.highest <= limits.net_max * worth
    assert "sell" not in {order.side for order in entries} or -after.lowest <= limits.net_max * worth
    assert len(entries) <= limits.orders_per_minute_max
    assert all(order.quantity * expected_price(order) <= limits.order_notional_max for order in entries)


def expected_price(order: Order) -> Decimal:
    """The price of a notional: of a market order the reference, not the end of its band."""
    return order.reference_price if order.time_in_force == "ioc" else order.limit_price or order.reference_price


@given(anyone, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_the_targets_means_nothing(world: World, chance: random.Random) -> None:
    targets, snapshot, plan = world
    shuffled = chance.sample(targets, len(targets))
    assert decide(*shuffled, snapshot=snapshot, plan=plan) == decide(*targets, snapshot=snapshot, plan=plan)


@given(anyone)
@settings(deadline=None)
def test_a_reduce_only_account_never_grows_a_position_however_orders_fill(world: World) -> None:
    targets, snapshot, plan = world
    barred = msgspec.structs.replace(snapshot, trading_state=TradingState.REDUCE_ONLY)
    made = decide(*targets, snapshot=barred, plan=plan)
    assert all(order.reduce_only for order in made.approved)
    assert all(made.book.held[key].largest == leg.largest for key, leg in snapshot.held.items())
    assert all((order.instance, order.instrument) in snapshot.held for order in made.approved)


@given(anyone)
@settings(deadline=None)
def test_an_approved_order_is_not_ordered_again(world: World) -> None:
    targets, snapshot, plan = world
    made = decide(*targets, snapshot=snapshot, plan=plan)
    approved = {order.signal_id for order in made.approved}
    again = decide(*(target for target in targets if target.signal_id in approved), snapshot=made.book, plan=plan)
    assert again.approved == []


@given(anyone)
@settings(deadline=None)
def test_orders_are_whole_lots_on_whole_ticks_above_the_venues_minimum(world: World) -> None:
    targets, snapshot, plan = world
    for order in decide(*targets, snapshot=snapshot, plan=plan).approved:
        terms = plan.terms(order.account).legs[order.instance, order.instrument]
        assert order.quantity > 0
        assert order.quantity % terms.lot == 0
        assert order.limit_price is not None
        assert order.limit_price % terms.tick == 0
        assert order.quantity * expected_price(order) >= terms.notional_min


@given(worlds(spot=True))
@settings(deadline=None)
def test_a_spot_account_never_goes_short(world: World) -> None:
    targets, snapshot, plan = world
    assert all(leg.lowest >= 0 for leg in decide(*targets, snapshot=snapshot, plan=plan).book.held.values())
