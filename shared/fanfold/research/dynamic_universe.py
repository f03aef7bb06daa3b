"""Back-test universes whose members come and go, through the legs of the live fold, in plain Python."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from fanfold.desk import Desk, StrategyInstance
from fanfold.market import timeframes
from fanfold.market.bars import Bar, Series, bars_of
from fanfold.research.columns import Floats, IntegerBars, Integers
from fanfold.signals.legs import legs_of
from fanfold.signals.stepping import MISSED_BARS, go_on_without, step_waiting, window_of
from fanfold.strategy import contract

WHY_PLAIN = "its universe goes on without an instrument that has no bars"


class SpokenTargets(NamedTuple):
    """The numbers of the polls at which a leg speaks, and what it wants then: a row for each figure of a target."""

    rows: Integers
    wanted: Floats


def targets_of(
    desk: Desk, venue: str, name: str, members: Sequence[IntegerBars], polls: Integers
) -> dict[str, SpokenTargets] | None:
    """Return the targets of an instance by instrument; None where all of its universe stay in it at each poll."""
    sharing = _sharing_universe(desk, venue, desk.strategies[name])
    if not _goes_on_without_any(sharing, desk.strategies[name].timeframe, members, polls):
        return None
    spoken = _folded(sharing, venue, members, polls)
    return {instrument: targets for (instance, instrument), targets in spoken.items() if instance == name}


def _sharing_universe(desk: Desk, venue: str, instance: StrategyInstance) -> Desk:
    """Return the desk with those instances alone that share an instance's universe, of which they go on together."""
    universe = instance.timeframe, instance.instruments
    sharing = {
        name: own
        for name, own in desk.strategies.items()
        if desk.accounts[own.account].venue == venue and (own.timeframe, own.instruments) == universe
    }
    return msgspec.structs.replace(desk, strategies=sharing)


def _goes_on_without_any(desk: Desk, timeframe: str, members: Sequence[IntegerBars], polls: Integers) -> bool:
    """Return whether the universe of a desk's instances goes on without one of its members at any poll."""
    strategies = {own.strategy for own in desk.strategies.values()} - {contract.EXTERNAL}
    if all(contract.instruments_of(name) is not None for name in strategies):
        return False
    late = _late(members, timeframe, polls)
    return bool((late.any(axis=0) & ~late.all(axis=0)).any())


def _folded(
    desk: Desk, venue: str, members: Sequence[IntegerBars], polls: Integers
) -> dict[tuple[str, str], SpokenTargets]:
    """Return the targets of the legs of a universe, by instance and instrument: those of the fold on the same bars."""
    groups, legs = zip(*legs_of(desk, venue), strict=True)
    (timeframe, instruments), *_ = groups
    window = window_of((timeframe, instruments), max(leg.strategy.lookback for leg in legs), legs)
    spoken: dict[tuple[str, str], list[tuple[int, ...]]] = {(leg.instance, leg.instrument): [] for leg in legs}
    late, waiting = _late(members, timeframe, polls).T, [_series_of(bars, timeframe) for bars in members]
    ends = [np.searchsorted(bars.time, polls, side="right").tolist() for bars in members]
    taken = [0] * len(members)
    for row, at in enumerate(polls.tolist()):
        for member, series in enumerate(waiting):
            window.offer(member, series, series.bars[taken[member] : ends[member][row]])
            taken[member] = ends[member][row]
        go_on_without(frozenset(np.flatnonzero(late[row]).tolist()), legs, window)
        if step_waiting(legs, window) and window.closes_at_s == at:
            for leg in legs:
                if leg.speaks:
                    spoken[leg.instance, leg.instrument].append((row, *leg.wanted))
    return {key: _columns(rows) for key, rows in spoken.items()}


def _late(members: Sequence[IntegerBars], timeframe: str, polls: Integers) -> NDArray[np.bool_]:
    """Return which members lag at which polls, as the fold counts it; one that never came lags from the first on."""
    oldest = polls - MISSED_BARS * timeframes.seconds(timeframe)
    late = np.zeros((len(members), polls.size), np.bool_)
    for member, bars in enumerate(members):
        newest = np.concatenate([polls[:1], bars.time])[np.searchsorted(bars.time, polls, side="right")]
        late[member] = newest < oldest
    return late


def _series_of(bars: IntegerBars, timeframe: str) -> Series:
    columns = (bars.time, bars.open, bars.high, bars.low, bars.close, bars.volume)
    rows: list[Bar] = bars_of(zip(*(column.tolist() for column in columns), strict=True))
    return Series(
        instrument="",
        timeframe=timeframe,
        price_scale=bars.price_scale,
        volume_scale=bars.volume_scale,
        after=0,
        bars=rows,
    )


def _columns(rows: Sequence[tuple[float, ...]]) -> SpokenTargets:
    table = np.array(rows, np.float64).reshape(-1, 5)
    return SpokenTargets(table[:, 0].astype(np.int64), table[:, 1:].T)
