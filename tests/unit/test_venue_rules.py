"""A real venue changes tick, lot or limits of an instrument: the desk goes by them from then on, and says so."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution_service.real import RealAccount
from fanfold.desk import Instrument
from fanfold.errors import AT_ONCE
from fanfold.ledger.bookings import Bookings
from fanfold.ledger.changes import KeepRules
from fanfold.ledger.real_changes import changes_of
from fanfold.messages import LegStatus, OrderState
from fanfold.risk.policy import prepare
from fanfold.risk.venue_rules import RulesInForce, in_force
from fanfold.strategy.contract import Protected
from fanfold.trading.terms import TERMS
from support.core_desk import A, B, small_desk
from support.real_world import RealWorld, laws, order
from support.resting_world import LEG, RestingWorld
from support.risk_world import World, built

D = Decimal
WRITTEN = small_desk().instruments[A]
CURE = "orders keep to it; run `fanfold desk check --refresh --write` and deploy"
STEPS = st.sampled_from(["0.001", "0.01", "0.05", "0.1", "0.25", "1", "3"]).map(D)
AMOUNTS = st.sampled_from(["0", "0.005", "1", "20"]).map(D)


def stated(**changes: str) -> Instrument:
    """The rules that the venue states: the desk file's, with changes."""
    return msgspec.structs.replace(WRITTEN, **{name: D(value) for name, value in changes.items()})


def changed(world: RealWorld, **changes: str) -> None:
    world.venue.listed[A] = msgspec.structs.replace(world.venue.listed[A], **{n: D(v) for n, v in changes.items()})


def rules_of(world: RealWorld) -> dict[str, RulesInForce]:
    return world.ledger.real_money("main").rules


def placed(world: RealWorld, name: str, price: str, quantity: str = "2") -> None:
    terms: dict[str, Any] = {"kind": "limit", "limit_price": price, "time_in_force": "ioc"}
    world.account().place(world.approve(order(name, quantity=quantity, decided_at=world.now, **terms)))


@pytest.mark.parametrize(
    ("changes", "figures"),
    [
        ({"tick": "0.1"}, {"tick": "0.1"}),
        ({"lot": "0.01"}, {"lot": "0.01"}),
        ({"tick": "0.003"}, {"tick": "0.003"}),
        ({"notional_min": "10"}, {"notional_min": "10"}),
        ({"amount_min": "0.5"}, {"amount_min": "0.5"}),
        ({"tick": "0.1", "amount_max": "7"}, {"tick": "0.1", "amount_max": "7"}),
    ],
)
def test_a_stricter_rule_of_the_venue_counts(changes: dict[str, str], figures: dict[str, str]) -> None:
    counts = in_force("v", A, WRITTEN, stated(**changes))
    assert counts is not None
    assert counts.rules == stated(**figures)
    assert CURE in counts.reason


@pytest.mark.parametrize(
    "changes",
    [{}, {"tick": "0.001"}, {"lot": "0.0005"}, {"notional_min": "1"}, {"amount_min": "0.001"}, {"amount_max": "9000"}],
)
def test_an_equally_strict_rule_of_the_desk_file_counts(changes: dict[str, str]) -> None:
    assert in_force("v", A, WRITTEN, stated(**changes)) is None


@given(written=st.tuples(STEPS, STEPS, AMOUNTS, AMOUNTS), venue=st.tuples(STEPS, STEPS, AMOUNTS, AMOUNTS))
def test_an_order_by_the_rules_in_force_is_one_that_the_venue_takes(
    written: tuple[Decimal, ...], venue: tuple[Decimal, ...]
) -> None:
    names = ("tick", "lot", "notional_min", "amount_min")
    file, now = (msgspec.structs.replace(WRITTEN, **dict(zip(names, rules, strict=True))) for rules in (written, venue))
    counts = in_force("v", A, file, now)
    rules = counts.rules if counts else file
    assert rules.tick % now.tick == 0
    assert rules.lot % now.lot == 0
    assert rules.notional_min >= max(now.notional_min, file.notional_min)
    assert max(rules.amount_min, rules.lot) >= now.amount_min


