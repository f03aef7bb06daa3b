"""Laws of bars: what the venue has is published or reported, nothing is invented, and strategies use nothing else."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import NamedTuple

from fanfold.market import bars
from fanfold.market.bars import Bar
from fanfold.market.quality import DefectKind
from fanfold.messages import BarsClosed, DataDefect, Targets
from fanfold.simulation.queues import Waiting
from fanfold.simulation.schedules.bar_source import SeededSource
from fanfold.simulation.schedules.market import A, B
from fanfold.simulation.schedules.outcome import Outcome

# How many closes the moving averages of a desk day are made of, by strategy instance.
SLOW = {"one": 3, "two": 2}


class PublishedBar(NamedTuple):
    """A bar as it was published, and whether somebody had asked for it."""

    instrument: str
    bar: Bar
    requested: bool


class ReportedDefect(NamedTuple):
    """A reported defect, and the last close (epoch seconds) that it may be of."""

    defect: DataDefect
    until: int


def every_bar_is_published_or_reported(outcome: Outcome) -> Iterator[str]:
    """Each bar that is due is published, or a report of defects covers it."""
    published = {(entry.instrument, entry.bar.closes_at_s) for entry in _published(outcome)}
    source, reported = _source(outcome), list(_reported(outcome))
    first = _first_closes(published)
    for name, closes_at_s in source.versions:
        # What the venue did not have yet, or never, when the first bar of an instrument closed is no hole in it.
        is_due = closes_at_s > first[name] or any(
            had.since <= first[name] for had in source.versions[name, closes_at_s]
        )
        if is_due and (name, closes_at_s) not in published and not _is_covered(name, closes_at_s, reported):
            yield f"the bar of {name} that closes at {closes_at_s} is neither published nor reported"


def bars_that_the_venue_had_in_time_are_published(outcome: Outcome) -> Iterator[str]:
    """Each bar that the venue had from its close on is published, from the first one on, if it does not jump."""
    source, published = _source(outcome), {(entry.instrument, entry.bar) for entry in _published(outcome)}
    # A first poll reaches back as far as strategies do, and no further.
    first = _first_closes((name, bar.closes_at_s) for name, bar in published)
    jumps = [report for report in _reported(outcome) if report.defect.defect in (DefectKind.JUMP, DefectKind.OUTLIER)]
    for name, closes_at_s in source.versions:
        versions = source.versions[name, closes_at_s]
        is_due = closes_at_s > first[name] and source.whole(name, closes_at_s)
        if is_due and (name, versions[0].bar) not in published and not _is_covered(name, closes_at_s, jumps):
            yield f"the bar of {name} that closes at {closes_at_s} was there, and is not published"


def no_bar_is_invented(outcome: Outcome) -> Iterator[str]:
    """Each bar that is published is one that the venue had."""
    versions = _source(outcome).versions
    for entry in _published(outcome):
        known = versions.get((entry.instrument, entry.bar.closes_at_s), [])
        if entry.bar not in [version.bar for version in known]:
            yield f"{entry.instrument} {entry.bar} is published, and the venue never had it"


def strategies_decide_by_published_bars_up_to_their_time(outcome: Outcome) -> Iterator[str]:
    """A signal follows from the bars that were published up to its time, each as it was published first."""
    closes: dict[str, list[tuple[int, int]]] = {A: [], B: []}
    if _dead_letters(outcome, "signal"):
        return  # Whether such bars were read before they were given up, nobody can say.
    for message in outcome.unique.values():
        if isinstance(message, BarsClosed):
            _take(message, closes)
        elif isinstance(message, Targets):
            yield from _wrong_targets(message, closes)


def no_leg_is_left_behind(outcome: Outcome) -> Iterator[str]:
    """Each leg of a strategy decides by the last bar once faults are over, whatever befell it or another."""
    last = max(closes_at_s for _, closes_at_s in _source(outcome).versions)
    decided = {
        (target.instance, target.instrument)
        for message in outcome.messages_of(Targets)
        if int(message.at.timestamp()) == last
        for target in message.targets
    }
    strategies = outcome.world.desk.strategies
    legs = {(name, instrument) for name in SLOW for instrument in strategies[name].instruments}
    yield from (f"{leg} does not decide by the last bar" for leg in sorted(legs - decided))


def nothing_is_changed_by_repeats(outcome: Outcome) -> Iterator[str]:
    """Every message once more, in the end, changes no order, position, cash, bar or state of a strategy."""
    changed: list[tuple[str, ...]] = outcome.world.changed_by_repeats  # type: ignore[attr-defined]
    yield from (f"{' '.join(key)} is another after every message came again" for key in changed)


def _take(message: BarsClosed, closes: dict[str, list[tuple[int, int]]]) -> None:
    """Add what a reader adds: bars behind its last, unless it misses bars before them."""
    for series in bars.unpack(message.frames):
        known = closes[series.instrument]
        last = known[-1][0] if known else 0
        if not last or series.after <= last:
            known += [(bar.closes_at_s, bar.close) for bar in series.bars if bar.closes_at_s > last]


def _wrong_targets(message: Targets, closes: dict[str, list[tuple[int, int]]]) -> Iterator[str]:
    at = int(message.at.timestamp())
    for target in message.targets:
        if target.instance in SLOW:
            known, slow = closes[target.instrument], SLOW[target.instance]
            through = bisect_right(known, at, key=itemgetter(0))
            weight = _weight([close for _, close in known[max(through - slow, 0) : through]])
            if target.weight != weight:
                yield f"{target.instance} wants {target.weight} of {target.instrument} at {at}, not {weight}"


def _weight(closes: list[int]) -> float:
    """Return 1 where the last close is above the mean of all."""
    return 1.0 if closes[-1] * len(closes) > sum(closes) else 0.0


def _first_closes(published: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Return the close of the first bar that was published of each instrument, 0 where none was."""
    closes: dict[str, int] = {}
    for name, closes_at_s in published:
        closes[name] = min(closes.get(name, closes_at_s), closes_at_s)
    return dict.fromkeys((A, B), 0) | closes


def _source(outcome: Outcome) -> SeededSource:
    source: SeededSource = outcome.world.source  # type: ignore[attr-defined]
    return source


def _published(outcome: Outcome) -> Iterator[PublishedBar]:
    """Yield each bar of each message, in the order of publication."""
    for message in outcome.messages_of(BarsClosed):
        for series in bars.unpack(message.frames):
            yield from (PublishedBar(series.instrument, bar, message.requested) for bar in series.bars)


def _reported(outcome: Outcome) -> Iterator[ReportedDefect]:
    """Yield each defect with the last close that it may be of: what a message reports of lies before its end."""
    for message in outcome.messages_of(BarsClosed):
        until = int(message.at.timestamp())
        yield from (ReportedDefect(defect, until) for defect in message.defects)


def _is_covered(instrument: str, closes_at_s: int, reports: Iterable[ReportedDefect]) -> bool:
    """Return whether a report is of a bar: of several holes, or dropped bars, it names the first and their number."""
    return any(
        report.defect.instrument == instrument and report.defect.closes_at_s <= closes_at_s <= report.until
        for report in reports
    )


def _dead_letters(outcome: Outcome, service: str) -> list[Waiting]:
    return outcome.world.cloud.sqs.queue(outcome.world.places[f"dead-{service}"]).messages
