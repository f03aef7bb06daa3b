"""Standing targets: the position each leg should have until its strategy's next bar, and the progress towards it."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from operator import attrgetter

import msgspec

from fanfold import ids
from fanfold.market import timeframes
from fanfold.messages import Target, Targets, TradingState
from fanfold.risk.exposure import AccountSnapshot, PositionKey


class StandingTarget(msgspec.Struct, frozen=True, kw_only=True):
    """A leg's newest target, as of the market event ``at``; ``cause`` is the id of the message that brought it.

    ``quantity`` is what it comes to in base units, fixed by the first decision on it; ``attempt`` counts the orders
    that were made for it; ``code`` is why the last of them was refused, "" where none was.
    """

    target: Target
    at: datetime
    cause: str = ""
    attempt: int = 0
    quantity: Decimal | None = None
    code: str = ""

    @property
    def leg(self) -> PositionKey:
        return self.target.instance, self.target.instrument


# The bars of its venue that a bundle may be uneven for.
UNEVEN_BARS = 2
Standing = Mapping[PositionKey, StandingTarget]


def of(messages: Iterable[Targets]) -> list[StandingTarget]:
    """Return the targets of messages as standing targets that were not decided on yet."""
    return [
        StandingTarget(target=target, at=message.at, cause=message.id)
        for message in messages
        for target in message.targets
    ]


def uneven_s_max(timeframe: str) -> int:
    """Return how long a bundle may be uneven at a venue of a timeframe, in seconds; see ``fanfold.risk.uneven``."""
    return UNEVEN_BARS * timeframes.seconds(timeframe)


def merge(standing: Standing, fresh: Iterable[StandingTarget]) -> dict[PositionKey, StandingTarget]:
    """Keep the newest target of each leg. Of two of one time the standing one wins, else the larger signal id."""
    merged, entries = dict(standing), list(fresh)
    # Most are of one time, and a time takes longer to compare than a name.
    at_once = len({entry.at for entry in entries}) < 2
    entries.sort(key=attrgetter("target.signal_id") if at_once else lambda entry: (entry.at, entry.target.signal_id))
    for entry in entries:
        # As ``entry.leg``, without its call.
        leg = entry.target.instance, entry.target.instrument
        known = merged.get(leg)
        if known is None or entry.at > known.at or (entry.at == known.at and leg not in standing):
            merged[leg] = entry
    return merged


def unlapsed(standing: Standing, now: datetime, signal_age_s_max: int) -> Standing:
    """Drop lapsed targets. An exit never lapses; an entry does a signal's age after its strategy's next bar."""
    # What was not decided on has not lapsed.
    decided = [entry for entry in standing.values() if entry.quantity is not None or entry.code]
    lapsed = {entry.leg for entry in decided if _lapsed(entry, now, signal_age_s_max)}
    return {leg: entry for leg, entry in standing.items() if leg not in lapsed} if lapsed else standing


def _lapsed(entry: StandingTarget, now: datetime, signal_age_s_max: int) -> bool:
    if entry.target.weight == 0.0 or not entry.target.timeframe:
        return False
    return now > entry.at + timedelta(seconds=timeframes.seconds(entry.target.timeframe) + signal_age_s_max)


def begin(
    standing: Standing, fresh: Iterable[StandingTarget], book: AccountSnapshot, at: datetime
) -> dict[PositionKey, StandingTarget]:
    """Return the targets to decide on: standing and new ones; under FLATTENING only an exit of every position."""
    if book.trading_state is not TradingState.FLATTENING:
        return merge({leg: entry for leg, entry in standing.items() if entry.target.timeframe}, fresh)
    return {leg: _exit(standing.get(leg), book, leg, at) for leg, held in book.held.items() if held.quantity}


def _is_exit(entry: StandingTarget) -> bool:
    """Return whether FLATTENING created the target: it has no strategy, hence no timeframe."""
    return not entry.target.timeframe


def _exit(known: StandingTarget | None, book: AccountSnapshot, leg: PositionKey, at: datetime) -> StandingTarget:
    """Return the exit of a leg. A standing exit keeps its signal id, so that a retry is the same order."""
    if known is not None and _is_exit(known):
        return known
    signal_id = ids.derive("flatten", book.trading_state_cause, at.isoformat(), book.account, *leg)
    exit_ = Target(signal_id=signal_id, instance=leg[0], instrument=leg[1], timeframe="", weight=0.0)
    return StandingTarget(target=exit_, at=at, cause=book.trading_state_cause)
