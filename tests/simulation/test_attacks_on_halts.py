"""Attacks on the kill switch and the loss limits, by production handlers: what must close closes, whoever is silent."""

from typing import Any

import msgspec
import pytest
from external_desk import HOOK, LEG, D, built, long
from quiet_desk import QuietDesk

from fanfold import desk
from fanfold.desk import Desk
from fanfold.messages import LegStatus, OrdersRefused, TradingState
from fanfold.simulation.schedules.outcome import Outcome
from support.core_desk import A, B, instance, raw


@pytest.mark.parametrize("weight", [1.0, -1.0])
def test_flatten_closes_what_a_webhook_that_went_silent_holds(weight: float) -> None:
    world = QuietDesk(built())
    long(world, weight)
    world.command("halt", state=TradingState.FLATTENING)
    world.minutes(4, 6)
    assert world.held() == {}
    assert world.broken() == []
    assert [state.code for each in world.heard(LegStatus) for state in each.statuses][-1] == "FLAT"


def test_flatten_closes_in_a_desk_whose_signal_says_nothing_at_all() -> None:
    hook = instance() | HOOK | {"allocation": "0.5"}
    world = QuietDesk(built(hook=hook, day=instance("breakout", timeframe="1d", allocation="0.5")))
    long(world, 0.5)
    with world.deaf("signal"):
        world.command("halt", state=TradingState.FLATTENING)
        world.minutes(4, 7)
    assert world.held() == {}
    assert world.broken() == []


@pytest.mark.parametrize(
    "order",
    [
        (TradingState.HALTED, TradingState.FLATTENING),
        (TradingState.FLATTENING, TradingState.FLATTENING),
        (TradingState.FLATTENING, TradingState.HALTED, TradingState.FLATTENING),
        (TradingState.REDUCE_ONLY, TradingState.FLATTENING, TradingState.FLATTENING),
        (TradingState.FLATTENING, TradingState.ACTIVE, TradingState.FLATTENING),
        (TradingState.FLATTENING, TradingState.REDUCE_ONLY, TradingState.FLATTENING),
    ],
)
@pytest.mark.parametrize("apart", [False, True])
def test_however_often_and_in_whatever_order_a_halt_is_said_the_last_one_holds(
    order: tuple[TradingState, ...], apart: bool
) -> None:
    world, minute = QuietDesk(built()), 4
    long(world)
    for state in order:
        world.command("halt" if state is not TradingState.ACTIVE else "resume", state=state)
        if apart:
            world.minute(minute)
            minute += 1
    world.minutes(minute, minute + 3)
    assert world.held() == {}
    assert world.broken() == []


def test_a_halt_holds_nothing_open_and_fills_nothing() -> None:
    limit = instance() | HOOK | {"order": "limit", "order_ttl_s": 86_400}
    world = QuietDesk(built(hook=limit))
    world.minute(1)
    world.tell("enter", {LEG: 1.0})
    world.minute(2, a=101)
    world.command("halt", state=TradingState.HALTED)
    world.minutes(3, 4, a=(101, 101, 50, 50))
    assert (world.held(), world.states()) == ({}, [f"buy {A} CANCELED"])
    assert world.broken() == []


def test_a_part_that_filled_before_flatten_is_closed_and_the_rest_never_comes() -> None:
    limit = instance() | HOOK | {"order": "limit", "order_ttl_s": 86_400}
    world = QuietDesk(built(hook=limit))
    world.minute(1)
    world.tell("enter", {LEG: 1.0})
    world.minute(2, a=101)
    world.minute(3, a=(101, 101, 99, 100), lots=100_000)
    assert D(0) < world.held()[LEG] < D(90)
    world.command("halt", state=TradingState.FLATTENING)
    world.minutes(4, 8, a=99)
    assert world.held() == {}
    assert world.broken() == []


