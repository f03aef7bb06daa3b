"""Days on end of all five services: no bar is missed, and every day is closed. ``make soak`` runs a month."""

import sys
import time

from fanfold.simulation.schedules.soak import soak
from fanfold.simulation.schedules.whole_desk import KINDS

MONTH = 30


def test_two_days_are_closed_and_every_law_holds() -> None:
    result = soak(0, 2)
    assert result.broken == []
    # The hours that heal belong to a third day.
    assert result.closed == result.days + 1
    assert result.kinds_of_a_day > len(KINDS) * 2 / 3
    assert result.published > 0.95 * result.due
    assert min(result.orders, result.fills) > 50


def show(seed: int, days: int) -> bool:
    """Run a soak, print its figures, and return whether every law held."""
    began = time.process_time()
    result = soak(seed, days)
    seconds = time.process_time() - began
    faults = result.faults
    lines = [
        f"{days} days of seed {seed} in {seconds:.0f} s of a core; {result.closed} days closed",
        f"{result.due} bars due, {result.published} published, the rest reported, {result.missed} missed",
        f"{result.messages} messages, {result.orders} orders, {result.fills} fills",
        f"{faults.total()} faults of {len(faults)} kinds, at least {result.kinds_of_a_day} kinds a day",
        *result.broken,
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return not result.broken


if __name__ == "__main__":
    sys.exit(not show(*map(int, sys.argv[1:3] or (0, MONTH))))
