"""Exceptions that callers are expected to handle.

ValueError
└── BadInput            the caller must change the input
Exception
├── Conflict            another writer came first; read again and retry
├── VenueUnavailable    the venue did not answer; retry later
├── NothingThere        what was requested does not exist yet
└── NotReachable        the desk did not answer
"""

from collections.abc import Callable, Sequence

import msgspec


class BadInput(ValueError):
    """Wrong input. The text names what is wrong and what to write instead."""


class Conflict(Exception):
    """Another writer came first. Read again and decide again."""


class VenueUnavailable(Exception):
    """A venue could not be reached or gave no usable answer. Retry later; the text names the venue and the problem."""


# Faults that an account's own data causes, and would cause again. Any other fault may pass, and is retried.
LASTING = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError, msgspec.MsgspecError)


def apart(accounts: Sequence[str], act: Callable[[str], object]) -> None:
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
    passing = [fault for fault in failed.values() if not isinstance(fault, LASTING)]
    if passing:
        raise passing[0]
    if failed:
        texts = [f"account {account}: {type(fault).__name__}: {fault}" for account, fault in failed.items()]
        raise BadInput("; ".join(texts)) from next(iter(failed.values()))


class NothingThere(Exception):
    """What was requested does not exist yet. The text says which command creates it."""


class NotReachable(Exception):
    """The desk did not answer. The text says where to look."""
