"""One schedule of a seed from its beginning to its verdict."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from greenlet import greenlet

from fanfold.simulation.schedules.faults import KINDS, Hit
from fanfold.simulation.schedules.laws import LIVE_LAWS, PAPER_LAWS
from fanfold.simulation.schedules.laws import broken as breaches_of
from fanfold.simulation.schedules.one_order import OneOrder
from fanfold.simulation.schedules.outcome import Outcome
from fanfold.simulation.schedules.reached import reached
from fanfold.simulation.schedules.world import NoEnd


class ScheduleResult(NamedTuple):
    """The end of a schedule: what it broke, the faults that came, the rare states that it reached, its trace.

    ``trace`` is a digest of every call and fault, "" where it was not asked for.
    """

    seed: int
    broken: list[str]
    hits: tuple[Hit, ...]
    reached: Counter[str]
    trace: str
    story: tuple[str, ...] = ()


class PartOfPairs(NamedTuple):
    """A part of a whole that is divided into so many; the first is number 1."""

    number: int
    of: int


def run(
    seed: int,
    *,
    kinds: Sequence[str] = tuple(KINDS),
    listed: Sequence[Hit] | None = None,
    traced: bool = False,
    narrated: bool = False,
    stacks: list[greenlet] | None = None,
) -> ScheduleResult:
    """Run the schedule of a seed, with faults of some kinds, or with the listed ones alone.

    It takes the stacks of its processes from ``stacks``, and leaves there those that are free in the end.
    """
    world = OneOrder.of(seed, kinds=tuple(kinds), listed=None if listed is None else tuple(listed), traced=traced)
    world.story = [] if narrated else None
    if stacks is not None:
        world.stacks = stacks
    broken, counts = _judged(world)
    trace = world.faults.trace() if traced else ""
    result = ScheduleResult(seed, broken, tuple(world.faults.hits), counts, trace, tuple(world.story or ()))
    # Its parts know the world: without it they are freed at once, and not by a search for cycles.
    vars(world).clear()
    return result


def _judged(world: OneOrder) -> tuple[list[str], Counter[str]]:
    try:
        world.run()
    except NoEnd as endless:
        return [f"comes_to_an_end: {endless}"], Counter()
    outcome = Outcome(world)
    laws = LIVE_LAWS if world.variant.mode == "live" else PAPER_LAWS
    return breaches_of(outcome, laws), reached(outcome)


def chances(seed: int, kinds: Sequence[str] = tuple(KINDS), listed: tuple[Hit, ...] = ()) -> list[Hit]:
    """Return each fault that could come in the schedule of a seed, if none but the listed came."""
    world = OneOrder.of(seed, kinds=tuple(kinds), listed=listed)
    world.faults.every_chance = []
    world.run()
    return world.faults.every_chance


def run_singly(seed: int, kinds: Sequence[str] = tuple(KINDS)) -> tuple[int, list[ScheduleResult]]:
    """Run the schedule of a seed with each of its faults alone; return how many they are, and what broke a law."""
    single = chances(seed, kinds)
    results = [run(seed, kinds=kinds, listed=[hit]) for hit in single]
    return len(single), [result for result in results if result.broken]


def firsts(seed: int, part: PartOfPairs, kinds: Sequence[str] = tuple(KINDS)) -> list[Hit]:
    """Return the faults of a part that may come first in the schedule of a seed."""
    return chances(seed, kinds)[part.number - 1 :: part.of]


def run_in_pairs(seed: int, first: Hit, kinds: Sequence[str] = tuple(KINDS)) -> tuple[int, list[ScheduleResult]]:
    """Run the schedule of a seed with one fault, and each that could follow; return how many, and what broke a law."""
    # Chances are numbered within their kind: what follows is told by the order in which they come.
    possible = chances(seed, kinds, (first,))
    seconds = possible[possible.index(first) + 1 :]
    results = [run(seed, kinds=kinds, listed=(first, second)) for second in seconds]
    return len(seconds), [result for result in results if result.broken]


def run_all(seeds: Sequence[int], kinds: Sequence[str] = tuple(KINDS)) -> tuple[list[ScheduleResult], Counter[str]]:
    """Run the schedules of many seeds; return the verdicts of those that broke a law, and a count of rare states."""
    counts, failed = Counter[str](), list[ScheduleResult]()
    # To begin and end those of each schedule would take a hundredth of its time.
    stacks = list[greenlet]()
    for seed in seeds:
        verdict = run(seed, kinds=kinds, stacks=stacks)
        counts.update(verdict.reached)
        failed += [verdict] if verdict.broken else []
    return failed, counts
