"""Targets stand: the account is decided on at every matched poll, whatever a strategy says or does not say."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from fanfold import desk
from fanfold.errors import AT_ONCE, BadInput
from fanfold.ledger.account_books import StoredPosition
from fanfold.ledger.positions import Lot, Position
from fanfold.market.bars import Bar
from fanfold.messages import LegStatus, OrdersApproved, OrderState, TradingState
from fanfold.risk.policy import prepare
from fanfold.simulation.ledger import MemoryApprovals
from risk_service.assess import PreTradeRisk
from support.core_desk import START, A, B, bars_message, instance, raw, series
from support.risk_world import World, at, built

D = Decimal
HOOK = {"hook": instance(allocation="1", timeframe="1d") | {"strategy": "external", "params": {}}}
MOMENTUM = {"strategy": "momentum", "params": {"top": 1}}
SLOW_A, SLOW_B = ("slow", A), ("slow", B)


@pytest.mark.parametrize("strategies", [None, HOOK], ids=["a daily strategy", "a webhook"])
def test_flatten_closes_what_the_books_hold_at_the_next_matched_poll(strategies: dict[str, Any] | None) -> None:
    world = World(built(strategies=strategies))
    name = next(iter(world.desk.strategies))
    world.hold(name, A, "10")
    world.minute(1)
    assert world.approved() == []
    world.halt(TradingState.FLATTENING)
    world.minute(2)
    assert world.approved() == [("sell", A, D(10))]
    (order,) = world.finish()
    assert (order.reduce_only, order.kind, order.time_in_force, order.limit_price) == (True, "limit", "ioc", D(98))
    world.minute(3)
    assert len(world.approved()) == 1


def test_an_exit_that_did_not_fill_is_ordered_again_as_another_order() -> None:
    world = World(built())
    world.hold(*SLOW_A, "10")
    world.halt(TradingState.FLATTENING)
    world.minute(1)
    world.finish(OrderState.EXPIRED, share="0.4")
    world.minute(2)
    world.finish(OrderState.EXPIRED, share="0")
    world.minute(3)
    assert world.approved() == [("sell", A, D(10)), ("sell", A, D(6)), ("sell", A, D(6))]
    assert len({order.order_id for approval in world.messages_of(OrdersApproved) for order in approval.orders}) == 3


def test_flatten_closes_positions_that_the_desk_file_does_not_know() -> None:
    world = World(built())
    world.hold("renamed", A, "10")
    world.hold("slow", "GONE/USDT", "1.25")
    world.minute(1)
    only_b = raw(slow=instance("breakout", timeframe="1d", allocation="1", instruments=[B]))
    only_b["venues"]["v"]["symbols"] = [B]
    only_b["limits"]["main"] = {"order_notional_max": "100000", "position_notional_max": "100000"}
    del only_b["instruments"][A]
    world.desk = desk.build(only_b, "test")
    world.restart()
    world.halt(TradingState.FLATTENING)
    world.minute(2)
    # No bar of GONE was ever seen, so it is bounded by what it came for.
    assert sorted(world.approved()) == [("sell", A, D(10)), ("sell", "GONE/USDT", D("1.25"))]
    assert world.refused() == []


def test_flatten_of_a_thousand_positions_comes_to_its_end_in_one_decision() -> None:
    world = World(built())
    mine = {(f"old{number}", A): StoredPosition(position=Position(lots=(Lot(D(1), D(100)),), version=1), open=D(0))
            for number in range(1_000)}  # fmt: skip
    world.ledger.positions["main"] = mine
    world.halt(TradingState.FLATTENING)
    world.minute(1)
    assert len(world.approved()) == 1_000


def test_an_exit_needs_no_fresh_mark() -> None:
    world = World(built())
    world.hold(*SLOW_A, "10")
    world.minute(1)
    world.halt(TradingState.FLATTENING)
    world.now = at(30)
    assert world.assessor.decide_overdue() == 1
    assert world.approved() == [("sell", A, D(10))]
    assert world.assessor.decide_overdue() == 1
    assert len(world.approved()) == 1


def test_the_schedule_decides_only_where_no_poll_comes() -> None:
    world = World(built())
    world.minute(1)
    world.now = at(3)
    assert world.assessor.decide_overdue() == 0
    world.now = at(3) + timedelta(seconds=1)
    assert world.assessor.decide_overdue() == 1


def test_a_rotation_buys_as_soon_as_its_sale_has_filled() -> None:
    world = World(built("spot", {"slow": instance(allocation="1", timeframe="1d", band="0.1") | MOMENTUM}))
    world.minute(1, {SLOW_A: 1.0, SLOW_B: 0.0})
    world.finish()
    world.minute(2, {SLOW_A: 0.0, SLOW_B: 1.0})
    assert world.refused() == [("CASH", B)]
    world.finish(price="99.9")
    world.minute(3)
    ((_, first, _), (_, sold, _), (side, instrument, quantity)) = world.approved()
    assert (first, sold, side, instrument) == (A, A, "buy", B)
    assert D("97.8") < quantity < D("97.943")
    # It is cut to what the sale brought, and the rest is within the band: nothing is asked for again and again.
    for minute in range(4, 8):
        world.finish()
        world.minute(minute)
    assert len(world.approved()) == 3
    assert len(world.refused()) == 1


def test_a_target_stands_until_the_strategys_next_bar_and_no_longer() -> None:
    world = World(built("spot"))
    world.minute(1, {SLOW_A: 1.0})
    world.finish(OrderState.EXPIRED, share="0")
    assert world.gathering.read("main").carried.standing[SLOW_A].attempt == 1
    day = 1 + 1_440
    world.minute(day)
    world.finish(OrderState.EXPIRED, share="0")
    assert len(world.approved()) == 2
    world.minute(day + 3)
    assert len(world.approved()) == 2
    assert world.gathering.read("main").carried.standing == {}


def test_a_target_that_is_reached_is_not_rebalanced() -> None:
    world = World(built())
    world.minute(1, {SLOW_A: 0.5})
    world.finish()
    world.minute(2, a=150)
    world.minute(3, a=20)
    assert len(world.approved()) == 1


def test_a_refusal_that_stands_is_told_once() -> None:
    world = World(built(orders_per_minute_max=0))
    for minute in range(1, 6):
        world.minute(minute, {SLOW_A: 1.0} if minute == 1 else None)
    assert world.refused() == [("ORDER_RATE", A)]


def test_an_entry_that_a_limit_bars_for_good_does_not_stand() -> None:
    world = World(built(order_notional_max="100"))
    world.minute(1, {SLOW_A: 1.0})
    assert world.refused() == [("ORDER_NOTIONAL", A)]
    assert world.gathering.read("main").carried.standing == {}


def test_the_days_loss_is_seen_at_every_poll_of_an_account_that_trades_by_webhook() -> None:
    world = World(built(strategies=HOOK, daily_loss_max="0.05", drawdown_max="0.2"))
    world.minute(1)
    world.hear(1, {("hook", A): 1.0})
    world.finish()
    world.minute(2, a=94)
    assert world.gathering.read("main").carried.last_equity == D("9699.9")
    world.minute(3, a=89)
    world.hear(3, {("hook", B): 0.5})
    assert world.refused() == [("DAILY_LOSS", B)]
    world.hear(4, {("hook", A): 0.0})
    assert world.approved()[-1] == ("sell", A, D(50))


def test_a_loss_overnight_counts_for_the_next_day() -> None:
    world = World(built(strategies=HOOK, daily_loss_max="0.05", drawdown_max="1"))
    world.minute(1_439)
    world.hear(1_439, {("hook", A): 1.0})
    world.finish()
    world.minute(1_441, a=80)
    world.hear(1_441, {("hook", B): 0.5})
    assert world.refused() == [("DAILY_LOSS", B)]


def test_after_a_drawdown_a_rearmed_account_trades_again() -> None:
    world = World(built(strategies=HOOK, daily_loss_max="1", drawdown_max="0.2"))
    world.minute(1)
    world.hear(1, {("hook", A): 1.0})
    world.finish()
    world.minute(2, a=50)
    world.hear(2, {("hook", A): 0.0})
    world.finish()
    world.minute(3)
    world.hear(3, {("hook", B): 1.0})
    assert world.refused() == [("DRAWDOWN", B)]
    world.halt(TradingState.ACTIVE, rearm=True)
    assert world.gathering.read("main").rearmed
    world.minute(4)
    assert not world.gathering.read("main").rearmed
    world.hear(4, {("hook", B): 1.0})
    assert world.approved()[-1][:2] == ("buy", B)


def test_a_stale_mark_of_what_is_held_bars_entries_and_lets_exits_pass() -> None:
    world = World(built(strategies=HOOK))
    world.hold("hook", A, "10")
    world.minute(1)
    for minute in range(2, 6):
        world.minute(minute, a=0)
    world.hear(5, {("hook", B): 0.5})
    assert world.refused() == [("STALE_BAR", B)]
    world.hear(5, {("hook", A): 0.0})
    assert world.approved() == [("sell", A, D(10))]


def test_a_poll_that_lacks_its_targets_is_decided_on_when_the_next_one_begins() -> None:
    world = World(built(strategies={"fast": instance(allocation="1")}))
    world.hold("fast", A, "10")
    world.halt(TradingState.FLATTENING)
    world.minute(1)
    assert world.approved() == []
    world.minute(2)
    assert world.approved() == [("sell", A, D(10))]


def test_accounts_are_decided_on_apart() -> None:
    tables = raw(slow=instance("breakout", timeframe="1d", allocation="1"))
    tables["accounts"] = dict.fromkeys(("aaa", "main", "zzz"), tables["accounts"]["main"])
    tables["limits"] = dict.fromkeys(tables["accounts"], tables["limits"]["main"])
    world = World(desk.build(tables, "test"))
    world.hold(*SLOW_A, "10")
    world.halt(TradingState.FLATTENING)
    read = world.gathering.read

    def broken(account: str) -> Any:
        if account == "aaa":
            raise ValueError("its item cannot be read")
        return read(account)

    world.gathering.read = broken
    world.now, closes = at(1), START + 60
    bars = bars_message([series(A, [Bar(*[closes, *[10_000] * 4, 10**9])], closes - 60)], "p1")
    with pytest.raises(BadInput, match="account aaa: ValueError: its item cannot be read"):
        world.assessor.on_bars(bars)
    assert {account: read(account).at for account in tables["accounts"]} == {"aaa": 0, "main": closes, "zzz": closes}


def test_a_leg_that_cannot_trade_is_told_of_once_and_when_it_can_again() -> None:
    world = World(built(strategies=HOOK))
    world.minute(1)
    for minute in range(2, 5):
        world.hear(minute, {("hook", A): 0.0002})
        world.minute(minute)
    assert world.legs() == [("hook", A, "BELOW_MINIMUM")]
    world.hear(5, {("hook", A): 0.5})
    assert world.legs() == [("hook", A, "BELOW_MINIMUM"), ("hook", A, "OK")]


def test_an_account_under_flatten_is_told_to_be_flat_but_for_dust() -> None:
    world = World(built())
    world.hold(*SLOW_A, "10")
    world.hold(*SLOW_B, "0.04")
    world.minute(1)
    world.halt(TradingState.FLATTENING)
    world.minute(2)
    assert world.legs() == [(*SLOW_B, "DUST")]
    world.finish()
    world.minute(3)
    world.minute(4)
    assert world.legs() == [(*SLOW_B, "DUST"), ("", "", "FLAT")]
    (_, flat) = world.messages_of(LegStatus)
    assert flat.statuses[-1].detail == "but for dust: 0.04 ETH/USDT of slow"
    world.halt(TradingState.ACTIVE)
    world.minute(5)
    assert world.legs()[-1] == ("", "", "OK")


def test_an_exit_without_any_price_is_told_of() -> None:
    world = World(built())
    world.hold("slow", "GONE/USDT", "1.25")
    world.minute(1)
    world.halt(TradingState.FLATTENING)
    for minute in range(2, 5):
        world.minute(minute)
    assert world.legs() == [("slow", "GONE/USDT", "ORPHANED"), ("slow", "GONE/USDT", "NO_PRICE")]


def test_each_decision_on_an_account_that_may_not_trade_is_reported() -> None:
    world, heard = World(built()), []
    ports = world.gathering, MemoryApprovals(world.ledger)
    world.assessor = PreTradeRisk(
        world.desk, prepare(world.desk), *ports, lambda: world.now, AT_ONCE, lambda: heard.append(1)
    )
    world.minute(1)
    assert heard == []
    world.halt(TradingState.REDUCE_ONLY)
    world.minute(2)
    assert heard == [1]
