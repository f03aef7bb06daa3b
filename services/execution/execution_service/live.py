"""The check that a live account may trade: its stage has to name its venue."""

from collections.abc import Sequence
from typing import Protocol

from fanfold.desk import Desk
from fanfold.errors import BadInput, VenueUnavailable
from fanfold.ledger.real_money import RealMoney


class KeylessLedger(Protocol):
    """Execution's side of the ledger; see fanfold.ledger.bookings."""

    def live(self, account: str) -> Sequence[object]: ...

    def real_money(self, account: str) -> RealMoney: ...


class AwaitsKey(VenueUnavailable):
    """A live account that has nothing to follow yet: nobody has stored the first key of its venue."""


def check(desk: Desk, account: str, live_venue: str) -> None:
    """Raise BadInput unless real orders of a live account may go to its venue."""
    venue = desk.accounts[account].venue
    if venue == live_venue:
        return
    stage = f"the stage names {live_venue!r}" if live_venue else "the stage names none"
    raise BadInput(
        f"account {account!r} is live at {venue!r}, and {stage}: real orders go only to the venue that "
        'FANFOLD_LIVE_VENUE names in the stage live; give accounts at other venues mode = "paper"'
    )


def missing_key(desk: Desk, account: str, secret: str, ledger: KeylessLedger) -> Exception:
    """Return the exception for a parameter without a key: BadInput for an account that ever traded at its venue.

    Any other has nothing there that somebody would have to follow, and waits.
    """
    venue, stored = desk.accounts[account].venue, f"store it, as docs/live.md says, in the parameter {secret}"
    if ledger.live(account) or ledger.real_money(account) != RealMoney():
        return BadInput(f"account {account!r} has traded at {venue!r}, and its key is gone: {stored}")
    return AwaitsKey(f"account {account!r} waits for the first key of {venue!r}: {stored}")
