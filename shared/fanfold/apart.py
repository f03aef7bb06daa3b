"""What fails for one account is tried for the others."""

from collections.abc import Callable, Sequence

import msgspec

from fanfold.refusals import BadInput

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
