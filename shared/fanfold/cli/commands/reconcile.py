"""Compare live accounts with their exchange.

Orders, trades and balances are compared; without --apply nothing is changed.

Example: fanfold reconcile --stage live
Example: fanfold reconcile --stage live --account main --apply --reason "a deposit of 1 BTC"
"""

from typing import Annotated, Any

from cyclopts import Parameter

from fanfold.cli.argument_types import Account, Shared, StageName
from fanfold.cli.control import actor, checked_reason
from fanfold.cli.exit_codes import DESK
from fanfold.cli.output import Answer
from fanfold.errors import BadInput
from fanfold.stages.session import reach

EXITS = DESK


def command(
    *,
    options: Shared,
    stage: StageName = "",
    account: Account = None,
    apply: Annotated[
        bool, Parameter(help="book, cancel and accept the balances, instead of only saying what would be done")
    ] = False,
    reason: Annotated[str, Parameter(metavar="TEXT", help="with --apply: why; it goes into the log")] = "",
) -> Answer:
    """Say what the books and the exchange of live accounts differ in; with --apply, bring the books to it."""
    if bool(reason) != apply:
        raise BadInput("--apply goes with --reason TEXT: it takes what the exchange has for right")
    with reach(options.state, stage, options.command) as session:
        live = [name for name in session.accounts(account) if session.desk.accounts[name].mode == "live"]
        if not live:
            raise BadInput('no account is live; `mode = "live"` of an account sends its orders to an exchange')
        order = {"apply": apply, "actor": actor(session), "reason": checked_reason(reason)} if apply else {}
        rows = [session.invoke("execution", "sweep", {"reconcile": name} | order) for name in live]
        return Answer({"accounts": rows}, ["\n".join(_text(row) for row in rows)])


def _text(row: dict[str, Any]) -> str:
    if not row["changes"]:
        return f"account {row['account']}: books and exchange agree"
    changes = "\n".join(f"  {change}" for change in row["changes"])
    return f"account {row['account']}: {'done' if row['applied'] else 'to be done'}\n{changes}"
