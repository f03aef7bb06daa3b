"""A leg: one strategy instance on one instrument, its state and its status. A fault silences this leg alone."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import cache, partial
from hashlib import blake2s
from math import isfinite
from typing import Any, NamedTuple

import msgspec

from fanfold import ids
from fanfold.desk import Desk, StrategyInstance
from fanfold.market.bars import FIGURE_MAX
from fanfold.messages import LegCode, LegState, Target
from fanfold.strategy import contract, states
from fanfold.strategy.bars import Bars, Universe
from fanfold.strategy.contract import Protected, Strategy
from fanfold.strategy.step_code import digest, fault_of

# Timeframe and the instruments that are stepped together.
Group = tuple[str, tuple[str, ...]]


class LegCondition(NamedTuple):
    """The status of a leg; ``reason`` is the part of the detail by which two statuses count as different."""

    code: LegCode
    reason: str = ""
    detail: str = ""


FINE = LegCondition(LegCode.OK)
_FLOAT = frozenset({float})
# As Protected(), without its call in Python: it is made for each leg and bar.
_protected: Callable[[Iterable[float]], Protected] = partial(tuple.__new__, Protected)
UNPROTECTED = Protected(0.0)


class StoredLeg(msgspec.Struct, frozen=True, array_like=True):
    """The stored state of a leg and the number of bars it has seen, as of the bar that closed at ``at``.

    ``announced`` is the status that was published last. ``fit`` is a digest of what made the state: strategy, params,
    timeframe, instruments, the shape of State and the step's code. ``state`` is None before the first step.
    """

    fit: str
    state: list[int | float] | None
    seen: int
    at: int
    announced: str = ""


class Leg:
    """One strategy instance on one instrument.

    ``me`` is its place in the instance, ``group`` the timeframe and instruments that its step sees.
    """

    def __init__(
        self,
        instance: str,
        account: str,
        strategy: Strategy,
        instrument: str,
        me: int,
        group: Group,
        protection: Protected = UNPROTECTED,
    ) -> None:
        """Use ``protection`` where the strategy asks for none."""
        self.instance = instance
        self.account = account
        self.strategy = strategy
        self.instrument = instrument
        self.me = me
        self.timeframe = group[0]
        self.key = f"{instance}/{instrument}"
        self._signal_id = ids.signal_ids(instance, strategy.params_hash, instrument, group[0])
        self.fit = _fit(strategy, group)
        # What is none is left out, so that a message is not longer for it.
        self._shares = protection.shares()
        self._nested = states.is_nested(strategy.state)
        self.begin()
        self.fault = ""
        self.announced = ""
        # What it was before it lost its window, until that is back or the leg has warmed up without it.
        self.aside: StoredLeg | None = None
        self._afresh = False
        self._stepped = False
        # Whether the last step went as it should and left nothing to report.
        self.unchanged = False
        self.wants_all = contract.instruments_of(strategy.name) is not None
        self.bundle = contract.is_bundle(strategy.name)

    def begin(self) -> None:
        """Start with no bars seen."""
        self.state: Any = None
        self.wanted: Protected | None = None
        self.seen, self.at = 0, 0
        # None once anything of it has changed.
        self._stored: StoredLeg | None = None

    def step(self, bars: Bars | Universe | None, at: int) -> None:
        """Fold the bar that closed at ``at``, once. Return None if the leg is silent at this bar."""
        if at <= self.at:
            return
        self.at, self.wanted, self._stored = at, None, None
        if bars is None:
            return
        self.seen += 1
        self._stepped, self.unchanged = True, False
        try:
            self.state, self.wanted = self._following(bars)
        except KeyboardInterrupt:  # The user's, not the strategy's.
            raise
        except BaseException as fault:  # noqa: BLE001 - whatever it does, its own leg alone is silent, and is named
            self.fault = fault_of(fault, self.strategy.step)
        else:
            self.fault = ""
            self.unchanged = self.seen > self.strategy.lookback and not (self.announced or self._afresh)

    def lacks(self, count: int) -> bool:
        """Return whether a window of so many bars is too short for the next step: nobody goes on over padding.

        A leg that has seen no more bars than its window holds is warming up with it.
        """
        return count < min(self.seen, self.strategy.lookback)

    def set_aside(self) -> None:
        """Warm up anew, silent, on a window that is too short; keep what the leg was for the time when it is not."""
        self.aside = self.aside or self.snapshot()
        self.begin()

    def take_up(self) -> bool:
        """Go on from before the window was lost, or begin if too few bars were seen. Return whether to step again."""
        if not self.is_young:
            return False
        self.begin()
        if self.aside is not None:
            self._restore(self.aside)
            self.aside = None
        return True

    def come_back(self) -> None:
        """Warm up anew: while the instrument was away its universe went on without it."""
        self.begin()
        self.aside = None

    @property
    def is_young(self) -> bool:
        """Return whether the leg has seen too few bars to speak."""
        return self.seen <= self.strategy.lookback

    def _following(self, bars: Bars | Universe) -> tuple[Any, Protected | None]:
        """Return the state and the weight after a step."""
        of = self.strategy
        state = of.start(of.params) if self.state is None else self.state
        following, wanted = of.step(of.params, state, bars)
        shaped = following if type(following) is of.state else of.state(*following)
        if self._nested or not (_FLOAT.issuperset(map(type, shaped)) or all(map(_is_plain, shaped))):
            shaped = states.checked(of.state, shaped)
        if type(wanted) is float and isfinite(wanted):
            return shaped, _protected((wanted, 0.0, 0.0, 0.0))
        return shaped, contract.protected(wanted)

    @property
    def speaks(self) -> bool:
        """Return whether the leg has seen enough bars and its last step returned a weight."""
        # As ``is_young``, without its call: every leg is asked at each bar.
        return self.seen > self.strategy.lookback and self.wanted is not None

    def news(self, trouble: LegCondition | None) -> LegState | None:
        """Return the status to publish, if it differs from the last one; ``trouble`` is the fault of its bars."""
        if trouble is None and not self._afresh:
            if not self._stepped:
                return None
            if self._is_fine and not self.announced:
                self._stepped = False
                return None
        own = self._said()
        said = own if trouble is None or own.code is LegCode.FAULT else trouble
        self._stepped = self._afresh = False
        key = f"{said.code} {said.reason}".rstrip() if said != FINE else ""
        if key == self.announced:
            return None
        before, self.announced, self._stored = self.announced, key, None
        state = LegState(instance=self.instance, instrument=self.instrument, code=said.code, detail=said.detail)
        return state.after(before)

    def _said(self) -> LegCondition:
        if self.fault and self._stepped:
            moment = datetime.fromtimestamp(self.at, UTC).isoformat()
            where, raised, *_ = [*self.fault.split(": "), ""]
            return LegCondition(LegCode.FAULT, f"{where} {raised}", f"at the bar of {moment}: {self.fault}")
        if self._is_fine and not self._afresh:
            return FINE
        warmth = f"{self.seen} of {self.strategy.lookback + 1} bars seen"
        if self._afresh:
            return LegCondition(
                LegCode.STARTED_AFRESH, "", f"another strategy, params, timeframe, universe or code: {warmth}"
            )
        return LegCondition(LegCode.WARMING_UP, "", warmth)

    @property
    def _is_fine(self) -> bool:
        """Return whether the leg has seen enough bars, and its last step did not fail."""
        return not self.fault and not self.is_young

    def snapshot(self) -> StoredLeg:
        if self._stored is None:
            state = None if self.state is None else list(states.numbers(self.state) if self._nested else self.state)
            self._stored = StoredLeg(self.fit, state, self.seen, self.at, self.announced)
        return self._stored

    def resume(self, kept: StoredLeg | None, aside: StoredLeg | None = None) -> bool:
        """Continue from a stored leg. Return False if there is none or it does not fit: the leg then starts afresh."""
        self.announced, self._stored = kept.announced if kept else "", None
        if kept is None or kept.fit != self.fit:
            self._afresh = kept is not None
            return False
        self._restore(kept)
        self.aside = aside
        return True

    def _restore(self, kept: StoredLeg) -> None:
        self.state = None if kept.state is None else states.restore(self.strategy.state, kept.state)
        self.seen, self.at = kept.seen, kept.at

    def target(self, closes_at_s: int) -> Target:
        wanted = self.wanted or UNPROTECTED
        weight, stop, take_profit, trail = wanted
        target = Target(
            signal_id=self._signal_id(closes_at_s),
            instance=self.instance,
            instrument=self.instrument,
            timeframe=self.timeframe,
            weight=weight,
            bundle=ids.derive("bundle", self.instance, closes_at_s) if self.bundle else "",
        )
        shares = wanted.shares() if stop or take_profit or trail else self._shares
        # Most ask for none: named in the call above, none would take as long as all the rest.
        return msgspec.structs.replace(target, **shares) if shares else target


def legs_of(desk: Desk, venue: str) -> Iterator[tuple[Group, Leg]]:
    """Return the legs of all accounts at a venue, in the order of the desk file, each with its group of instruments.

    Legs of an ``external`` strategy are left out: there is nothing to fold.
    """
    for name, instance in desk.strategies.items():
        if desk.accounts[instance.account].venue != venue or instance.strategy == contract.EXTERNAL:
            continue
        strategy = contract.bind(instance.strategy, instance.params, len(instance.instruments))
        everyone = tuple(instance.instruments)
        protection = protection_of(instance)
        for me, instrument in enumerate(everyone):
            group = instance.timeframe, everyone if strategy.cross_sectional else (instrument,)
            yield group, Leg(name, instance.account, strategy, instrument, me, group, protection)


def protection_of(instance: StrategyInstance) -> Protected:
    """Return the protection that the desk file states for an instance."""
    return Protected(0.0, *map(float, (instance.stop, instance.take_profit, instance.trail)))


def _is_plain(value: object) -> bool:
    """Return whether a value can be stored as it is."""
    return type(value) is float or (type(value) is int and abs(value) <= FIGURE_MAX)


def _fit(strategy: Strategy, group: Group) -> str:
    shape = states.shape(strategy.state)
    return _hash(repr((strategy.params_hash, shape, digest(strategy.step), _universe(group))))


@cache
def _universe(group: Group) -> str:
    return _hash(repr(group))


def _hash(text: str) -> str:
    return blake2s(text.encode("utf-8", "replace"), digest_size=6).hexdigest()
