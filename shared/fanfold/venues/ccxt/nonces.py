"""Nonces that rise from request to request of a key, whichever thread or process sends it."""

from collections.abc import Callable
from threading import Lock

MICROSECONDS = 1_000_000
# Within so much a clock counts as right.
OFF_S_MAX = 2.0
# An exchange states whole seconds, of some moment between request and answer: where they are no further apart
# than this, the middle of both is right to 1.5 s, and no clock that is right is taken for one that is off.
ROUND_TRIP_S_MAX = 2.0


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

    def heed(self, exchange_s: float, sent_s: float) -> None:
        """Follow the exchange's clock, stated in whole epoch seconds, if this process's is off.

        ``sent_s`` is when the request was sent that is answered now, by this process's clock. A slow answer, or one
        without a time (0), says nothing: what was known before stays.
        """
        received_s = self._now_s()
        if not exchange_s or not 0 <= received_s - sent_s <= ROUND_TRIP_S_MAX:
            return
        off_s = exchange_s + 0.5 - (sent_s + received_s) / 2
        self._off_s = off_s if abs(off_s) > OFF_S_MAX else 0.0
