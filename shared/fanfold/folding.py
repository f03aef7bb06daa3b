"""The fold of every strategy instance of a venue over its bars: what the signal service does, and a backtest too."""

from collections.abc import Iterable, Iterator, Mapping
from math import isfinite, nan
from typing import Any, NamedTuple

import msgspec

from fanfold import names, strategies, timeframes
from fanfold.bars import Bar, Series
from fanfold.desk import Desk
from fanfold.messages import Message, Target
from fanfold.strategies import Strategy
from fanfold.windows import Window

# Timeframe and instrument; timeframe and the instruments that are stepped together.
SeriesKey = tuple[str, str]
Group = tuple[str, tuple[str, ...]]


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What a fold needs besides its windows to go on: small, and packed by the store.

    ``through`` is the newest bar taken by (timeframe, instrument); ``states`` has a leg's scalars, then its weight and
    how many bars it has seen. A leg's key holds the hash of its params, so changed params start afresh.
    """

    through: dict[str, int]
    states: dict[str, list[float]]


class Kept(NamedTuple):
    """What a cold process takes up: the version to go on from, windows, states, and recent outputs by message id."""

    version: int
    windows: list[Series]
    snapshot: Snapshot | None
    outputs: dict[str, list[Message]]


# What a strategy's own arithmetic can raise.
STRATEGY_FAULTS = (ArithmeticError, LookupError, TypeError, ValueError)


class Gap(NamedTuple):
    """Bars that went missing on the way: those after ``since``, no later than ``until``, in epoch seconds."""

    instrument: str
    timeframe: str
    since: int
    until: int


class Leg:
    """One strategy instance on one instrument."""

    def __init__(self, instance: str, account: str, strategy: Strategy, instrument: str, me: int) -> None:
        self.instance = instance
        self.account = account
        self.strategy = strategy
        self.instrument = instrument
        self.me = me
        self.key = f"{instance}/{strategy.params_hash}/{instrument}"
        self.state = strategy.start(strategy.params)
        self.weight = 0.0
        self.seen = 0
        self.fault = ""

    def step(self, window: Window) -> None:
        self.seen += 1
        bars = window.universe(self.me) if self.strategy.cross_sectional else window.bars()
        try:
            self.state, self.weight = self.strategy.step(self.strategy.params, self.state, bars)
        except STRATEGY_FAULTS as fault:
            # Its own leg says nothing at this bar; the others of the venue trade on.
            self.weight, self.fault = nan, f"{self.key} at {window.closes_at}: {type(fault).__name__}: {fault}"
        else:
            self.fault = ""

    def resume(self, kept: list[float] | None) -> None:
        """Take the state of a snapshot up again, where it has one."""
        if kept is not None:
            *state, self.weight, seen = kept
            self.state, self.seen = self.strategy.state(*state), int(seen)

    def target(self, window: Window) -> Target:
        signal = names.signal_id(
            self.instance, self.strategy.params_hash, self.instrument, window.timeframe, window.closes_at
        )
        return Target(
            signal_id=signal,
            instance=self.instance,
            instrument=self.instrument,
            timeframe=window.timeframe,
            weight=float(self.weight),
        )


class Fold:
    """All legs of the accounts at one venue; ``accept`` takes bars in, whatever their order or number of deliveries."""

    def __init__(self, desk: Desk, venue: str) -> None:
        self.lookbacks: dict[SeriesKey, int] = {}
        self._through: dict[SeriesKey, int] = {}
        self.groups: dict[Group, int] = {}
        self._groups: dict[Group, tuple[Window, list[Leg]]] = {}
        # The groups that a series is in, and its place in each.
        self._members: dict[SeriesKey, dict[Group, int]] = {}
        legs: dict[Group, list[Leg]] = {}
        for key, leg in _legs(desk, venue):
            legs.setdefault(key, []).append(leg)
        for (timeframe, instruments), members in legs.items():
            lookback = max(leg.strategy.lookback for leg in members)
            self.groups[timeframe, instruments] = lookback
            self._groups[timeframe, instruments] = Window(instruments, timeframe, lookback), members
            for instrument in instruments:
                series = timeframe, instrument
                self.lookbacks[series] = max(self.lookbacks.get(series, 0), lookback)
                self._members.setdefault(series, {})[timeframe, instruments] = instruments.index(instrument)

    def gap(self, series: Series, at: int) -> Gap | None:
        """What is missing between the bars taken so far and these.

        A first series must reach back from ``at`` as far as its strategies look.
        """
        return self._gap(series, at, self._through)

    def _gap(self, series: Series, at: int, through: Mapping[SeriesKey, int]) -> Gap | None:
        key = series.timeframe, series.instrument
        if key not in self.lookbacks:
            return None
        last = through.get(key)
        if last is None:
            length = timeframes.seconds(series.timeframe)
            last = at - at % length - (self.lookbacks[key] + 1) * length
        return Gap(series.instrument, series.timeframe, last, series.through) if series.after > last else None

    def accept(self, series: Iterable[Series], at: int) -> tuple[list[tuple[str, Target]], list[Gap]]:
        """(account, target) of every leg that the bars brought to the time ``at``, and the gaps.

        A series with a gap is left out: its legs stay where they are, which parks that instrument only.
        """
        touched: set[Group] = set()
        gaps = []
        for one in series:
            gap = self.gap(one, at)
            if gap is not None:
                gaps.append(gap)
                continue
            touched |= self._offer(one)
        # In the order of the desk file, not of the message.
        targets = [found for key in self._groups if key in touched for found in self._advance(key, at)]
        return targets, gaps

    def news(self, series: Iterable[Series], at: int) -> list[Series]:
        """The part of the series that accept would take: watched, free of gaps, newer than what was taken."""
        fresh, through = [], dict(self._through)
        for one in series:
            key = one.timeframe, one.instrument
            if key not in self.lookbacks or self._gap(one, at, through) is not None:
                continue
            bars = [bar for bar in one.bars if bar.closes_at > through.get(key, 0)]
            if bars:
                through[key] = bars[-1].closes_at
                fresh.append(msgspec.structs.replace(one, bars=bars))
        return fresh

    @property
    def faults(self) -> list[str]:
        """Legs whose strategy raised at its last step, with what it raised."""
        return [leg.fault for _, legs in self._groups.values() for leg in legs if leg.fault]

    def snapshot(self) -> Snapshot:
        """Where the fold stands."""
        return Snapshot(
            through={f"{timeframe} {instrument}": at for (timeframe, instrument), at in self._through.items()},
            states={
                leg.key: [*leg.state, leg.weight, leg.seen] for _, legs in self._groups.values() for leg in legs
            },
        )

    def restore(self, windows: Iterable[Series], snapshot: Snapshot) -> None:
        """Stand where a snapshot stood: windows are refilled from bars, states taken as they were.

        A leg that the snapshot does not know is folded over the refilled window.
        """
        for _, legs in self._groups.values():
            for leg in legs:
                leg.resume(snapshot.states.get(leg.key))
        for one in windows:
            for key in self._offer(one):
                window, legs = self._groups[key]
                while window.advance():
                    for leg in legs:
                        if leg.key not in snapshot.states:
                            leg.step(window)
        for name, at in snapshot.through.items():
            timeframe, _, instrument = name.partition(" ")
            if (timeframe, instrument) in self.lookbacks:
                self._through[timeframe, instrument] = at

    def _offer(self, series: Series) -> set[Group]:
        key = series.timeframe, series.instrument
        last = self._through.get(key, 0)
        bars: list[Bar] = [bar for bar in series.bars if bar.closes_at > last]
        if not bars or key not in self.lookbacks:
            return set()
        self._through[key] = bars[-1].closes_at
        for group, member in self._members[key].items():
            window, _ = self._groups[group]
            window.offer(member, series, bars)
        return set(self._members[key])

    def _advance(self, key: Group, at: int) -> Iterator[tuple[str, Target]]:
        window, legs = self._groups[key]
        moved = False
        while window.advance():
            moved = True
            for leg in legs:
                leg.step(window)
        if moved and window.closes_at == at:
            for leg in legs:
                # A weight that is no number says nothing, and no message could carry it.
                if leg.seen > leg.strategy.lookback and isfinite(leg.weight):
                    yield leg.account, leg.target(window)


def _legs(desk: Desk, venue: str) -> Iterator[tuple[Group, Leg]]:
    for name, instance in desk.strategies.items():
        if desk.accounts[instance.account].venue != venue:
            continue
        strategy: Any = strategies.bind(instance.strategy, instance.params, len(instance.instruments))
        everyone = tuple(instance.instruments)
        for me, instrument in enumerate(everyone):
            group = everyone if strategy.cross_sectional else (instrument,)
            yield (instance.timeframe, group), Leg(name, instance.account, strategy, instrument, me)