def test_flatten_under_thin_bars_goes_on_until_it_is_flat() -> None:
    world = QuietDesk(built())
    long(world)
    world.command("halt", state=TradingState.FLATTENING)
    for minute in range(4, 30):
        world.minute(minute, lots=100_000 if minute % 2 else 0)
    assert world.held() == {}
    assert world.broken() == []


def test_flatten_through_a_gap_beyond_the_band_ends_flat_at_the_new_price() -> None:
    world = QuietDesk(built())
    long(world)
    world.command("halt", state=TradingState.FLATTENING)
    world.minute(4, a=60)
    world.minute(5, a=40)
    world.minute(6, a=30)
    world.minutes(7, 10, a=30)
    assert world.held() == {}
    assert world.broken() == []


def test_accounts_are_closed_apart_one_that_was_never_opened_stops_none() -> None:
    hooks: dict[str, Any] = {name: instance() | HOOK | {"account": account, "allocation": "1"}
             for name, account in (("hook", "main"), ("first", "other1"), ("second", "other2"))}  # fmt: skip
    world = QuietDesk(built(accounts=3, **hooks), opened=False)
    world.command("open")
    world.command("open", "other2")
    world.minute(1)
    for name, account in (("hook", "main"), ("first", "other1"), ("second", "other2")):
        world.tell(name, {(name, A): 1.0}, account)
    world.minutes(2, 3)
    assert [bool(world.held(name)) for name in world.desk.accounts] == [True, False, True]
    world.command("halt", "other2", TradingState.FLATTENING)
    world.minutes(4, 6)
    assert [bool(world.held(name)) for name in world.desk.accounts] == [True, False, False]
    assert world.dead() == 0


def test_a_spot_account_never_goes_short_however_it_is_asked() -> None:
    world = QuietDesk(built("spot"))
    world.minute(1)
    world.tell("short", {LEG: -1.0})
    world.minutes(2, 3)
    assert world.held() == {}
    assert {each.code for refused in world.heard(OrdersRefused) for each in refused.refusals} == {"SPOT_SHORT"}
    world.tell("enter", {LEG: 1.0})
    world.minutes(4, 5)
    world.tell("flip", {LEG: -1.0})
    world.minutes(6, 8)
    assert world.held() == {}
    assert world.broken() == []


@pytest.mark.parametrize(("price", "enters"), [("95", True), ("94.99", False)])
def test_a_days_loss_of_exactly_the_limit_is_no_breach_and_a_tick_more_is(price: str, enters: bool) -> None:
    priced = built(limits={"daily_loss_max": "0.05", "drawdown_max": "1", "gross_max": "3", "net_max": "3"})
    priced = desk.build(_without_costs(priced), "test")
    world = QuietDesk(priced)
    world.minute(1)
    world.tell("enter", {LEG: 1.0})
    world.minute(2)
    world.minute(3)
    assert (world.held(), world.cash()) == ({LEG: D(100)}, D(0))
    world.minute(4, a=float(price))
    assert bool(Outcome(world).books.account.breach) != enters  # type: ignore[arg-type]
    world.tell("more", {("hook", A): 0.5})
    world.minutes(5, 6, a=float(price))
    assert world.held()[LEG] < 60
    world.tell("again", {("hook", A): 1.0})
    world.minutes(7, 8, a=float(price))
    assert (world.held()[LEG] > 60) == enters
    assert world.broken() == []


def _without_costs(priced: Desk) -> dict[str, Any]:
    raw_desk = msgspec.to_builtins(priced)
    raw_desk["accounts"]["main"] |= dict.fromkeys(("taker_bps", "maker_bps", "spread_bps", "slippage_bps"), "0")
    return raw_desk


def test_an_account_that_has_lost_everything_and_more_can_still_be_closed() -> None:
    world = QuietDesk(built(limits={"gross_max": "1"}))
    long(world)
    world.minutes(4, 6, a=1)
    assert world.held() != {}
    world.tell("more", {LEG: 1.0})
    world.minute(7, a=1)
    world.command("halt", state=TradingState.FLATTENING)
    world.minutes(8, 10, a=1)
    assert world.held() == {}
    world.command("resume", rearm=True)
    world.minutes(11, 12, a=1)
    world.tell("anew", {LEG: 1.0})
    world.minutes(13, 14, a=1)
    assert world.broken() == []
    assert world.dead() == 0


