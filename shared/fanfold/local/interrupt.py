"""Ctrl-C as a request: the current minute is finished first."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def delay_interrupts() -> Iterator[None]:
    """Hold Ctrl-C back while a process starts: an interrupt there would leave a process that nobody stops."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Ctrl-C is the main thread's.
        return
    interrupts: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: interrupts.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if interrupts:
        raise KeyboardInterrupt


class Interrupt:
    """Set by Ctrl-C or SIGTERM; a second one ends the program at once."""

    def __init__(self) -> None:
        self.requested = False
        signal.signal(signal.SIGINT, self._ask)
        signal.signal(signal.SIGTERM, self._ask)

    def __call__(self) -> bool:
        return self.requested

    def wait(self, seconds: float = float("inf")) -> None:
        """Wait until it is set, or the time is over."""
        until = time.monotonic() + seconds
        while not self.requested and time.monotonic() < until:
            time.sleep(min(0.1, max(0.0, until - time.monotonic())))

    def _ask(self, _signal: int, _frame: object) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
