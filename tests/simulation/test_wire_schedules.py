"""The desk's orders through ccxt to the simulated exchange, under every fault of either: every law holds.

``make wire`` runs more seeds, and prints what they reached.
"""

import sys
import time
from collections import Counter
from typing import Any

import pytest
import wire_schedules
from protocol_mutants import MUTANTS, without
from test_mutants import Guard
from wire_schedules import FAULTS, PAUSES, PLACING, broken

from fanfold.venues.ccxt.keyed import KeyedClient
from fanfold.venues.ccxt.pace import Pace

SCHEDULES, PART, KILLED_WITHIN = 150, 50, 100


def _stamped_by_ccxt(send: Any) -> Any:
    """Let ccxt stamp an order with the time at which it signs it."""
    return lambda client, native, fence, late: send(client, native, fence._replace(stamp_ms=0), late)


# Guards of the desk, and of the adapter, and the law that sees each of them gone.
WITHOUT = {
    "requests_carry_the_time_of_their_claim": [Guard(KeyedClient, "send", _stamped_by_ccxt)],
    "what_is_at_the_venue_was_approved_and_is_known_to_be_there": MUTANTS["the venue is sent half"],
    # Few schedules meet a demand to pause: here every fault of an exchange is one.
    PAUSES.name: [
        Guard(Pace, "_check", lambda _was: lambda _pace: None),
        Guard(wire_schedules, "PLACING", lambda _was: ["rate_limit_storm"]),
    ],
}


@pytest.mark.parametrize("first", range(0, SCHEDULES, PART))
def test_every_law_holds_of_orders_that_go_through_ccxt(first: int) -> None:
    breaches = {seed: breach for seed in range(first, first + PART) if (breach := broken(seed)[1])}
    assert breaches == {}


@pytest.mark.parametrize("law", WITHOUT)
def test_a_law_sees_the_missing_guard_through_ccxt(law: str) -> None:
    with without(WITHOUT[law]):
        assert any(breach.startswith(law) for seed in range(KILLED_WITHIN) for breach in broken(seed)[1])


def show(first: int, count: int) -> bool:
    """Run schedules, print what they reached, and return whether every law held."""
    began, counts, breaches, sent, trades = time.process_time(), Counter[str](), list[str](), 0, 0
    for seed in range(first, first + count):
        world, wrong = broken(seed)
        counts.update(world.reached.keys())
        sent, trades = sent + len(world.exchange.sent), trades + len(world.exchange.box.exchange.trades)
        breaches += [f"seed {seed}: {breach}" for breach in wrong]
    seconds = time.process_time() - began
    lines = [
        f"{count} schedules from seed {first} in {seconds:.0f} s of a core, {len(breaches)} violations",
        f"{sent} requests traded, {trades} trades",
        *(f"{counts[f'at the exchange: {FAULTS[name].about}']:>6}  {FAULTS[name].about}" for name in PLACING),
        *breaches,
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return not breaches


if __name__ == "__main__":
    sys.exit(not show(*map(int, sys.argv[1:3] or (0, SCHEDULES))))
