"""Each leg of a bundle meets each fault of the simulated exchange: the bundle is whole afterwards, or it is closed.

In each case the leg's first request meets the fault, or all of its requests do.
"""

import re
from collections.abc import Sequence
from decimal import Decimal

import pytest

from fanfold.exchange.faults import FAULTS
from fanfold.messages import OrdersApproved, TradingState
from support.bundle_desk import ALLOCATION, CASH, LEGS, BundleDesk, bundle_desk

WEIGHT = 0.3
# Within the desk's band; some is held back for what an order costs beyond its price.
NEAR = Decimal("0.05")
# Two bars, and the decision that first sees the bundle uneven; then its legs are closed.
UNEVEN_MINUTES_MAX = 3
MINUTES = 8
ONCE, ALWAYS = 1, 99
# A fault that meets cancels has a test of its own.
PLACING = [name for name, fault in FAULTS.items() if fault.meets != "cancels"]
# An order of the leg never comes to the exchange, or is refused, as long as the fault lasts.
NEVER_ACCEPTED = {"reply_lost_before", "html_403", "rate_limit_storm", "maintenance", "symbol_halt"}
# Whether a late request is still in its window, or the exchange's clock is behind or ahead, is up to the dice.
DICED = {"late_arrival", "clock_skew"}
# Nothing at first, then uneven, then whole or closed for good.
COURSE = re.compile(rf"(closed )*(uneven ){{0,{UNEVEN_MINUTES_MAX}}}((whole )+|(closed )+)")


def held_shares(traded: BundleDesk) -> list[Decimal]:
    """Return what is held of each leg as a share of what is wanted, by the last prices."""
    wanted = Decimal(str(WEIGHT)) * ALLOCATION * CASH / len(LEGS)
    marks = {leg: traded.price(leg) for leg in LEGS}
    return [quantity * marks[leg] / wanted for leg, quantity in traded.held().items()]


def is_whole(shares: Sequence[Decimal]) -> bool:
    return all(abs(share - 1) < NEAR for share in shares)


def is_closed(shares: Sequence[Decimal]) -> bool:
    """Return whether no leg holds more than dust, which its venue takes no order for."""
    return all(0 <= share < Decimal("0.001") for share in shares)


def course(traded: BundleDesk) -> list[str]:
    """Let minutes pass, and return what the bundle is at the end of each: whole, closed or uneven."""
    seen = []
    for _ in range(MINUTES):
        traded.minute()
        shares = held_shares(traded)
        seen.append("whole" if is_whole(shares) else "closed" if is_closed(shares) else "uneven")
    return seen


@pytest.mark.parametrize("leg", LEGS)
@pytest.mark.parametrize("count", [ONCE, ALWAYS])
@pytest.mark.parametrize("fault", PLACING)
def test_a_leg_that_meets_a_fault_leaves_its_bundle_whole_or_closed(fault: str, count: int, leg: str) -> None:
    with bundle_desk() as traded:
        traded.arm(fault, leg, count)
        traded.want(WEIGHT)
        seen, compared = course(traded), traded.compared()
    assert compared.violations == []
    assert compared.awaited == []
    assert compared.faults[fault] >= 1
    assert compared.at_exchange == compared.approved - sum(compared.absent.values())
    assert COURSE.fullmatch("".join(f"{state} " for state in seen)), seen
    if fault == "delisting" or (fault in NEVER_ACCEPTED and count == ALWAYS):
        assert seen[-1] == "closed"
    elif fault not in DICED or count == ONCE:
        assert seen[-1] == "whole"


@pytest.mark.parametrize("leg", LEGS)
def test_a_leg_that_fills_after_its_cancel_where_entries_are_barred_is_closed_at_the_next_decision(leg: str) -> None:
    with bundle_desk("post-only") as traded:
        traded.arm("fill_after_cancel", leg, ONCE, "DELETE")
        traded.want(WEIGHT)
        assert is_closed(held_shares(traded))
        traded.set_trading_state(traded.state(TradingState.REDUCE_ONLY))
        seen, compared = course(traded), traded.compared()
        approvals = [message.orders for message in traded.published if isinstance(message, OrdersApproved)]
    assert compared.violations == []
    assert compared.faults == {"fill_after_cancel": 1}
    entries, (exit_,) = approvals
    assert [order.instrument for order in entries] == list(LEGS)
    assert (exit_.instrument, exit_.side, exit_.reduce_only) == (leg, "sell", True)
    assert seen == ["closed"] * MINUTES
