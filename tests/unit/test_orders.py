from datetime import timedelta
from decimal import Decimal
from itertools import pairwise, product

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.errors import BadInput
from fanfold.ledger import orders
from fanfold.ledger.orders import BrokenLife, OrderRecord
from fanfold.messages import OrderState
from fanfold.records import TERMINAL
from support.paper_examples import DECIDED, fill, order

APPROVED = OrderRecord(order=order())
CLAIMED = orders.claim(APPROVED, DECIDED, 5, orders.Harmless.UNSENT)
OPEN = orders.acknowledge(CLAIMED, "v1")
ENDS = sorted(TERMINAL - {OrderState.FILLED})


@pytest.mark.parametrize(("state", "to"), list(product(OrderState, OrderState)))
def test_a_step_is_taken_or_refused_as_the_table_says(state: OrderState, to: OrderState) -> None:
    if to in orders.NEXT[state]:
        assert orders.advance(state, to) is to
    else:
        with pytest.raises(BrokenLife, match=f"{state} cannot become {to}"):
            orders.advance(state, to)


def test_every_state_has_its_row_and_is_reached_from_approved() -> None:
    reached: set[OrderState] = set()
    reachable = {OrderState.APPROVED}
    while reachable != reached:
        reached = set(reachable)
        reachable |= {to for state in reached for to in orders.NEXT[state]}
    assert reached == set(OrderState) == set(orders.NEXT)


def test_no_step_leads_from_a_terminal_state_back_to_life() -> None:
    assert not any(orders.NEXT[state] & orders.LIVE for state in TERMINAL)


def test_an_order_that_may_be_at_the_venue_is_never_marked_as_not_sent() -> None:
    for state in (OrderState.OPEN, OrderState.PARTIAL, OrderState.CANCELED, OrderState.EXPIRED):
        assert not orders.NEXT[state] & {
            OrderState.REJECTED,
            OrderState.STALE,
            OrderState.BLOCKED,
            OrderState.SUBMITTING,
        }


def test_a_claim_counts_up_and_pins_the_time_of_its_request() -> None:
    assert (CLAIMED.state, CLAIMED.epoch) == (OrderState.SUBMITTING, 1)
    assert (CLAIMED.claimed_at, CLAIMED.deadline) == (DECIDED, DECIDED + timedelta(seconds=5))


def test_a_second_claim_waits_for_the_deadline_of_the_first() -> None:
    with pytest.raises(BrokenLife, match="is claimed until"):
        orders.claim(CLAIMED, DECIDED + timedelta(seconds=4), 5, orders.Harmless.UNSENT)
    again = orders.claim(CLAIMED, DECIDED + timedelta(seconds=5), 5, orders.Harmless.SAME_ORDER)
    assert (again.state, again.epoch, again.claimed_at) == (OrderState.SUBMITTING, 2, DECIDED + timedelta(seconds=5))


def test_a_claim_after_another_takes_the_proof_that_nothing_came_of_that() -> None:
    late = DECIDED + timedelta(seconds=35)
    with pytest.raises(BrokenLife, match="may have been sent under claim 1"):
        orders.claim(CLAIMED, late, 5, orders.Harmless.UNSENT)
    with pytest.raises(BrokenLife, match="may still arrive"):
        orders.absent(CLAIMED, late - timedelta(microseconds=1), 30)
    with pytest.raises(BrokenLife, match="may be at its venue"):
        orders.absent(OPEN, late, 30)
    proof = orders.absent(CLAIMED, late, 30)
    again = orders.claim(CLAIMED, late, 5, proof)
    assert (again.epoch, again.claimed_at) == (2, late)
    with pytest.raises(BrokenLife, match="may have been sent under claim 2"):
        orders.claim(again, late + timedelta(hours=1), 5, proof)


def test_a_quarantined_order_lives_on_until_its_venue_speaks() -> None:
    doubted = orders.quarantine(CLAIMED, "not found, and no fence")
    assert (doubted.state, doubted.doubt) == (OrderState.SUBMITTING, "not found, and no fence")
    assert orders.held(doubted) == orders.held(CLAIMED)
    assert orders.update((CLAIMED, doubted)).doubt == "not found, and no fence"
    for certain in (
        orders.acknowledge(doubted, "v1"),
        orders.close(doubted, OrderState.CANCELED, "it was canceled"),
        orders.fill(doubted, fill("buy", "1", "100")),
    ):
        update = orders.update((doubted, certain))
        assert (certain.doubt, update.doubt, update.doubt_ended) == ("", msgspec.UNSET, True)
        assert orders.update((certain, certain)).doubt_ended is msgspec.UNSET
    for settled in (APPROVED, orders.close(CLAIMED, OrderState.REJECTED, "r")):
        with pytest.raises(BrokenLife, match="no doubt"):
            orders.quarantine(settled, "lost")


@pytest.mark.parametrize(("after_s", "final"), [(34, False), (35, True)])
def test_not_found_is_final_only_after_the_deadline_and_the_margin(after_s: int, final: bool) -> None:
    assert orders.fenced(CLAIMED, DECIDED + timedelta(seconds=after_s), 30) is final
    assert not orders.fenced(APPROVED, DECIDED + timedelta(days=1), 30)


def test_an_acknowledgement_opens_the_order_and_again_changes_nothing() -> None:
    assert (OPEN.state, OPEN.venue_order_id) == (OrderState.OPEN, "v1")
    assert orders.acknowledge(OPEN, "v1") == OPEN


