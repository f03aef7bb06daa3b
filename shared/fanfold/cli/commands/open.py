"""Open an account of a new desk, or all, with its desk file's cash.

Example: fanfold open --stage dev --reason "first day"
"""

from fanfold.cli.argument_types import Account, Reason, Shared, StageName
from fanfold.cli.control import actor, checked_reason, send
from fanfold.cli.exit_codes import DESK
from fanfold.cli.output import Answer
from fanfold.stages.session import reach

EXITS = DESK


def command(*, options: Shared, stage: StageName = "", reason: Reason, account: Account = None) -> Answer:
    """Open accounts; one that is open stays as it is."""
    with reach(options.state, stage, options.command) as session:
        order = {"action": "open", "reason": checked_reason(reason), "actor": actor(session)}
        accounts = send(session, order, session.accounts(account))
    text = [f"account {row['account']}: {'opened' if row['opened'] else 'was open'}" for row in accounts]
    return Answer({"accounts": accounts}, ["\n".join(text)])
