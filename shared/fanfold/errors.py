"""What is said when something is wrong: wrong input, a conflict that may be tried again, a venue that is not there."""

from collections.abc import Callable, Sequence

import msgspec


class BadInput(ValueError):
    """The caller's input is wrong; the text names the thing and what to do about it."""


class Conflict(Exception):
    """Another writer came first; read again and decide anew."""


class VenueUnavailable(Exception):
    """A venue could not be asked or gave no usable answer; the text names it and what is wrong, to be tried later."""


# What the account's own data leads to, and would lead to again; anything else may pass and is tried again.
LASTING = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError, msgspec.MsgspecError)


def apart(accounts: Sequence[str], act: Callable[[str], object]) -> None:
    """Act on each account.

    Afterwards raise the first fault that may pass, so that the message comes again, or else BadInput, which names each
    account and its fault, so that the message is dead-lettered with that reason and holds up nobody.
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
    """What was asked for does not exist yet; the text says what would make it."""


class NotReachable(Exception):
    """The desk gave no answer; the text says what to look at."""