def test_an_acknowledgement_that_a_fill_overtook_only_adds_the_venues_id() -> None:
    partial = orders.fill(CLAIMED, fill("buy", "1", "100"))
    acknowledged = orders.acknowledge(partial, "v1")
    assert (acknowledged.state, acknowledged.filled, acknowledged.venue_order_id) == (
        OrderState.PARTIAL,
        Decimal(1),
        "v1",
    )


def test_two_orders_at_the_venue_for_one_of_ours_are_a_fault() -> None:
    with pytest.raises(BrokenLife, match="is v1 at its venue, and now also v2"):
        orders.acknowledge(OPEN, "v2")


def test_an_order_that_nobody_claimed_is_neither_acknowledged_nor_filled() -> None:
    with pytest.raises(BrokenLife, match="before it was claimed"):
        orders.acknowledge(APPROVED, "v1")
    with pytest.raises(BrokenLife, match="APPROVED cannot become PARTIAL"):
        orders.fill(APPROVED, fill("buy", "1", "100"))


def test_fills_add_up_to_filled() -> None:
    partial = orders.fill(OPEN, fill("buy", "0.5", "100"))
    assert (partial.state, partial.filled, partial.remaining) == (OrderState.PARTIAL, Decimal("0.5"), Decimal("1.5"))
    filled = orders.fill(partial, fill("buy", "1.5", "100"))
    assert (filled.state, filled.remaining) == (OrderState.FILLED, Decimal(0))


@pytest.mark.parametrize("quantity", ["2.01", "0", "-1"])
def test_a_fill_beyond_the_quantity_or_of_nothing_is_a_fault(quantity: str) -> None:
    with pytest.raises(BrokenLife, match="does not fit"):
        orders.fill(OPEN, fill("buy", quantity, "100"))


def test_a_fill_of_another_order_is_wrong_input() -> None:
    with pytest.raises(BadInput, match="is of order o1, not o2"):
        orders.fill(OrderRecord(order=order("o2"), state=OrderState.OPEN), fill("buy", "1", "100"))


@pytest.mark.parametrize("end", [OrderState.CANCELED, OrderState.EXPIRED])
def test_a_late_fill_counts_and_leaves_the_order_closed_until_it_is_full(end: OrderState) -> None:
    closed = orders.close(OPEN, end, "ttl")
    late = orders.fill(closed, fill("buy", "1", "100"))
    assert (late.state, late.filled, late.reason) == (end, Decimal(1), "ttl")
    assert orders.fill(late, fill("buy", "1", "100")).state is OrderState.FILLED


@pytest.mark.parametrize("end", [OrderState.REJECTED, OrderState.BLOCKED, OrderState.STALE])
def test_a_fill_of_what_the_venue_never_had_is_a_fault(end: OrderState) -> None:
    closed = orders.close(CLAIMED, end, "not found")
    with pytest.raises(BrokenLife, match=f"{end} cannot become"):
        orders.fill(closed, fill("buy", "1", "100"))


@pytest.mark.parametrize("end", ENDS)
def test_a_repeated_end_changes_nothing_and_keeps_the_first_reason(end: OrderState) -> None:
    closed = orders.close(CLAIMED, end, "first")
    assert (closed.state, closed.reason) == (end, "first")
    assert orders.close(closed, end, "second") == closed


@pytest.mark.parametrize("state", sorted(orders.LIVE | {OrderState.FILLED}))
def test_only_an_end_other_than_filled_closes(state: OrderState) -> None:
    with pytest.raises(BadInput, match=f"not closed as {state}"):
        orders.close(OPEN, state, "")


def test_a_fill_releases_its_share_and_the_last_one_all_the_rest() -> None:
    thirds = OrderRecord(order=order(quantity="3", reserved="100"), state=OrderState.OPEN)
    third = orders.fill(thirds, fill("buy", "1", "30"))
    assert orders.released(thirds, third) == Decimal("33.33333333")
    assert orders.released(third, orders.fill(third, fill("buy", "2", "30"))) == Decimal("66.66666667")


def test_a_late_fill_releases_nothing_for_nothing_is_held() -> None:
    closed = orders.close(OPEN, OrderState.CANCELED, "halt")
    assert orders.released(OPEN, closed) == Decimal(201)
    assert orders.released(closed, orders.fill(closed, fill("buy", "2", "100"))) == 0


@given(
    parts=st.lists(st.integers(1, 10**9), min_size=1, max_size=8),
    reserved=st.decimals(0, 10**9, places=10),
    closes_after=st.integers(0, 8),
)
def test_over_a_life_exactly_what_was_reserved_is_released(
    parts: list[int], reserved: Decimal, closes_after: int
) -> None:
    lots = [Decimal(part).scaleb(-4) for part in parts]
    record = OrderRecord(order=order(quantity=str(Decimal(sum(parts)).scaleb(-4)), reserved=str(reserved)))
    life = [record, orders.acknowledge(orders.claim(record, DECIDED, 5, orders.Harmless.UNSENT), "v")]
    for lot in lots[:closes_after]:
        life.append(orders.fill(life[-1], fill("buy", str(lot), "1")))
    if life[-1].state is not OrderState.FILLED:
        life.append(orders.close(life[-1], OrderState.CANCELED, "halt"))
    released = [orders.released(before, after) for before, after in pairwise(life)]
    assert min(released) >= 0
    assert sum(released) == reserved