def test_an_order_that_the_venue_finds_unfit_brings_its_new_rules_and_the_next_one_fills() -> None:
    world = RealWorld()
    world.sweep()
    changed(world, tick="0.1")
    placed(world, "a", "100.01")
    assert world.record("a").state is OrderState.REJECTED
    assert "v has for BTC/USDT tick 0.1 where the desk file has 0.01" in world.record("a").reason
    assert rules_of(world)[A].rules.tick == D("0.1")
    assert world.events.count("a venue's rules changed") == 1
    placed(world, "b", "100.1")
    world.heal()
    assert world.record("b").state is OrderState.FILLED
    assert laws(world) == []


def test_other_refusals_ask_for_no_rules() -> None:
    world = RealWorld()
    changed(world, tick="0.1")
    world.venue.faults = ["rejected"]
    placed(world, "a", "100.1")
    assert (world.record("a").state, rules_of(world)) == (OrderState.REJECTED, {})


def test_a_cold_start_and_a_plan_see_a_change_that_no_order_met_and_a_second_look_nothing() -> None:
    world = RealWorld()
    world.sweep()
    changed(world, lot="0.1")
    (planned,) = world.account().plan()
    assert planned.startswith(f"KeepRules: {A}, v has for {A} lot 0.1")
    assert rules_of(world) == {}
    (finding,) = world.account().reconcile()
    assert (finding, world.account().reconcile(), rules_of(world)[A].rules.lot) == (
        rules_of(world)[A].reason,
        [],
        D("0.1"),
    )


def test_a_change_that_is_taken_back_leaves_the_desk_file_in_force() -> None:
    world = RealWorld()
    changed(world, tick="0.1")
    world.account().reconcile()
    changed(world, tick="1")
    world.account().reconcile()
    assert rules_of(world)[A].rules.tick == 1
    changed(world, tick="0.01")
    assert world.account().reconcile() == [f"v takes the desk file's rules of {A} again"]
    assert rules_of(world) == {}


def test_a_delisted_instrument_is_frozen_until_it_returns_and_others_go_on() -> None:
    world = RealWorld()
    world.sweep()
    gone = world.venue.listed.pop(A)
    placed(world, "a", "100")
    assert world.record("a").state is OrderState.REJECTED
    assert world.ledger.real_money("main").frozen == {(A, "listing"): f"v does not list {A} any more"}
    world.venue.listed[A] = gone
    assert world.account().reconcile() == [f"v lists {A} again"]
    assert world.ledger.real_money("main").frozen == {}


class CachedVenue:
    """The venue as one process knows it: rules are read again where they are older than asked for."""

    def __init__(self, world: RealWorld) -> None:
        self._world, self._venue = world, world.venue
        self.reads = 0
        self._read()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._venue, name)

    def rules(self, instrument: str, since: datetime) -> Instrument | None:
        if self._loaded_at < since:
            self._read()
        return self._listed.get(instrument)

    def _read(self) -> None:
        self._listed, self._loaded_at = dict(self._venue.listed), self._world.now
        self.reads += 1


def process(world: RealWorld) -> tuple[RealAccount, CachedVenue]:
    """A process of its own, which stays up."""
    venue: Any = CachedVenue(world)
    ledger = Bookings(world.ledger.store, AT_ONCE, beside=changes_of(world.desk))
    return RealAccount("main", world.desk, ledger, venue, lambda: world.now, world.events), venue


def test_a_process_that_knows_the_venue_as_it_was_before_takes_nothing_back() -> None:
    world = RealWorld()
    (sender, _), (sweeper, swept) = process(world), process(world)
    sweeper.reconcile()
    world.wait(60)
    changed(world, tick="0.1")
    terms: dict[str, Any] = {"kind": "limit", "limit_price": "100.01", "time_in_force": "ioc"}
    sender.place(world.approve(order("a", decided_at=world.now, **terms)))
    for _ in range(3):
        world.wait(60)
        assert sweeper.reconcile() == []
    assert (rules_of(world)[A].rules.tick, swept.reads) == (D("0.1"), 2)
    gone = world.venue.listed.pop(A)
    world.wait(60)
    sender.place(world.approve(order("b", decided_at=world.now, **terms)))
    for _ in range(3):
        world.wait(60)
        assert sweeper.reconcile() == []
    assert ((A, "listing") in world.ledger.real_money("main").frozen, swept.reads) == (True, 3)
    world.venue.listed[A] = gone
    world.wait(3_600)
    assert sweeper.reconcile() == [f"v lists {A} again"]


