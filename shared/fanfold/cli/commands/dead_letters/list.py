"""List messages that could not be handled, and why; they stay where they are.

Example: fanfold dead-letters list --service risk
"""

from fanfold.cli.argument_types import Service, Shared, StageName
from fanfold.cli.dead_letters import receive, release, row, services_of
from fanfold.cli.exit_codes import DESK
from fanfold.cli.output import Answer, grid
from fanfold.stages.session import reach

EXITS = DESK
_COLUMNS = {
    "service": "service",
    "message_id": "message",
    "age_s": "age s",
    "receives": "receives",
    "source": "source",
    "reason": "reason",
    "body": "body",
}


def command(*, options: Shared, stage: StageName = "", service: Service = None) -> Answer:
    """Return every dead letter with its reason."""
    with reach(options.state, stage, options.command) as session:
        letters = [letter for name in services_of(session, service) for letter in receive(session, name)]
        for letter in letters:
            release(session, letter)
    rows = [row(letter) for letter in letters]
    if not rows:
        return Answer({"dead_letters": []}, ["no dead letters"])
    return Answer({"dead_letters": rows}, [grid("", rows, _COLUMNS), f"{len(rows)} dead letters"])
