"""A circuit breaker: skip a channel for a while after it timed out, so that it does not delay the others."""

from collections.abc import Callable

from fanfold.alerts.record import Notice
from fanfold.alerts.sending import ChannelFailed

# A failure that took so many seconds is a platform that does not respond; one that rejects a notice does so sooner.
HUNG_S = 3
# Nearly as long as a function may run: the next invocation tries again.
REST_S = 50


class CircuitBreaker:
    """Delivers notices with ``deliver``, and times that by ``clock``, in seconds from any beginning."""

    def __init__(self, deliver: Callable[[Notice], None], clock: Callable[[], float]) -> None:
        self._deliver = deliver
        self._clock = clock
        self._hung_at: dict[str, float] = {}

    def deliver(self, notice: Notice) -> None:
        """Deliver a notice. Raises ChannelFailed at once for a channel that timed out less than REST_S ago."""
        began = self._clock()
        hung_at = self._hung_at.get(notice.channel)
        if hung_at is not None and began - hung_at < REST_S:
            raise ChannelFailed(f"the channel {notice.channel} hung {began - hung_at:.0f} s ago, and is left alone")
        try:
            self._deliver(notice)
        except ChannelFailed:
            if self._clock() - began >= HUNG_S:
                self._hung_at[notice.channel] = self._clock()
            raise
