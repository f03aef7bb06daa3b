"""Exceptions that callers are expected to handle.

ValueError
└── BadInput            the caller must change the input
Exception
├── Conflict            another writer came first; read again and retry
│   └── Refused         … and which parts of a write were in the way
├── VenueUnavailable    the venue did not answer; retry later
│   └── OutOfTime       … it was not asked, because the time for requests was up
├── NothingThere        what was requested does not exist yet
└── NotReachable        the desk did not answer, did not come up, or did not come to rest
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import msgspec

T = TypeVar("T")
# Pauses between tries: the first is at most twice this, and none is longer than the bound.
PAUSE_S = 0.01
PAUSE_S_MAX = 0.2


class BadInput(ValueError):
    """Wrong input. The text names what is wrong and what to write instead."""


def near(name: str, known: Sequence[str]) -> str:
    """Return the question whether a known name was meant, to be put behind a wrong one; empty where none is like it."""
    # Imported here: only a mistyped name needs it.
    from difflib import get_close_matches  # noqa: PLC0415

    return "".join(f" (did you mean `{meant}`?)" for meant in get_close_matches(name, known, 1))


def shown(value: object) -> str:
    """Return a value as a desk file writes it, for an error."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value:.60}"'
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, dict):
        return "a table"
    return str(value)


class Conflict(Exception):
    """Another writer came first. Read again and decide again."""


class Refused(Conflict):
    """A write that was not carried out; ``failed`` has the positions of its parts whose condition did not hold.

    It is empty where another writer was at the same item at the same moment.
    """

    def __init__(self, failed: tuple[int, ...]) -> None:
        super().__init__(f"writes {failed} were refused" if failed else "another transaction was at it")
        self.failed = failed


class Backoff(NamedTuple):
    """Waits between tries: ``sleep`` takes seconds, ``chance`` draws the jitter from [0, 1)."""

    sleep: Callable[[float], None]
    chance: Callable[[], float]

    def wait(self, tried: int, pause_s: float = PAUSE_S, pause_s_max: float = PAUSE_S_MAX) -> None:
        """Wait after ``tried`` tries: jittered, and longer each time up to a bound."""
        self.sleep(self.chance() * min(pause_s * 2**tried, pause_s_max))


# For callers that have no other process beside them.
AT_ONCE = Backoff(lambda _seconds: None, lambda: 0.0)


def retry_on_conflict(
    attempt: Callable[[], T],
    tries: int,
    subject: str,
    backoff: Backoff,
    passing: Callable[[Conflict], bool] = lambda _conflict: True,
) -> T:
    """Return what an attempt returns, trying again after a Conflict, with jittered pauses.

    A conflict that is not ``passing`` is raised at once. After the last try Conflict is raised, which names the
    ``subject`` that kept changing.
    """
    for tried in range(1, tries + 1):
        try:
            return attempt()
        except Conflict as conflict:
            if not passing(conflict):
                raise
            if tried == tries:
                raise Conflict(f"{subject} changed in {tries} tries") from conflict
        backoff.wait(tried)
    raise ValueError(f"{tries} tries are none")


class VenueUnavailable(Exception):
    """A venue could not be reached or gave no usable answer. Retry later; the text names the venue and the problem."""


class OutOfTime(VenueUnavailable):
    """A request that was not sent: its turn would have come after the time for requests."""


# Faults that an account's own data causes, and would cause again. Any other fault may pass, and is retried.
LASTING = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError, msgspec.MsgspecError)


def for_each_account(accounts: Sequence[str], act: Callable[[str], object]) -> None:
    """Act on each account, so that the failure of one does not stop the others.

    Then raise the first fault that may pass, so that the message is delivered again. If all faults are lasting, raise
    BadInput with every account and its fault, so that the message goes to the dead-letter queue with that reason.
    """
    failed: dict[str, Exception] = {}
    for account in accounts:
        try:
            act(account)
        except Exception as fault:  # noqa: BLE001 - raised below, once the other accounts had their turn
            failed[account] = fault
    if not failed:
        return
    passing = [fault for fault in failed.values() if not isinstance(fault, LASTING)]
    if passing:
        raise passing[0]
    texts = [f"account {account}: {type(fault).__name__}: {fault}" for account, fault in failed.items()]
    raise BadInput("; ".join(texts)) from next(iter(failed.values()))


class NothingThere(Exception):
    """The requested thing does not exist yet. The text says which command creates it."""


class NotReachable(Exception):
    """The desk did not answer, did not come up, or did not come to rest. The text says where to look."""
