"""Ask for something again while its source fails, and leave it alone where that lasts."""

from collections.abc import Callable
from typing import TypeVar

from fanfold.errors import VenueUnavailable

T = TypeVar("T")
# A source that fails so often in a row is left alone; the next run goes on from there.
TRIES = 5
PAUSE_S = 1.0


def retried(request: Callable[[], T], sleep: Callable[[float], None], held_s: Callable[[], float] = lambda: 0.0) -> T:
    """Return the answer to a request that may raise VenueUnavailable, with a longer pause after each fault.

    A pause is at least ``held_s()`` long. Raises VenueUnavailable after TRIES.
    """
    for tried in range(1, TRIES):
        try:
            return request()
        except VenueUnavailable:
            sleep(max(PAUSE_S * 2**tried, held_s()))
    try:
        return request()
    except VenueUnavailable as fault:
        raise VenueUnavailable(f"{fault}; what came before is stored: run the same command again") from fault
