"""Shrink a schedule that breaks a law: the fewest faults that still break it."""

from collections.abc import Sequence

from fanfold.simulation.schedules.faults import Hit
from fanfold.simulation.schedules.schedule import ScheduleResult, run


def shrunk(verdict: ScheduleResult) -> tuple[Hit, ...]:
    """Return faults of a verdict, none of which can be left out without the schedule keeping the law.

    Halves are left out first, then quarters, down to single faults; each try is a whole run.
    """
    laws = _laws(verdict)
    kept = tuple(verdict.hits)
    size = max(1, len(kept) // 2)
    while True:
        start, smaller = 0, False
        while start < len(kept):
            tried = kept[:start] + kept[start + size :]
            if _breaks(verdict.seed, tried, laws):
                kept, smaller = tried, True
            else:
                start += size
        if size == 1 and not smaller:
            return kept
        size = max(1, size // 2)


def _breaks(seed: int, listed: Sequence[Hit], laws: set[str]) -> bool:
    return bool(laws & _laws(run(seed, listed=listed)))


def _laws(verdict: ScheduleResult) -> set[str]:
    return {breach.partition(":")[0] for breach in verdict.broken}
