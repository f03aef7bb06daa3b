"""The pace at which an exchange accepts requests."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC
from email.utils import parsedate_to_datetime
from math import ceil
from threading import Lock, local
from typing import Protocol

from fanfold.errors import OutOfTime, VenueUnavailable

# What may go out at once after a pause. Short, for exchanges count over windows of a second or two.
BURST_S = 0.2
MINUTE_S = 60.0
# How long what another process was told may be unknown here; a poll a minute asks anyway, so that no order does.
LEARNED_S = 60.0

# Most exchanges count by the minute, so that long is waited where one does not say how long.
PAUSE_S = 60.0
_BANNED_UNTIL = re.compile(r"until (\d{13})")


class SharedPauses(Protocol):
    """The pause that an exchange demanded of any process, in epoch seconds."""

    def until(self) -> int: ...

    def store(self, until: int) -> None: ...


class Pace:
    """A token bucket for all threads of a process; a token is one unit of the exchange's own cost of a request."""

    def __init__(
        self,
        venue: str,
        rate_ms: float,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        shared: SharedPauses | None = None,
        burst_s: float = BURST_S,
        ends: Callable[[], float] = lambda: float("inf"),
    ) -> None:
        """Share pauses with other processes through ``shared``; it is read once a minute, and written at a pause.

        Begin no request after ``ends``, in epoch seconds: whoever asks has no time left for its answer.
        """
        self._venue = venue
        self._token_s = rate_ms / 1_000
        self._clock = clock
        self._sleep = sleep
        self._shared = shared
        self._burst_s = burst_s
        self._ends = ends
        self._learned_at = float("-inf")
        self._lock = Lock()
        self._free_at = 0.0
        self._held_until = 0.0
        # Until then what is left of the limit is for cancels.
        self._kept_until = 0.0
        self._asks = local()

    def take(self, cost: float | None = None) -> None:
        """Wait for a turn. Raises VenueUnavailable in a pause, OutOfTime past the end.

        A pause is one that the exchange demanded, or for all but cancels the rest of a minute whose limit is near.
        """
        self._learn()
        with self._lock:
            self._check()
            now = self._clock()
            turn = max(self._free_at, now - self._burst_s) + (1 if cost is None else cost) * self._token_s
            if max(turn, now) > self._ends():
                raise OutOfTime(f"{self._venue}: no time is left for another request; the next run continues")
            # Turns are handed out ahead, so that no two threads get the same one.
            self._free_at = turn
            wait = turn - now
        if wait > 0:
            self._sleep(wait)
            self._check()

    def finish_within(self, seconds: float) -> None:
        """Begin no request after so many seconds from now on, in place of ``ends``."""
        at = self._clock() + seconds
        self._ends = lambda: at

    def hold(self, seconds: float) -> None:
        """Let no request of any process out for so long; a longer pause stays."""
        before, until = self._held_until, self._clock() + seconds
        self.hold_until(until)
        if self._shared is not None and until > before:
            self._shared.store(ceil(until))

    @contextmanager
    def cancelling(self) -> Iterator[None]:
        """Let this thread's requests out in the part of a minute that is kept for cancels."""
        self._asks.cancels = True
        try:
            yield
        finally:
            self._asks.cancels = False

    def keep_this_minute(self) -> None:
        """Let none but cancels out until the next whole minute, from which on exchanges count anew.

        Other processes are not told: the exchange tells each of them in its own answers.
        """
        now = self._clock()
        with self._lock:
            self._kept_until = max(self._kept_until, now + MINUTE_S - now % MINUTE_S)

    def hold_until(self, at: float) -> None:
        """Let no request out until an epoch second, as another process was told; see hold."""
        with self._lock:
            self._held_until = max(self._held_until, at)

    @property
    def held_until(self) -> float:
        return max(self._held_until, self._kept_until)

    def _learn(self) -> None:
        """Take over a pause that another process was told."""
        now = self._clock()
        if self._shared is not None and not 0 <= now - self._learned_at < LEARNED_S:
            self._learned_at = now
            self.hold_until(self._shared.until())

    def _check(self) -> None:
        now = self._clock()
        if self._held_until > now:
            left = self._held_until - now
            raise VenueUnavailable(f"{self._venue} asked for a pause; it is not asked again for {left:.0f} s")
        if self._kept_until > now and not getattr(self._asks, "cancels", False):
            left = self._kept_until - now
            raise VenueUnavailable(
                f"the limit of {self._venue} is near; for {left:.0f} s the rest of it is for cancels"
            )


def pause_s(retry_after: str, text: str, now: float) -> float:
    """Return the pause that an exchange demands, from its header (seconds or a date) or its text (epoch ms)."""
    banned = _BANNED_UNTIL.search(text)
    if retry_after.isdecimal():
        return float(retry_after)
    if banned:
        return max(int(banned[1]) / 1_000 - now, 0.0)
    return max(epoch_s(retry_after, now + PAUSE_S) - now, 0.0)


def epoch_s(date: str, default: float) -> float:
    """Parse a date of HTTP to epoch seconds. It is GMT, whether it says so or not."""
    try:
        parsed = parsedate_to_datetime(date)
    except ValueError:
        return default
    return parsed.replace(tzinfo=parsed.tzinfo or UTC).timestamp()
