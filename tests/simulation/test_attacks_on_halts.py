"""Attacks on the kill switch and the loss limits, by production handlers: what must close closes, whoever is silent."""

from typing import Any

import msgspec
import pytest
from external_desk import HOOK, LEG, D, built, long
from laws import Outcome
from quiet_desk import QuietDesk

from fanfold import desk
from fanfold.desk import Desk
from fanfold.messages import LegStatus, OrdersRefused, TradingState
from support.core_desk import A, B, instance, raw


@pytest.mark.parametrize("weight", [1.0, -1.0])
def test_flatten_closes_what_a_webhook_that_went_silent_holds(weight: float) -> None:
    one = QuietDesk(built())
    long(one, weight)
    one.command("halt", state=TradingState.FLATTENING)
    one.minutes(4, 6)
    assert one.held() == {}
    assert one.broken() == []
    assert [state.code for each in one.heard(LegStatus) for state in each.statuses][-1] == "FLAT"


def test_flatten_closes_in_a_desk_whose_signal_says_nothing_at_all() -> None:
    hook = instance() | HOOK | {"allocation": "0.5"}
    one = QuietDesk(built(hook=hook, day=instance("breakout", timeframe="1d", allocation="0.5")))
    long(one, 0.5)
    with one.deaf("signal"):
        one.command("halt", state=TradingState.FLATTENING)
        one.minutes(4, 7)
    assert one.held() == {}
    assert one.broken() == []


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
    one, minute = QuietDesk(built()), 4
    long(one)
    for state in order:
        one.command("halt" if state is not TradingState.ACTIVE else "resume", state=state)
        if apart:
            one.minute(minute)
            minute += 1
    one.minutes(minute, minute + 3)
    assert one.held() == {}
    assert one.broken() == []


def test_a_halt_holds_nothing_open_and_fills_nothing() -> None:
    limit = instance() | HOOK | {"order": "limit", "order_ttl_s": 86_400}
    one = QuietDesk(built(hook=limit))
    one.minute(1)
    one.tell("enter", {LEG: 1.0})
    one.minute(2, a=101)
    one.command("halt", state=TradingState.HALTED)
    one.minutes(3, 4, a=(101, 101, 50, 50))
    assert (one.held(), one.states()) == ({}, [f"buy {A} CANCELED"])
    assert one.broken() == []


def test_a_part_that_filled_before_flatten_is_closed_and_the_rest_never_comes() -> None:
    limit = instance() | HOOK | {"order": "limit", "order_ttl_s": 86_400}
    one = QuietDesk(built(hook=limit))
    one.minute(1)
    one.tell("enter", {LEG: 1.0})
    one.minute(2, a=101)
    one.minute(3, a=(101, 101, 99, 100), lots=100_000)
    assert D(0) < one.held()[LEG] < D(90)
    one.command("halt", state=TradingState.FLATTENING)
    one.minutes(4, 8, a=99)
    assert one.held() == {}
    assert one.broken() == []


def test_flatten_under_thin_bars_goes_on_until_it_is_flat() -> None:
    one = QuietDesk(built())
    long(one)
    one.command("halt", state=TradingState.FLATTENING)
    for minute in range(4, 30):
        one.minute(minute, lots=100_000 if minute % 2 else 0)
    assert one.held() == {}
    assert one.broken() == []


def test_flatten_through_a_gap_beyond_the_band_ends_flat_at_the_new_price() -> None:
    one = QuietDesk(built())
    long(one)
    one.command("halt", state=TradingState.FLATTENING)
    one.minute(4, a=60)
    one.minute(5, a=40)
    one.minute(6, a=30)
    one.minutes(7, 10, a=30)
    assert one.held() == {}
    assert one.broken() == []


def test_accounts_are_closed_apart_one_that_was_never_opened_stops_none() -> None:
    hooks = {name: instance() | HOOK | {"account": account, "allocation": "1"}
             for name, account in (("hook", "main"), ("first", "other1"), ("second", "other2"))}  # fmt: skip
    one = QuietDesk(built(accounts=3, **hooks), opened=False)
    one.command("open")
    one.command("open", "other2")
    one.minute(1)
    for name, account in (("hook", "main"), ("first", "other1"), ("second", "other2")):
        one.tell(name, {(name, A): 1.0}, account)
    one.minutes(2, 3)
    assert [bool(one.held(name)) for name in one.desk.accounts] == [True, False, True]
    one.command("halt", "other2", TradingState.FLATTENING)
    one.minutes(4, 6)
    assert [bool(one.held(name)) for name in one.desk.accounts] == [True, False, False]
    assert one.dead() == 0


def test_a_spot_account_never_goes_short_however_it_is_asked() -> None:
    one = QuietDesk(built("spot"))
    one.minute(1)
    one.tell("short", {LEG: -1.0})
    one.minutes(2, 3)
    assert one.held() == {}
    assert {each.code for told in one.heard(OrdersRefused) for each in told.refusals} == {"SPOT_SHORT"}
    one.tell("enter", {LEG: 1.0})
    one.minutes(4, 5)
    one.tell("flip", {LEG: -1.0})
    one.minutes(6, 8)
    assert one.held() == {}
    assert one.broken() == []


