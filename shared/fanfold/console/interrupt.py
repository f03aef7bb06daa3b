"""Ctrl-C as a wish: what is under way is finished first."""

import signal
import time


class Interrupt:
    """Set by Ctrl-C or SIGTERM; a second one ends the program at once."""

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGINT, self._ask)
        signal.signal(signal.SIGTERM, self._ask)

    def __call__(self) -> bool:
        return self.asked

    def wait(self, seconds: float = float("inf")) -> None:
        """Until it is asked, or the time is over."""
        until = time.monotonic() + seconds
        while not self.asked and time.monotonic() < until:
            time.sleep(min(0.1, max(0.0, until - time.monotonic())))

    def _ask(self, _signal: int, _frame: object) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
