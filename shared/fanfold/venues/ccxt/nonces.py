"""Nonces that rise from request to request of a key, whichever thread or process sends it."""

from collections.abc import Callable
from threading import Lock

MICROSECONDS = 1_000_000


class RisingNonces:
    """The time in microseconds, and one more where a process asks twice within one.

    Processes agree by their clocks: two requests of a key are further apart than those of AWS's hosts are.
    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._lock = Lock()
        self._last = 0

    def following(self) -> int:
        """Return the nonce of the next request."""
        with self._lock:
            self._last = max(self._last + 1, int(self._now_s() * MICROSECONDS))
            return self._last
