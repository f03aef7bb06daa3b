"""A bundle's legs are approved together or not at all: a pair with one leg is a bet on direction."""

from decimal import Decimal
from typing import Any

import pytest

from fanfold.errors import AT_ONCE
from fanfold.ledger.approvals import Approvals
from fanfold.messages import Target, TradingState
from fanfold.risk import bundles
from fanfold.risk.decision import Decision, decide
from fanfold.risk.exposure import AccountSnapshot
from fanfold.risk.policy import prepare
from fanfold.simulation.ledger_store import MemoryLedgerStore
from support.risk_desk import AT, BTC, ETH, NOW, book, desk, held, mark, target

D = Decimal
PAIR = {"strategy": "pairs"}
OLD = {BTC: mark("100", age_s=300), ETH: mark("10")}


def decided(*targets: Target, snapshot: AccountSnapshot | None = None, **limits: Any) -> Decision:
    return decide(targets, snapshot or book(), prepare(desk(PAIR, **limits)), at=AT, now=NOW)


def pair(first: float = 0.6, second: float = -0.4, name: str = "m") -> tuple[Target, Target]:
    return (target(first, instance=name, signal_id=f"{name}-a"),
            target(second, instance=name, instrument=ETH, signal_id=f"{name}-b"))  # fmt: skip


def codes(made: Decision) -> dict[str, str]:
    return {refusal.order.instrument: str(refusal.code) for refusal in made.refused}


def test_a_pair_goes_out_whole() -> None:
    made = decided(*pair())
    assert {order.instrument for order in made.approved} == {BTC, ETH}
    assert made.refused == []


@pytest.mark.parametrize(
    ("snapshot", "limits", "reasons"),
    [
        (book("spot"), {}, {ETH: "SPOT_SHORT", BTC: "BUNDLE"}),
        (book(), {"order_notional_max": D(2500)}, {BTC: "ORDER_NOTIONAL", ETH: "BUNDLE"}),
        (book(marks=OLD), {}, {BTC: "STALE_BAR", ETH: "BUNDLE"}),
        (book(marks={ETH: mark("10")}), {}, {BTC: "MISSING_DATA", ETH: "BUNDLE"}),
        (book(), {"orders_per_minute_max": 1}, {BTC: "BUNDLE", ETH: "ORDER_RATE"}),
        (book(), {"gross_max": D("0.4")}, {BTC: "BUNDLE", ETH: "GROSS_EXPOSURE"}),
        (book(held={("m", BTC): held("0", "-1")}), {}, {BTC: "OPPOSING_ORDER", ETH: "BUNDLE"}),
        (book(trading_state=TradingState.REDUCE_ONLY), {}, {BTC: "KILL_STATE", ETH: "KILL_STATE"}),
    ],
)
def test_if_one_leg_is_refused_the_other_is_held_with_the_reason(
    snapshot: AccountSnapshot, limits: dict[str, Any], reasons: dict[str, str]
) -> None:
    made = decided(*pair(name="s" if snapshot.account == "spot" else "m"), snapshot=snapshot, **limits)
    assert (made.approved, codes(made)) == ([], reasons)
    untouched = decided(snapshot=snapshot, **limits).book
    assert (made.book.held, made.book.orders_in_minute, made.book.reserved) == (
        untouched.held, untouched.orders_in_minute, untouched.reserved
    )  # fmt: skip


def test_a_leg_too_small_for_the_venue_keeps_the_other_back() -> None:
    made = decided(*pair(0.9995, -0.0005))
    assert (made.approved, codes(made), made.too_small) == ([], {BTC: "BUNDLE"}, [("m", ETH)])
    (refusal,) = made.refused
    assert refusal.detail == "bundle m goes out whole or not at all: a leg that cannot be ordered"


def test_a_leg_that_is_on_target_needs_no_order() -> None:
    made = decided(*pair(), snapshot=book(cash=D(7000), held={("m", BTC): held("30")}))
    assert [order.instrument for order in made.approved] == [ETH]


def test_a_bundle_that_only_closes_goes_out_leg_by_leg() -> None:
    own = {("m", BTC): held("30"), ("m", ETH): held("-0.4", price="10")}
    made = decided(*pair(0.0, 0.0), snapshot=book(cash=D(7000), held=own))
    assert ([order.instrument for order in made.approved], made.dust) == ([BTC], [("m", ETH)])


def test_targets_of_any_strategy_can_name_their_bundle() -> None:
    legs = [target(0.5, signal_id="a", bundle="x"), target(0.9, instrument=ETH, signal_id="b", bundle="x"),
            target(0.1, instance="n", signal_id="c")]  # fmt: skip
    made = decide(legs, book(), prepare(desk(order_notional_max=D(2000))), at=AT, now=NOW)
    assert [order.instance for order in made.approved] == ["n"]
    assert codes(made) == {ETH: "ORDER_NOTIONAL", BTC: "BUNDLE"}


def test_reductions_come_before_bundles_and_no_bundle_is_cut() -> None:
    own = {("n", BTC): held("30")}
    made = decided(*pair(), *pair(0.0, 0.0, name="n"), snapshot=book(cash=D(7000), held=own))
    assert [(order.instance, order.reduce_only) for order in made.approved] == [("n", True), ("m", False), ("m", False)]
    assert [len(unit) for unit in bundles.units(made.approved, made.bundles)] == [1, 2]


def test_a_bundle_of_more_orders_than_one_write_takes_is_held_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Approvals(MemoryLedgerStore(lambda _messages: None), AT_ONCE).orders_max >= bundles.BUNDLE_ORDERS_MAX
    monkeypatch.setattr(bundles, "BUNDLE_ORDERS_MAX", 1)
    made = decided(*pair())
    assert (made.approved, codes(made)) == ([], {BTC: "BUNDLE", ETH: "BUNDLE"})
    assert made.refused[0].detail.endswith(": it has 2 orders, and may have 1")
