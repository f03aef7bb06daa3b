"""An invocation that is under way."""

from collections.abc import Callable
from typing import Any

from greenlet import greenlet

from fanfold.simulation.schedules.faults import Crash
from fanfold.simulation.schedules.process import ServiceProcess


class RunningInvocation(greenlet):  # type: ignore[misc]
    """A process at work on an event; it stops at every call, until it is its turn again."""

    def __init__(self, process: ServiceProcess, work: Callable[[], Any], **more: Any) -> None:
        super().__init__(self._run)
        self.process = process
        self.queue: str = more.get("queue", "")
        self.receipts: dict[str, str] = more.get("receipts", {})
        # What comes where it fails: the same again, as of an operator's command.
        self.again: Callable[[], None] | None = more.get("again")
        self.frozen = False
        self.asleep_until = 0.0
        self.fault: BaseException | None = None
        self.answer: Any = None
        self._work = work

    def _run(self) -> None:
        try:
            self.answer = self._work()
        except (Crash, Exception) as fault:  # noqa: BLE001 - it is looked at by who switches here
            self.fault = fault
