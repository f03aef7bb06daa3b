"""One day of all five services, of a seed, from its beginning to its verdict."""

from collections import Counter
from collections.abc import Sequence
from random import Random

from fanfold.messages import BarsClosed
from fanfold.simulation.schedules.faults import Hit
from fanfold.simulation.schedules.laws import LIVE_LAWS, OF_A_NEIGHBOUR, OF_FIVE_SERVICES, PAPER_LAWS, broken
from fanfold.simulation.schedules.outcome import Outcome
from fanfold.simulation.schedules.schedule import ScheduleResult
from fanfold.simulation.schedules.two_accounts import TwoAccounts
from fanfold.simulation.schedules.whole_desk import KINDS, FiveServices, WholeDesk, WholeLiveDesk
from fanfold.simulation.schedules.world import NoEnd

# Of so many days one has a live account.
LIVE = 3


def world_of(
    seed: int, *, kinds: Sequence[str] = KINDS, listed: Sequence[Hit] | None = None, traced: bool = False
) -> FiveServices:
    """Return the world of a seed, on paper or with a live account, before its day."""
    kind = WholeLiveDesk if Random(f"account {seed}").randrange(LIVE) == 0 else WholeDesk
    return kind(seed, kinds=tuple(kinds), listed=None if listed is None else tuple(listed), traced=traced)


def run_day(
    seed: int,
    *,
    kinds: Sequence[str] = KINDS,
    listed: Sequence[Hit] | None = None,
    traced: bool = False,
    narrated: bool = False,
) -> ScheduleResult:
    """Run the day of a seed, with faults of some kinds, or with the listed ones alone."""
    world = world_of(seed, kinds=kinds, listed=listed, traced=traced)
    world.story = [] if narrated else None
    try:
        breaches = judged(world.run())
    except NoEnd as endless:
        breaches = [f"comes_to_an_end: {endless}"]
    trace, kinds_hit = world.faults.trace() if traced else "", Counter({hit.kind for hit in world.faults.hits})
    return ScheduleResult(seed, breaches, tuple(world.faults.hits), kinds_hit, trace, tuple(world.story or ()))


def judged(world: FiveServices) -> list[str]:
    """Return every breach of a law in a day that is over."""
    outcome = Outcome(world)
    breaches = broken(outcome, OF_FIVE_SERVICES)
    # The laws of limits ask for marks: those that the desk had, not those of the venue.
    world.market.publish(outcome.messages_of(BarsClosed))
    breaches += broken(outcome, LIVE_LAWS if isinstance(world, WholeLiveDesk) else PAPER_LAWS)
    if isinstance(world, TwoAccounts):
        breaches += broken(Outcome(world, world.neighbour), (*PAPER_LAWS, *OF_A_NEIGHBOUR))
    return breaches