def test_a_short_whose_loss_is_more_than_the_account_has_is_closed() -> None:
    world = QuietDesk(built())
    long(world, -1.0)
    world.minutes(4, 5, a=250)
    world.command("halt", state=TradingState.FLATTENING)
    world.minutes(6, 8, a=250)
    assert world.held() == {}
    assert world.cash() < 0
    assert world.broken() == []
    world.command("resume", rearm=True)
    world.minutes(9, 10, a=250)
    world.tell("anew", {LEG: 1.0})
    world.minutes(11, 12, a=250)
    assert world.held() == {}
    assert world.dead() == 0


def test_a_day_that_begins_while_no_poll_comes_keeps_the_loss_of_the_night() -> None:
    world = QuietDesk(built(limits={"daily_loss_max": "0.05", "drawdown_max": "1", "bar_age_s_max": 86_400}))
    long(world)
    for minute in range(4, 1_500, 3):
        world.now += 180
        if minute % 60 == 1:
            world.sweep()
    world.sweep()
    minute = int((world.now - 1_772_323_200) // 60) + 1
    world.minute(minute, a=90)
    assert "day's loss" in Outcome(world).books.account.breach  # type: ignore[arg-type]
    assert world.broken() == []


def test_what_a_halt_cancelled_stays_cancelled_when_the_account_resumes_at_once() -> None:
    world = QuietDesk(built(hook=instance() | HOOK | {"order": "limit", "order_ttl_s": 86_400}))
    world.minute(1)
    world.tell("enter", {LEG: 1.0})
    world.minute(2, a=101)
    world.command("halt", state=TradingState.HALTED)
    world.command("resume")
    world.command("halt", state=TradingState.FLATTENING)
    world.command("resume")
    world.minutes(3, 5, a=(101, 101, 90, 100))
    assert world.broken() == []
    # Its target still stands, so it is another order that enters, decided after the last word.
    assert world.states() == [f"buy {A} CANCELED", f"buy {A} FILLED"]


def test_nothing_is_sent_that_is_too_old_once_the_desk_comes_back() -> None:
    world = QuietDesk(built())
    world.minute(1)
    with world.deaf("execution"):
        world.tell("enter", {LEG: 1.0})
    world.now += 3_600
    world.sweep()
    world.minutes(62, 64)
    assert world.held() == {}
    assert world.broken() == []


def test_flatten_sells_what_is_worth_the_least_price_there_is() -> None:
    document = msgspec.to_builtins(built("spot"))
    document["instruments"][A]["notional_min"] = "0"
    world = QuietDesk(desk.build(document, "test"))
    long(world)
    world.minutes(4, 6, a=0.01)
    world.command("halt", state=TradingState.FLATTENING)
    world.minutes(7, 9, a=0.01)
    assert [state.code for each in world.heard(LegStatus) for state in each.statuses][-1] == "FLAT"
    assert world.broken() == []


def test_flatten_closes_what_was_taken_out_of_the_desk_file() -> None:
    world = QuietDesk(built())
    long(world)
    document = raw(hook=instance() | HOOK | {"instruments": [B]})
    document["venues"]["v"]["symbols"] = [B]
    document["limits"]["main"] = {"order_notional_max": "1000000", "position_notional_max": "1000000"}
    del document["instruments"][A]
    world.restart(desk.build(document, "test"))
    world.minutes(4, 5, a=0)
    world.command("halt", state=TradingState.FLATTENING)
    for minute in range(6, 9):
        world.minute(minute, a=0)
        world.sweep()
    assert (world.held(), world.dead()) == ({}, 0)
    assert [fill.price for fill in world.fills()][1:] == [D(98)]
    assert [state.code for each in world.heard(LegStatus) for state in each.statuses][-1] == "FLAT"
    assert world.broken() == []
