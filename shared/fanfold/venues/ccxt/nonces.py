"""Nonces that rise from request to request of a key, whichever thread or process sends it."""

from collections.abc import Callable
from threading import Lock

MICROSECONDS = 1_000_000
# An exchange tells its time in whole seconds, and its answer takes a while.
OFF_S_MAX = 2.0


class RisingNonces:
    """The time in microseconds, and one more where a process asks twice within one.

    Processes agree by their clocks. A clock that is off follows the exchange's: one that is ahead would have all
    requests of the others refused, and one that is behind its own.
    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._lock = Lock()
        self._last = 0
        self._off_s = 0.0

    def following(self) -> int:
        """Return the nonce of the next request."""
        with self._lock:
            self._last = max(self._last + 1, int((self._now_s() + self._off_s) * MICROSECONDS))
            return self._last

    def heed(self, exchange_s: float) -> None:
        """Follow the exchange's clock, told in whole epoch seconds, if this process's is off; 0 tells nothing."""
        off_s = exchange_s + 0.5 - self._now_s() if exchange_s else 0.0
        self._off_s = off_s if abs(off_s) > OFF_S_MAX else 0.0
