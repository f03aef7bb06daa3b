"""Groups whose windows reach back less far than their legs look: what they lack is requested, and taken when it comes.

Until then the legs for which the window suffices go on in it, and the others are silent.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from fanfold.market import timeframes
from fanfold.market.bars import Series
from fanfold.signals.legs import Group, Leg
from fanfold.signals.stepping import window_of
from fanfold.strategy.solo_window import SoloWindow
from fanfold.strategy.window import Window

# A group with its window and its legs.
GroupParts = tuple[Group, Window | SoloWindow, list[Leg]]


class Gap(NamedTuple):
    """Bars that were lost: those that close after ``since`` and no later than ``until``, in epoch seconds."""

    instrument: str
    timeframe: str
    since: int
    until: int


class ShortWindows:
    """The places of such groups in the list of a fold, and the bars that came for each of their instruments."""

    def __init__(self, groups: list[GroupParts]) -> None:
        self._groups = groups
        self.places: set[int] = set()
        # By place: the answers to requests, each with the bars that came after it, and how far back they reach.
        self._answers: dict[int, dict[str, list[Series]]] = {}

    def take(self, series: Sequence[Series], fresh: Sequence[Series], at: int) -> tuple[list[Series], list[Gap]]:
        """Collect answers from a message. Return their bars that are to be stored, and what is to be requested.

        ``fresh`` are the bars of the message that are newer than those taken before: each new bar requests once more.
        """
        newest = {(piece.timeframe, piece.instrument): piece for piece in fresh}
        stored: dict[tuple[str, str], Series] = {}
        gaps: list[Gap] = []
        for place in sorted(self.places):
            (timeframe, instruments), _, _ = self._groups[place]
            own = [piece for piece in series if piece.timeframe == timeframe and piece.instrument in instruments]
            for piece in self._collected(place, own):
                key = timeframe, piece.instrument
                stored[key] = _before(piece, newest.get(key))
            since = self._begin(place, at)
            self._exchange(place, since)
            if place in self.places:
                gaps += [
                    Gap(piece.instrument, timeframe, since, piece.through)
                    for piece in own
                    if (timeframe, piece.instrument) in newest and piece.instrument not in self._answers.get(place, {})
                ]
        return [piece for piece in stored.values() if piece.bars], list(dict.fromkeys(gaps))

    def _begin(self, place: int, at: int) -> int:
        """Return the time from which a group needs bars, so that each of its legs can step on all that it missed.

        Once a leg has missed more than it looks back on, it can as well be folded afresh.
        """
        (timeframe, _), window, legs = self._groups[place]
        length = timeframes.seconds(timeframe)
        newest, reach = at - at % length, (window.lookback + 1) * length
        first = min([newest, *(leg.aside.at for leg in legs if leg.aside)])
        return max(first, newest - reach) - reach

    def _collected(self, place: int, series: Sequence[Series]) -> list[Series]:
        """Return the answers among these: series of more bars than the window has, and as new. Keep what follows them.

        A back-fill of an older gap is none.
        """
        _, window, _ = self._groups[place]
        answers = self._answers.setdefault(place, {})
        begun = []
        for piece in series:
            before = answers.get(piece.instrument)
            if before and piece.after <= before[-1].through and len(before) <= window.lookback:
                before.append(piece)
            elif len(piece.bars) > window.count and piece.through >= window.closes_at_s:
                answers[piece.instrument] = [piece]
                begun.append(piece)
            elif before:
                del answers[piece.instrument]
        return begun

    def _exchange(self, place: int, since: int) -> None:
        """Give a group a window of the answers once each of its instruments has one."""
        group, window, legs = self._groups[place]
        present = {member: name for member, name in enumerate(group[1]) if member not in window.left}
        answers = self._answers.get(place, {})
        if window.count <= window.lookback and not answers.keys() >= set(present.values()):
            return
        if window.count <= window.lookback:
            pieces = [piece for name in present.values() for piece in answers[name]]
            self._groups[place] = group, refilled(self._groups[place], pieces), legs
            for leg in legs:
                leg.take_up()
        if window.count > window.lookback or all(answers[name][0].after <= since for name in present.values()):
            self.places.discard(place)
        self._answers.pop(place, None)


def refilled(parts: GroupParts, series: Iterable[Series]) -> Window | SoloWindow:
    """Return a new window of a group, of these bars, which wait to be taken."""
    group, window, legs = parts
    timeframe, instruments = group
    longer = window_of(group, window.lookback, legs)
    longer.part(window.apart)
    for piece in series:
        if piece.timeframe == timeframe and piece.instrument in instruments:
            longer.offer(instruments.index(piece.instrument), piece, piece.bars)
    return longer


def _before(piece: Series, fresh: Series | None) -> Series:
    """Return the bars of a series that are older than the fresh ones."""
    if fresh is None:
        return piece
    return msgspec.structs.replace(piece, bars=[bar for bar in piece.bars if bar < fresh.bars[0]])
