"""The port through which bars are fetched: many series in one call, each of which may fail alone."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from typing import NamedTuple, Protocol, TypeGuard, runtime_checkable

from fanfold.market.bars import Series


class BarsRequest(NamedTuple):
    """Bars that close after ``since`` and no later than ``until``, in epoch seconds."""

    instrument: str
    timeframe: str
    since: int
    until: int


# As ``BarsRequest._make``, without its call in Python: a poll asks for a bar of every instrument.
request_of: Callable[[Iterable[str | int]], BarsRequest] = partial(tuple.__new__, BarsRequest)


class Failure(NamedTuple):
    """A series that the venue did not return, and the reason; ``late`` where the time was up before it was asked."""

    request: BarsRequest
    reason: str
    late: bool = False


class Source(Protocol):
    """A venue's bars. Only bars that are known to be closed are returned."""

    def bars_of(self, requests: Sequence[BarsRequest]) -> list[Series | Failure]:
        """Return one result for each request, in order. ``Series.after`` is the newest close at or before ``since``.

        An invalid bar, such as one without a price, is returned as received; the caller drops and reports it.
        """
        ...


class RecordedSource(Protocol):
    """A source that has all its bars from the start: a bar that is missing will never come."""

    recorded: bool


@runtime_checkable
class Paced(Protocol):
    """A source whose venue may demand a pause until an epoch second."""

    def held_until(self) -> float: ...

    def hold(self, until: float) -> None: ...


@runtime_checkable
class Bounded(Protocol):
    """A source that asks its venue only for so many seconds from now on; what is left then is a late Failure."""

    def finish_within(self, seconds: float) -> None: ...


def is_recorded(source: Source) -> TypeGuard[RecordedSource]:
    return hasattr(source, "recorded")


def is_paced(source: Source) -> TypeGuard[Paced]:
    return _follows(type(source), Paced)


def is_bounded(source: Source) -> TypeGuard[Bounded]:
    return _follows(type(source), Bounded)


@cache
def _follows(kind: type[Source], protocol: type) -> bool:
    # A protocol is dear to ask, and a source is asked at every poll.
    return issubclass(kind, protocol)


class SkippedBars(NamedTuple):
    """Bars that a poll passed over: those that close after ``since`` and no later than ``until``, in epoch seconds."""

    since: int
    until: int


NO_GAPS: Mapping[tuple[str, str], SkippedBars] = {}


class Noted(NamedTuple):
    """The state of a venue between polls: the last bars published by (timeframe, instrument), with a version.

    Until ``held_until``, an epoch second, the venue demands a pause of all processes; 0: it never did. ``gaps`` are
    still to be filled, by series.
    """

    cursors: Mapping[tuple[str, str], Series]
    version: int
    held_until: int = 0
    gaps: Mapping[tuple[str, str], SkippedBars] = NO_GAPS
