"""Step the legs of a group over the bars of its window."""

from collections.abc import Iterable, Sequence

from fanfold.signals.legs import Group, Leg
from fanfold.strategy.solo_window import NOBODY, SoloWindow
from fanfold.strategy.window import Window

# A universe continues without an instrument that lags by more bars than this.
MISSED_BARS = 5


def window_of(group: Group, lookback: int, legs: Iterable[Leg]) -> Window | SoloWindow:
    """Return an empty window for the legs of a group."""
    timeframe, instruments = group
    kind = Window if any(leg.strategy.cross_sectional for leg in legs) else SoloWindow
    return kind(instruments, timeframe, lookback)


def step_waiting(legs: Sequence[Leg], window: Window | SoloWindow) -> bool:
    """Step the legs of a group on each bar that waits in its window; return whether there was one."""
    moved = False
    if isinstance(window, SoloWindow):
        while window.waiting:
            moved, bars = True, window.take()
            if window.count <= window.lookback:
                set_aside(legs, window)
            for leg in legs:
                leg.step(bars, window.closes_at_s)
    else:
        while window.advance():
            moved = True
            if window.count <= window.lookback:
                set_aside(legs, window)
            step_all(legs, window)
    return moved


def go_on_without(late: frozenset[int], legs: Sequence[Leg], window: Window | SoloWindow) -> bool:
    """Continue a universe without the members that lag. Return whether that changed the set.

    It waits where all of them lag, or all of its legs want every one. One that is back warms up anew.
    """
    alone = len(late) == len(window.instruments) or all(leg.wants_all for leg in legs)
    before = window.left
    changed = window.leave(NOBODY if alone else late)
    for leg in legs:
        if leg.me in before - window.left:
            leg.come_back()
    return changed


def set_aside(legs: Iterable[Leg], window: Window | SoloWindow) -> None:
    """Set those legs aside that cannot go on at the newest bar of their window, which is short."""
    for leg in legs:
        if leg.at < window.closes_at_s and leg.lacks(window.count - 1):
            leg.set_aside()


def step_all(legs: Iterable[Leg], window: Window | SoloWindow) -> None:
    """Step the legs of a group on the newest bars of its window."""
    if isinstance(window, SoloWindow):
        bars = window.bars()
        for leg in legs:
            leg.step(bars, window.closes_at_s)
        return
    for leg in legs:
        if not leg.strategy.cross_sectional:
            leg.step(window.bars(), window.closes_at_s)
            continue
        seen = window.universe(leg.me, leg.strategy.lookback)
        whole = seen is not None and (seen.count == len(window.instruments) or not leg.wants_all)
        leg.step(seen if whole else None, window.closes_at_s)
