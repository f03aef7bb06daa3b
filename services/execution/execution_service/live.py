"""The check that a live account may trade: its stage has to name its venue."""

from fanfold.desk import Desk
from fanfold.errors import BadInput


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
