"""The clocks of a schedule: that of the world, and those of processes, which may be off, and step back."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

from fanfold.simulation.schedules.faults import FaultDice

# By how much a clock may be off once faults are over: a venue refuses a request that is some seconds older.
OFF_MAX_S = 2.0


# A process reads its clock several times between two steps.
@lru_cache(maxsize=1_024)
def moment(epoch_s: float) -> datetime:
    return datetime.fromtimestamp(epoch_s, UTC)


def of_a_process(now: Callable[[], float], draw: Callable[[], float], faults: FaultDice) -> Callable[[], datetime]:
    """Return the clock of a new process; ``draw`` says by how much it is off.

    It steps back under faults, as often as they come; once they are over, it is at most ``OFF_MAX_S`` behind.
    """
    offset = 2 * OFF_MAX_S * draw() - OFF_MAX_S if faults.hit("skew") else 0.0

    def clock() -> datetime:
        nonlocal offset
        if faults.hit("backward"):
            offset -= 1
        if not faults.on:
            offset = max(offset, -OFF_MAX_S)
        return moment(now() + offset)

    return clock
