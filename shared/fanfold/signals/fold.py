"""Fold every strategy instance of a venue over its bars, for the signal service and for back-tests."""

from collections.abc import Iterable, Sequence
from functools import cache

import msgspec

from fanfold.desk import Desk
from fanfold.market import timeframes
from fanfold.market.bars import Series
from fanfold.messages import LegCode, LegState, Target
from fanfold.signals.legs import Group, Leg, LegCondition, legs_of
from fanfold.signals.short_windows import Gap, GroupParts, ShortWindows, refilled
from fanfold.signals.stepping import MISSED_BARS, go_on_without, step_waiting, window_of
from fanfold.signals.stored_fold import Snapshot, searched
from fanfold.strategy.solo_window import NOBODY, SoloWindow
from fanfold.strategy.window import Window

# Timeframe and instrument.
SeriesKey = tuple[str, str]

# A gap that was requested this long ago counts as permanent. Market-data reports it earlier, if it answers.
HOLE_S = 900


class Fold:
    """All legs of the accounts at one venue. ``accept`` takes bars in any order, any number of times."""

    def __init__(self, desk: Desk, venue: str) -> None:
        self.lookbacks: dict[SeriesKey, int] = {}
        self.requested: dict[SeriesKey, tuple[int, int]] = {}
        self._through: dict[SeriesKey, int] = {}
        self._began = self._at = 0
        # Series of which bars were stepped over in this message, with the reason.
        self._skipped: dict[SeriesKey, str] = {}
        # Series that lag by more than MISSED_BARS, as of the newest message.
        self._lagging: set[SeriesKey] = set()
        # The bars that the last message brought, as far as they were taken.
        self.fresh: list[Series] = []
        # The history that groups still lack: their bars are taken meanwhile.
        self.lacking: list[Gap] = []
        self.groups: dict[Group, int] = {}
        self._groups: list[GroupParts] = []
        self._short = ShortWindows(self._groups)
        # Those of which the instruments are seen together.
        self._universes: list[int] = []
        # The groups that a series is in, and its place in each.
        self._members: dict[SeriesKey, list[tuple[int, int]]] = {}
        legs: dict[Group, list[Leg]] = {}
        for key, leg in legs_of(desk, venue):
            legs.setdefault(key, []).append(leg)
        for (timeframe, instruments), members in legs.items():
            lookback = max(leg.strategy.lookback for leg in members)
            self.groups[timeframe, instruments] = lookback
            if any(leg.strategy.cross_sectional for leg in members):
                self._universes.append(len(self._groups))
            group = timeframe, instruments
            for instrument in instruments:
                series = timeframe, instrument
                self.lookbacks[series] = max(self.lookbacks.get(series, 0), lookback)
                place = len(self._groups), instruments.index(instrument)
                self._members.setdefault(series, []).append(place)
            self._groups.append((group, window_of(group, lookback, members), members))

    def gap(self, series: Series, at: int) -> Gap | None:
        """Return the bars that are missing between those taken so far and these.

        A first series, or one that was silent for as long as bars are searched, must reach back from ``at`` by the
        lookback of its strategies. After HOLE_S a gap is no longer reported: its bars are not expected any more.
        """
        key = series.timeframe, series.instrument
        if key not in self.lookbacks:
            return None
        last = taken = self._through.get(key, 0)
        length = timeframes.seconds(series.timeframe)
        if taken < at - searched(self.lookbacks[key]) * length:
            last = at - at % length - (self.lookbacks[key] + 1) * length
        if series.after <= last or self._is_hole(key, taken, at):
            return None
        return Gap(series.instrument, series.timeframe, last, series.through)

    def _is_hole(self, key: SeriesKey, taken: int, at: int) -> bool:
        since, first = self.requested.get(key, (0, at))
        return since == taken and at - first >= HOLE_S

    def accept(self, series: Sequence[Series], at: int) -> tuple[list[tuple[str, Target]], list[Gap]]:
        """Step the legs over the bars. Return (account, target) of each leg that reached the time ``at``, and the gaps.

        A series with a gap is not taken: only the legs on that instrument wait. Those that are taken are ``fresh``.
        """
        self._began, self._at, self.fresh, self.lacking = self._began or at, max(self._at, at), [], []
        touched: set[int] = set()
        gaps = []
        for piece in series:
            key = piece.timeframe, piece.instrument
            taken = self._through.get(key, 0)
            # Nearly always they follow those that were taken.
            gap = None if taken and piece.after <= taken else self.gap(piece, at)
            if gap is not None:
                gaps.append(gap)
                if self.requested.get(key, (-1, 0))[0] != taken:
                    self.requested[key] = taken, at
                continue
            if taken and piece.after > taken:
                self._skipped[key] = f"bars after {taken} did not come"
            for place, _ in self._offer(piece, key, taken):
                touched.add(place)
        if self._short.places:
            touched |= self._short.places
            answers, self.lacking = self._short.take(series, self.fresh, at)
            self.fresh += answers
        self._lagging = self._late_series()
        touched.update(place for place in self._universes if self._part(place))
        # In the order of the desk file, not of the message.
        targets: list[tuple[str, Target]] = []
        for place in sorted(touched):
            self._advance(place, at, targets)
        return targets, gaps

    def step_over(self, series: Series, reason: str) -> None:
        """Continue without bars that cannot be used."""
        key = series.timeframe, series.instrument
        if key in self.lookbacks and series.through > self._through.get(key, 0):
            self._through[key] = series.through
            self._skipped[key] = reason

    def changes(self) -> list[tuple[str, LegState]]:
        """Return (account, state) of every leg whose state differs from the one announced last."""
        changed: list[tuple[str, LegState]] = []
        troubled = bool(self._skipped or self._lagging)
        for group, window, legs in self._groups:
            trouble = self._trouble(group, window) if troubled else None
            for leg in legs:
                # Nearly all are as they were.
                if (trouble or not leg.unchanged) and (state := leg.news(trouble)) is not None:
                    changed.append((leg.account, state))
        self._skipped.clear()
        return changed

    def _trouble(self, group: Group, window: Window | SoloWindow) -> LegCondition | None:
        """Return the fault of a group's bars, if there is one."""
        timeframe, instruments = group
        skipped = self._skipped.items() if self._skipped else ()
        reasons = [f"{key[1]}: {reason}" for key, reason in skipped if key[0] == timeframe and key[1] in instruments]
        if reasons:
            return LegCondition(LegCode.MISSING_BARS, "stepped over", "; ".join(reasons)[:300])
        late = self._late(group)
        if not late:
            return None
        missed = ", ".join(instruments[member] for member in sorted(late))[:200]
        goes_on = "goes on without it" if window.left else "waits"
        return LegCondition(
            LegCode.MISSING_BARS, missed, f"no bars of {missed} for more than {MISSED_BARS} bars: {goes_on}"
        )

    @property
    def faults(self) -> list[str]:
        """Return the legs whose strategy raised at its last step, with the error."""
        return [f"{leg.key}: {leg.fault}" for _, _, legs in self._groups for leg in legs if leg.fault]

    def snapshot(self) -> Snapshot:
        """Return the state from which the fold can be continued."""
        return Snapshot(
            through={_name(key): at for key, at in self._through.items()},
            states={leg.key: leg.snapshot() for _, _, legs in self._groups for leg in legs},
            gaps={_name(key): gap for key, gap in self.requested.items()},
            apart={
                _group_name(group): window.apart
                for group, window, _ in map(self._groups.__getitem__, self._universes)
                if window.apart
            },
            began_s=self._began,
            newest_s=self._at,
            short=[_group_name(self._groups[place][0]) for place in sorted(self._short.places)],
            aside={leg.key: leg.aside for _, _, legs in self._groups for leg in legs if leg.aside},
        )

    def restore(self, windows: Iterable[Series], snapshot: Snapshot) -> None:
        """Restore a snapshot: refill the windows from bars, and take the legs' states from the snapshot.

        A leg without a fitting state in the snapshot is folded over the refilled window. Where a window is too short
        for a leg, the bars of its group are requested, and the leg is silent until they come.
        """
        self._began, self._at = snapshot.began_s, snapshot.newest_s
        kept, aside = snapshot.states, snapshot.aside
        everyone = [leg for _, _, legs in self._groups for leg in legs]
        fresh = {leg for leg in everyone if not leg.resume(kept.get(leg.key), aside.get(leg.key))}
        # Bars that were asked for lie behind younger ones.
        pieces = sorted(windows, key=lambda piece: piece.bars[0].closes_at_s)
        pieces = [piece for piece in pieces if _name((piece.timeframe, piece.instrument)) in snapshot.through]
        for group, window, _ in self._groups:
            window.part(snapshot.apart.get(_group_name(group), {}))
        for piece in pieces:
            key = piece.timeframe, piece.instrument
            self._offer(piece, key, self._through.get(key, 0))
        for place, (group, _, _) in enumerate(self._groups):
            self._fill(place, fresh, pieces, _group_name(group) in snapshot.short)
        self._through = {_key(name): at for name, at in snapshot.through.items() if _key(name) in self.lookbacks}
        self.requested = {_key(name): gap for name, gap in snapshot.gaps.items() if _key(name) in self.lookbacks}

    def _fill(self, place: int, fresh: set[Leg], pieces: list[Series], short: bool) -> None:
        """Take the bars of a group's window; step the legs that are fresh, were ``short`` of bars, or are now."""
        group, window, legs = self._groups[place]
        begun = [leg for leg in legs if leg in fresh or (short and leg.take_up())]
        if not begun:
            window.fill()
        step_waiting(begun, window)
        lacking = [leg for leg in legs if leg.lacks(window.count)]
        # Those that began on a window that was shorter, in front of which there was padding.
        begun = [leg for leg in legs if leg.seen < window.count and not window.apart and leg.take_up()]
        if lacking or begun:
            window = refilled(self._groups[place], pieces)
            self._groups[place] = group, window, legs
            for leg in lacking:
                leg.set_aside()
            step_waiting([*lacking, *begun], window)
        if lacking or any((short or leg in fresh) and window.count <= leg.strategy.lookback for leg in legs):
            self._short.places.add(place)

    def _offer(self, series: Series, key: SeriesKey, last: int) -> Sequence[tuple[int, int]]:
        """Give the bars after ``last`` to the groups of their instrument; return its places in those that got any."""
        bars = series.bars
        if bars and bars[0][0] <= last:
            bars = [bar for bar in bars if bar.closes_at_s > last]
            series = msgspec.structs.replace(series, bars=bars)
        members = self._members.get(key)
        if not bars or not members:
            return ()
        self._through[key] = bars[-1][0]
        if self.requested:
            self.requested.pop(key, None)
        self.fresh.append(series)
        for place, member in members:
            self._groups[place][1].offer(member, series, bars)
        return members

    def _part(self, place: int) -> bool:
        """Continue a universe without the instruments that lag. Return whether that changed the set."""
        group, window, legs = self._groups[place]
        if not (self._lagging or window.left):
            return False
        return go_on_without(self._late(group), legs, window)

    def _late(self, group: Group) -> frozenset[int]:
        if not self._lagging:
            return NOBODY
        timeframe, instruments = group
        return frozenset(
            member for member, instrument in enumerate(instruments) if (timeframe, instrument) in self._lagging
        )

    def _late_series(self) -> set[SeriesKey]:
        """Return the series that lag. A series that never came lags from the time its bars were requested."""
        oldest = {timeframe: self._at - MISSED_BARS * timeframes.seconds(timeframe) for timeframe, _ in self.groups}
        taken = self._through.values()
        if len(taken) == len(self.lookbacks) and min(taken, default=0) >= max(oldest.values(), default=0):
            return set()
        return {
            key
            for key in self.lookbacks
            if self._through.get(key, 0) < oldest[key[0]]
            and (key in self._through or self.requested.get(key, (0, self._began))[1] < oldest[key[0]])
        }

    def _advance(self, place: int, at: int, targets: list[tuple[str, Target]]) -> None:
        """Step the legs of a group; add the targets of those that have one at the time ``at``."""
        _, window, legs = self._groups[place]
        if step_waiting(legs, window) and window.closes_at_s == at:
            for leg in legs:
                if leg.speaks:
                    targets.append((leg.account, leg.target(at)))


@cache
def _name(key: SeriesKey) -> str:
    return " ".join(key)


@cache
def _group_name(group: Group) -> str:
    return " ".join((group[0], *group[1]))


def _key(name: str) -> SeriesKey:
    timeframe, _, instrument = name.partition(" ")
    return timeframe, instrument
