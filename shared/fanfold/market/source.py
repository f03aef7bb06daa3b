"""Asking a venue for bars: many series at once, each of which may fail alone."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple, Protocol, TypeGuard, runtime_checkable

from fanfold.market.bars import Series


class BarsRequest(NamedTuple):
    """Bars that close after ``since`` and no later than ``until``, in epoch seconds."""

    instrument: str
    timeframe: str
    since: int
    until: int


class Failure(NamedTuple):
    """A series that a venue did not give, and why."""

    request: BarsRequest
    reason: str


class Source(Protocol):
    """A venue's bars, those alone that are known to be closed."""

    def bars_of(self, requests: Sequence[BarsRequest]) -> list[Series | Failure]:
        """An answer a request, in their order. ``Series.after`` is the close of the bar before ``since`` or at it.

        A bar that is none, such as one without a price, is in the answer as it came: whoever asks drops it and tells.
        """
        ...


class RecordedSource(Protocol):
    """A source whose bars all stand from the start: none comes late, and what is not there never comes."""

    recorded: bool


@runtime_checkable
class Paced(Protocol):
    """A source whose venue may want to be left alone, until an epoch second."""

    def held_until(self) -> float: ...

    def hold(self, until: float) -> None: ...


def is_recorded(source: Source) -> TypeGuard[RecordedSource]:
    return hasattr(source, "recorded")


def is_paced(source: Source) -> TypeGuard[Paced]:
    return _has_pauses(type(source))


@cache
def _has_pauses(kind: type[Source]) -> bool:
    # A protocol is dear to ask, and a source is asked at every poll.
    return issubclass(kind, Paced)


class Noted(NamedTuple):
    """What is kept of a venue: the last bars published by (timeframe, instrument), with a version.

    Until ``held_until``, an epoch second, the venue wants to be left alone by all processes; 0: it never did.
    """

    cursors: Mapping[tuple[str, str], Series]
    version: int
    held_until: int = 0
