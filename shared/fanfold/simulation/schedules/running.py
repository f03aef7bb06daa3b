"""An invocation that is under way."""

from collections.abc import Callable
from typing import Any

from greenlet import getcurrent, greenlet

from fanfold.simulation.schedules.faults import Crash
from fanfold.simulation.schedules.process import ServiceProcess


class RunningInvocation:
    """A process at work on an event; it stops at every call, until it is its turn again."""

    def __init__(
        self,
        process: ServiceProcess,
        work: Callable[[], Any],
        *,
        queue: str = "",
        receipts: dict[str, str] | None = None,
        again: Callable[[], Any] | None = None,
    ) -> None:
        """Do ``work``; do ``again`` where it fails: the same once more, as of an operator's command."""
        self.process = process
        self.queue = queue
        self.receipts = receipts or {}
        self.again = again
        self.frozen = False
        self.asleep_until = 0.0
        self.dead = False
        self.fault: BaseException | None = None
        self.answer: Any = None
        self._work = work
        self._stack: greenlet | None = None

    def go_on(self, free: list[greenlet]) -> None:
        """Go on until the next call, or to the end: on a stack of those that are ``free``, or on a new one."""
        if self._stack is None:
            self._stack = free.pop() if free else _new_stack()
        self._stack.switch(self)
        if self.dead and not self._stack.dead:
            free.append(self._stack)

    def end(self) -> None:
        """End it where it stands."""
        if self._stack is None:
            self.dead = True
        else:
            self._stack.throw()
        self.fault = Crash()

    def carry_out(self) -> None:
        """Do the work, and keep its answer or its fault."""
        try:
            self.answer = self._work()
        except (Crash, Exception) as fault:  # noqa: BLE001 - it is looked at by who switches here
            self.fault = fault.with_traceback(None)
        finally:
            self.dead = True


def _new_stack() -> greenlet:
    """Return a stack that waits for its first invocation; it would keep for good what it is begun with."""
    stack = greenlet(_one_after_the_other)
    stack.switch()
    return stack


def _one_after_the_other() -> None:
    """Carry out one invocation after the other: a new stack for each takes as long as some calls to AWS."""
    parent = getcurrent().parent
    while True:
        # No name is bound to it, so that a stack that waits keeps nothing of the last one.
        parent.switch().carry_out()
