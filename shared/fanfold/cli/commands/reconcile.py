"""Compare live accounts with their exchange.

Orders, trades and balances are compared; without --apply nothing is changed. While a run at the simulated exchange
trades, its books are compared with that exchange. It ends with the run, and from then on the command shows the
comparison of the run's end.

Example: fanfold reconcile --stage live
Example: fanfold reconcile --stage live --account main --apply --reason "a deposit of 1 BTC"
Example: fanfold reconcile --stage live --account main --end ORDER --reason "support says it never came"
"""

import time
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from fanfold.aws.client.call import AwsFault
from fanfold.cli import box_checks
from fanfold.cli.argument_types import Account, Shared, StageName
from fanfold.cli.box_checks import BOX
from fanfold.cli.control import actor, checked_reason
from fanfold.cli.exit_codes import DESK, Exit
from fanfold.cli.output import Answer
from fanfold.errors import BadInput, NothingThere, NotReachable
from fanfold.local import state_directory
from fanfold.local.session import LocalSession, Session
from fanfold.stages.session import reach

EXITS = (Exit.FAILED, *DESK)
# The clocks of a run at the simulated exchange are set one after the other, and a real one has its moments.
TRIES, PAUSE_S = 5, 1.0


def command(
    *,
    options: Shared,
    stage: StageName = "",
    account: Account = None,
    apply: Annotated[
        bool, Parameter(help="book, cancel and accept the balances, instead of only saying what would be done")
    ] = False,
    end: Annotated[
        str,
        Parameter(metavar="ORDER", help="end an order that the exchange does not know any more: its id, or its start"),
    ] = "",
    reason: Annotated[str, Parameter(metavar="TEXT", help="with --apply or --end: why; it goes into the log")] = "",
) -> Answer:
    """Say what the books and the exchange of live accounts differ in; with --apply, bring the books to it."""
    if bool(reason) != (apply or bool(end)):
        raise BadInput("--apply goes with --reason TEXT, and so does --end: the reason goes into the log")
    if end and (apply or not account):
        raise BadInput("--end ORDER goes with the --account that the order is of, and without --apply")
    with reach(options.state, stage, options.command) as session:
        live = [name for name in session.accounts(account) if session.desk.accounts[name].mode == "live"]
        if not live:
            raise BadInput('no account is live; `mode = "live"` of an account sends its orders to an exchange')
        if isinstance(session, LocalSession) and not session.running:
            return _after_the_run(session.state, apply=apply or bool(end))
        wanted = {"end": end} if end else {"apply": apply}
        order = wanted | {"actor": actor(session), "reason": checked_reason(reason)} if reason else {}
        rows = [_reconciled(session, {"reconcile": name} | order) for name in live]
        return Answer({"accounts": rows}, ["\n".join(_text(row) for row in rows)])


def _reconciled(session: Session, event: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of execution; at an exchange that gives none it is asked a few times."""
    tries = 0
    while True:
        try:
            return session.invoke("execution", "sweep", event)
        except AwsFault as fault:
            if fault.code == "BadInput":
                raise BadInput(fault.message) from fault
            if fault.code != "VenueUnavailable":
                raise
            tries += 1
            if tries == TRIES:
                raise NotReachable(f"{fault.message}; ask again in a minute") from fault
        time.sleep(PAUSE_S)


def _after_the_run(state: Path, *, apply: bool) -> Answer:
    """Return what books and the simulated exchange differed in at the end of their run."""
    again = "`fanfold run --exchange box` starts another, and reconcile works while that one trades"
    if state_directory.read_request(state).live != BOX:
        raise BadInput("no real orders went out of this run, so there is no exchange to compare with")
    if apply:
        raise BadInput(
            f"the simulated exchange ended with its run, so --apply has nothing to correct the books by. {again}"
        )
    compared = box_checks.stored(state)
    if compared is None:
        raise NothingThere(
            "the run was killed, and its exchange with it, before the two were compared; `fanfold status` and "
            f"`fanfold orders` show the books. {again}"
        )
    text = ["the simulated exchange ended with its run; when it did:", *box_checks.lines(compared)]
    code = Exit.FAILED if compared.violations else Exit.OK
    return Answer({"at_the_end": msgspec.to_builtins(compared)}, ["\n".join(text)], code)


def _text(row: dict[str, Any]) -> str:
    if not row["changes"]:
        return f"account {row['account']}: books and exchange agree"
    changes = "\n".join(f"  {change}" for change in row["changes"])
    return f"account {row['account']}: {'done' if row['applied'] else 'to be done'}\n{changes}"
