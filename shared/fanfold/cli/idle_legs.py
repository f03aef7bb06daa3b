"""Report legs of a desk that did not trade in a run, and why: their strategy failed, was silent, or may not trade."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from fanfold.audit.queries import AS_WRITTEN, Reading, reported_legs
from fanfold.cli.output import moment
from fanfold.desk import Desk, StrategyInstance
from fanfold.market import timeframes
from fanfold.messages import LegCode, LegState, LegStatus, Targets
from fanfold.strategy.contract import EXTERNAL

SILENT = "SILENT"
# What makes a run a failure: nobody looked for a strategy that fails, or for one that never says a word.
FAILURES = {LegCode.FAULT, LegCode.WARMING_UP, SILENT}
TRADES = AS_WRITTEN | {LegCode.RULES_CHANGED, LegCode.UNPROTECTED}
Leg = tuple[str, str, str]


class LegReport(msgspec.Struct, frozen=True, kw_only=True):
    """A leg that did not trade: the newest reason, since when, and how often it was recorded."""

    account: str
    instance: str
    instrument: str
    code: str
    detail: str
    first: str
    times: int

    @property
    def failed(self) -> bool:
        return self.code in FAILURES

    @property
    def text(self) -> str:
        since = f"; first at {self.first}" if self.first else ""
        often = f", reported {self.times} times" if self.times > 1 else ""
        return f"{self.instance} {self.instrument}: {reason_text(self.code, self.detail, over=True)}{since}{often}"


class Legs:
    """Collects the states of each leg, in order, those of signal apart from those of risk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._spoke: set[Leg] = set()
        self._states: dict[tuple[Leg, str], LegState] = {}
        self._first: dict[tuple[Leg, str], datetime] = {}
        self._times: Counter[tuple[Leg, str]] = Counter()
        self._targets: Counter[str] = Counter()
        self._wanting: set[str] = set()

    def status(self, message: LegStatus) -> None:
        for state in message.statuses:
            leg = message.account, state.instance, state.instrument
            for service in state.services:
                known = self._states.get((leg, service))
                # A fault stays one, though the leg trades again.
                if known is None or known.code is not LegCode.FAULT or state.code not in TRADES:
                    self._states[leg, service] = state
            self._first.setdefault((leg, state.code), message.at)
            self._times[leg, state.code] += 1

    def targets(self, message: Targets) -> None:
        self._spoke |= {(message.account, target.instance, target.instrument) for target in message.targets}
        self._targets.update(target.instance for target in message.targets)
        self._wanting |= {target.instance for target in message.targets if target.weight}

    def wanted_nothing(self) -> dict[str, int]:
        """Return the strategy instances that never wanted a position, with the number of their targets."""
        return {name: count for name, count in self._targets.items() if name not in self._wanting}

    def reports(self, first: int, last: int) -> list[LegReport]:
        """Return legs that did not trade though a bar of theirs closed from ``first`` to ``last``, in epoch seconds."""
        return [self._report(leg, code) for leg, code in self._wrong(first, last)]

    def _wrong(self, first: int, last: int) -> Iterator[tuple[Leg, str]]:
        for name, instance in self._desk.strategies.items():
            for instrument in instance.instruments:
                leg = instance.account, name, instrument
                codes, closed = self._codes(leg), _closed(instance, first, last)
                if not codes and leg not in self._spoke and instance.strategy != EXTERNAL and closed:
                    yield leg, SILENT
                warm = leg in self._spoke or not closed
                yield from ((leg, code) for code in codes if code != LegCode.WARMING_UP or not warm)

    def _codes(self, leg: Leg) -> dict[str, LegState]:
        """Return the newest states by their codes, of risk and then of signal, that keep a leg from trading."""
        known = (self._states.get((leg, service)) for service in ("risk", "signal"))
        return {str(state.code): state for state in known if state is not None and state.code not in TRADES}

    def _report(self, leg: Leg, code: str) -> LegReport:
        account, instance, instrument = leg
        first, state = self._first.get((leg, code)), self._codes(leg).get(code)
        return LegReport(account=account, instance=instance, instrument=instrument, code=code,
                         detail=state.detail if state else "", first=moment(first) if first else "",
                         times=self._times[leg, code])  # fmt: skip


class LegWatch:
    """Reports idle legs during a run: each reason once, when it is first recorded."""

    def __init__(self, views: Reading, desk: Desk) -> None:
        self._views = views
        self._desk = desk
        self._reported: set[tuple[str, ...]] = set()

    def news(self) -> Iterator[str]:
        for account in self._desk.accounts:
            for leg in reported_legs(self._views, self._desk, account):
                reason = account, leg["instance"], leg["instrument"], str(leg["code"])
                if reason not in self._reported:
                    self._reported.add(reason)
                    yield f"{leg['instance']} {leg['instrument']}: {reason_text(leg['code'], leg['detail'])}"


def reason_text(code: Any, detail: str, *, over: bool = False) -> str:
    """Return a reason as people read it; ``over`` says that the run has ended."""
    words = "was never warmed up" if over and code == LegCode.WARMING_UP else _WORDS.get(str(code), str(code))
    return f"{words}: {detail}" if detail else words


_WORDS = {
    LegCode.FAULT: "FAILED",
    LegCode.WARMING_UP: "warming up",
    LegCode.MISSING_BARS: "waits for bars",
    LegCode.STARTED_AFRESH: "started afresh",
    LegCode.BELOW_MINIMUM: "is too small for an order",
    LegCode.DUST: "holds too little to be sold",
    LegCode.NO_PRICE: "has no price",
    LegCode.STOPPED_OUT: "was stopped out",
    LegCode.RULES_CHANGED: "trades by its venue's rules",
    LegCode.UNPROTECTED: "has no stop at its venue",
    LegCode.ORPHANED: "is an orphan",
    SILENT: "gave no target in the whole run",
}


def _closed(instance: StrategyInstance, first: int, last: int) -> bool:
    """Return whether a bar of its timeframe closed."""
    length = timeframes.seconds(instance.timeframe)
    return last // length > (first - 1) // length