@pytest.mark.parametrize(("price", "enters"), [("95", True), ("94.99", False)])
def test_a_days_loss_of_exactly_the_limit_is_no_breach_and_a_tick_more_is(price: str, enters: bool) -> None:
    found = built(limits={"daily_loss_max": "0.05", "drawdown_max": "1", "gross_max": "3", "net_max": "3"})
    found = desk.build(_without_costs(found), "test")
    one = QuietDesk(found)
    one.minute(1)
    one.tell("enter", {LEG: 1.0})
    one.minute(2)
    one.minute(3)
    assert (one.held(), one.cash()) == ({LEG: D(100)}, D(0))
    one.minute(4, a=float(price))
    assert bool(Outcome(one).books.account.breach) != enters  # type: ignore[arg-type,union-attr]
    one.tell("more", {("hook", A): 0.5})
    one.minutes(5, 6, a=float(price))
    assert one.held()[LEG] < 60
    one.tell("again", {("hook", A): 1.0})
    one.minutes(7, 8, a=float(price))
    assert (one.held()[LEG] > 60) == enters
    assert one.broken() == []


def _without_costs(found: Desk) -> dict[str, Any]:
    raw_desk = msgspec.to_builtins(found)
    raw_desk["accounts"]["main"] |= dict.fromkeys(("taker_bps", "maker_bps", "spread_bps", "slippage_bps"), "0")
    return raw_desk


def test_an_account_that_has_lost_everything_and_more_can_still_be_closed() -> None:
    one = QuietDesk(built(limits={"gross_max": "1"}))
    long(one)
    one.minutes(4, 6, a=1)
    assert one.held() != {}
    one.tell("more", {LEG: 1.0})
    one.minute(7, a=1)
    one.command("halt", state=TradingState.FLATTENING)
    one.minutes(8, 10, a=1)
    assert one.held() == {}
    one.command("resume", rearm=True)
    one.minutes(11, 12, a=1)
    one.tell("anew", {LEG: 1.0})
    one.minutes(13, 14, a=1)
    assert one.broken() == []
    assert one.dead() == 0


def test_a_short_whose_loss_is_more_than_the_account_has_is_closed() -> None:
    one = QuietDesk(built())
    long(one, -1.0)
    one.minutes(4, 5, a=250)
    one.command("halt", state=TradingState.FLATTENING)
    one.minutes(6, 8, a=250)
    assert one.held() == {}
    assert one.cash() < 0
    assert one.broken() == []
    one.command("resume", rearm=True)
    one.minutes(9, 10, a=250)
    one.tell("anew", {LEG: 1.0})
    one.minutes(11, 12, a=250)
    assert one.held() == {}
    assert one.dead() == 0


def test_a_day_that_begins_while_no_poll_comes_keeps_the_loss_of_the_night() -> None:
    one = QuietDesk(built(limits={"daily_loss_max": "0.05", "drawdown_max": "1", "bar_age_s_max": "86400"}))
    long(one)
    for minute in range(4, 1_500, 3):
        one.now += 180
        if minute % 60 == 1:
            one.sweep()
    one.sweep()
    minute = int((one.now - 1_772_323_200) // 60) + 1
    one.minute(minute, a=90)
    assert "day's loss" in Outcome(one).books.account.breach  # type: ignore[arg-type,union-attr]
    assert one.broken() == []


def test_what_a_halt_cancelled_stays_cancelled_when_the_account_resumes_at_once() -> None:
    one = QuietDesk(built(hook=instance() | HOOK | {"order": "limit", "order_ttl_s": 86_400}))
    one.minute(1)
    one.tell("enter", {LEG: 1.0})
    one.minute(2, a=101)
    one.command("halt", state=TradingState.HALTED)
    one.command("resume")
    one.command("halt", state=TradingState.FLATTENING)
    one.command("resume")
    one.minutes(3, 5, a=(101, 101, 90, 100))
    assert one.broken() == []
    # Its target still stands, so it is another order that enters, decided after the last word.
    assert one.states() == [f"buy {A} CANCELED", f"buy {A} FILLED"]


def test_nothing_is_sent_that_is_too_old_once_the_desk_comes_back() -> None:
    one = QuietDesk(built())
    one.minute(1)
    with one.deaf("execution"):
        one.tell("enter", {LEG: 1.0})
    one.now += 3_600
    one.sweep()
    one.minutes(62, 64)
    assert one.held() == {}
    assert one.broken() == []


def test_flatten_sells_what_is_worth_the_least_price_there_is() -> None:
    found = msgspec.to_builtins(built("spot"))
    found["instruments"][A]["notional_min"] = "0"
    one = QuietDesk(desk.build(found, "test"))
    long(one)
    one.minutes(4, 6, a=0.01)
    one.command("halt", state=TradingState.FLATTENING)
    one.minutes(7, 9, a=0.01)
    assert [state.code for each in one.heard(LegStatus) for state in each.statuses][-1] == "FLAT"
    assert one.broken() == []


def test_flatten_closes_what_was_taken_out_of_the_desk_file() -> None:
    one = QuietDesk(built())
    long(one)
    found = raw(hook=instance() | HOOK | {"instruments": [B]})
    found["venues"]["v"]["symbols"] = [B]
    found["limits"]["main"] = {"order_notional_max": "1000000", "position_notional_max": "1000000"}
    del found["instruments"][A]
    one.restart(desk.build(found, "test"))
    one.minutes(4, 5, a=0)
    one.command("halt", state=TradingState.FLATTENING)
    for minute in range(6, 9):
        one.minute(minute, a=0)
        one.sweep()
    assert (one.held(), one.dead()) == ({}, 0)
    assert [fill.price for fill in one.fills()][1:] == [D(98)]
    assert [state.code for each in one.heard(LegStatus) for state in each.statuses][-1] == "FLAT"
    assert one.broken() == []
