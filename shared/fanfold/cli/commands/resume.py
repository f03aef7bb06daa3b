"""Let an account, or all, trade again.

In a stage a resume is confirmed by a second person at once, or by yourself after 15 minutes, within an hour: run it
again with --confirmation.

After a drawdown refusals last until the peak is reset: use --rearm, also where the account is ACTIVE.

Example: fanfold resume --reason "venue is back"
Example: fanfold resume --stage live --account main --reason "venue is back"
"""

from datetime import datetime
from typing import Annotated, Any

from cyclopts import Parameter

from fanfold.aws.dynamodb import ledger
from fanfold.cli.argument_types import Account, Reason, Shared, StageName
from fanfold.cli.control import actor, checked_reason, confirmed, send
from fanfold.cli.exit_codes import DESK
from fanfold.cli.output import Answer, moment
from fanfold.errors import BadInput
from fanfold.messages import TradingState
from fanfold.stages.session import StageSession, reach

EXITS = DESK


def command(
    *,
    options: Shared,
    stage: StageName = "",
    reason: Reason,
    account: Account = None,
    rearm: Annotated[
        bool, Parameter(help="after a drawdown: count the day's loss and the drawdown from the present equity")
    ] = False,
    confirmation: Annotated[
        str | None,
        Parameter(metavar="CODE", help="the code that the first `resume` printed"),
    ] = None,
) -> Answer:
    """Let accounts trade again."""
    if confirmation and not (stage and account):
        raise BadInput("a confirmation is of one account of a stage: name both, with --stage and --account")
    with reach(options.state, stage, options.command) as session:
        why = checked_reason(reason)
        if isinstance(session, StageSession):
            body = {"reason": why, "confirmation": confirmation, "rearm": rearm}
            rows = [session.control("/resume", body | {"account": name}) for name in session.accounts(account)]
            return Answer({"accounts": rows}, ["\n".join(_text(row, stage, reason) for row in rows)])
        by = actor(session)
        accounts = session.accounts(account)
        # A halt that comes from now on is not undone.
        known = [ledger.trading_state(session.ledger, name).change for name in accounts]
        order = {"action": "resume", "rearm": rearm, "reason": why, "actor": by, "replaces": known}
        rows = send(session, order, accounts)
        return confirmed(rows, why, by, recorded=session.rested())


def _text(row: dict[str, Any], stage: str, reason: str) -> str:
    if row["state"] == TradingState.ACTIVE:
        return f"account {row['account']}: ACTIVE ({reason})"
    own, until = (moment(datetime.fromisoformat(row[name])) for name in ("own_from", "until"))
    again = f"fanfold resume --stage {stage} --account {row['account']} --reason TEXT"
    return (
        f"account {row['account']}: nothing has changed yet; somebody else confirms now, or you do after {own}, with\n"
        f"  {again} --confirmation {row['confirmation']}\nNobody can after {until}."
    )