def test_a_silent_venue_leaves_the_rejection_as_it_is() -> None:
    world = RealWorld()
    changed(world, tick="0.1")
    approval = world.approve(order("a", kind="limit", limit_price="100.01", time_in_force="ioc"))
    world.venue.silent = True
    world.account().place(approval)
    assert world.record("a").reason == "its venue rejected it: -1013 as the venue says"
    assert "the venue's rules are not known" in world.events


def keep(world: World, **changes: str) -> None:
    counts = in_force("v", A, world.desk.instruments[A], stated(**changes))
    assert counts is not None
    world.ledger.store.commit([KeepRules("main", A, counts)])


def test_risk_prices_and_sizes_by_the_venues_rules_and_tells_of_them_once_a_change() -> None:
    world = World(built())
    keep(world, tick="0.1", lot="0.1")
    world.minute(1, {("slow", A): 0.1234, ("slow", B): 0.1234}, a=100.07)
    coarse, fine = sorted(world.finish(), key=lambda each: each.instrument)
    assert coarse.limit_price is not None
    assert (coarse.limit_price % D("0.1"), coarse.quantity % D("0.1")) == (0, 0)
    assert fine.quantity % D("0.1") != 0
    world.minute(2, {("slow", A): 0.1234})
    keep(world, tick="1", lot="0.1")
    world.minute(3, {("slow", A): 0.5})
    states = [state for message in world.messages_of(LegStatus) for state in message.statuses]
    assert [(state.instrument, str(state.code)) for state in states] == [(A, "RULES_CHANGED")] * 2
    assert "tick 0.1 where the desk file has 0.01, lot 0.1" in states[0].detail
    assert "tick 1 where the desk file has 0.01" in states[1].detail


def test_a_position_off_the_new_lot_is_closed_but_for_dust_which_is_told() -> None:
    world = World(built())
    world.hold("slow", A, "1.234")
    keep(world, lot="0.1")
    world.minute(1, {("slow", A): 0.0})
    (exit_,) = world.finish()
    assert (exit_.side, exit_.quantity, exit_.reduce_only) == ("sell", D("1.2"), True)
    world.minute(2)
    world.minute(3)
    assert world.approved() == [("sell", A, D("1.2"))]
    assert world.legs()[-1] == ("slow", A, "DUST")


def test_an_instrument_that_the_desk_file_lost_is_closed_by_the_venues_rules() -> None:
    policy = prepare(built()).accounts["main"]
    rules = msgspec.structs.replace(WRITTEN, tick=D("0.5"), lot=D("0.2"))
    own = policy.under({"OLD/USDT": RulesInForce(rules=rules, reason="gone from the desk file")})
    closing = own.exit(("slow", "OLD/USDT"), D("1.23"), D("7.123"))
    assert (closing.tick, closing.lot, closing.order) == (D("0.5"), D("0.2"), "market")
    assert own.legs == policy.legs


@pytest.mark.parametrize("exchange", TERMS)
def test_an_answer_that_asks_for_rules_is_a_definitive_rejection(exchange: str) -> None:
    terms = TERMS[exchange]
    assert terms.unfit
    assert terms.unfit <= terms.rejections
    assert terms.unauthorised <= terms.rejections - terms.unfit


def test_a_stop_that_rests_at_the_venue_is_on_its_new_steps_and_stays_where_it_is() -> None:
    world = RestingWorld()
    world.minute(1, {LEG: Protected(0.5, stop=0.02)}, a=100.03)
    world.venue.listed[A] = stated(tick="1", lot="0.1")
    world.minute(2, a=100.03)
    (stop,) = world.stops
    prices = [stop.order.stop_price, stop.order.limit_price]
    assert all(price is not None and price % 1 == 0 for price in prices)
    assert stop.order.quantity % D("0.1") == 0
    assert 0 <= world.held - stop.order.quantity < D("0.1")
    world.minute(3, a=100.5)
    assert [each.order.order_id for each in world.stops] == [stop.order.order_id]
