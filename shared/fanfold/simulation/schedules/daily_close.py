"""The daily close of a world: the steps of audit's state machine, with its retries."""

from collections.abc import Callable, Sequence
from datetime import datetime
from operator import methodcaller
from typing import Any, Protocol

from fanfold.aws.client.call import AwsFault
from fanfold.errors import Conflict
from fanfold.simulation.schedules.faults import Crash
from fanfold.simulation.schedules.running import RunningInvocation

# A step is tried so often, but for faults that say what is wrong for good.
TRIES = 5
PASSING = (Crash, AwsFault, Conflict)
Work = Callable[[Any], Any]


class Starter(Protocol):
    """A world in which functions are started."""

    def start(self, service: str, work: Work) -> RunningInvocation: ...

    def step(self) -> bool: ...

    def wake(self) -> bool: ...


class DailyClose:
    """The close; ``state`` is that of the last report, "" before there is one, "done" where nothing was left to do."""

    def __init__(self, world: Starter) -> None:
        self._world = world
        self.state = ""
        self.faults: list[Any] = []

    def run(self, scheduled: datetime) -> None:
        """Close the day before a time. A step that fails for good does not keep the others from running."""
        (agenda,) = self._all([methodcaller("agenda", {"time": scheduled.isoformat()})])
        if "error" in agenda:
            self.state, self.faults = "failed", [agenda]
            return
        if agenda["done"]:
            self.state = "done"
            return
        day = agenda["day"]
        (flushed,) = self._all([lambda audit: {"rows": audit.flush()}])
        if "error" in flushed:
            self.state, self.faults = "failed", [flushed]
            return
        chains = [methodcaller("verify", name, day) for name in agenda["streams"]]
        accounts = [methodcaller("reconcile", name, day) for name in agenda["accounts"]]
        compacted, *results = self._all([lambda audit: {"days": audit.compact()}, *chains, *accounts])
        findings = {"day": day, "compacted": compacted}
        findings |= {"chains": results[: len(chains)], "accounts": results[len(chains) :]}
        (report,) = self._all([methodcaller("report", findings)])
        self.state, self.faults = report.get("state", "failed"), report.get("faults", [report])

    def _all(self, works: Sequence[Work]) -> list[Any]:
        """Carry out steps side by side, each until it ends for good; return each one's result, or its fault."""
        results: dict[int, Any] = {}
        started = {number: self._world.start("audit", work) for number, work in enumerate(works)}
        tries = dict.fromkeys(started, 1)
        while started:
            if not self._world.step() and not self._world.wake():
                raise AssertionError("a step of the daily close waits for nothing")
            for number, invocation in [entry for entry in started.items() if entry[1].dead]:
                if isinstance(invocation.fault, PASSING) and tries[number] < TRIES:
                    tries[number] += 1
                    started[number] = self._world.start("audit", works[number])
                else:
                    del started[number]
                    results[number] = _result(invocation)
        return [results[number] for number in range(len(works))]


def _result(invocation: RunningInvocation) -> Any:
    fault = invocation.fault
    if fault is None:
        return invocation.answer
    return {"step": "audit", "error": type(fault).__name__, "cause": str(fault)}
