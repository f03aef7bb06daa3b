"""Commands of an operator to risk: the trading state to set, the reason, and the operator."""

from collections.abc import Sequence
from getpass import getuser
from typing import Any

from fanfold.aws.client.call import AwsFault
from fanfold.cli.output import Answer
from fanfold.errors import BadInput, NotReachable
from fanfold.local.session import Session
from fanfold.stages.session import StageSession


def checked_reason(reason: str) -> str:
    """Return a reason without blanks around it. Raises BadInput for an empty one."""
    if not reason.strip():
        raise BadInput("--reason is empty; say why: it goes into the audit chain")
    return reason.strip()


def actor(session: Session) -> str:
    """Return the operator's name: the caller as AWS sees it, or the user of this machine."""
    return session.principal if isinstance(session, StageSession) else getuser()


def send(session: Session, command: dict[str, Any], accounts: Sequence[str]) -> list[dict[str, Any]]:
    """Give risk a command for each account, and return its answers.

    A fault of one account does not keep the command from the others; the first is raised after them.
    """
    answers: list[dict[str, Any]] = []
    faults: list[Exception] = []
    for account in accounts:
        try:
            answers.append(_send(session, command | {"account": account}))
        except (AwsFault, BadInput, NotReachable) as fault:
            faults.append(fault)
    if faults:
        raise faults[0]
    return answers


def _send(session: Session, command: dict[str, Any]) -> dict[str, Any]:
    try:
        return session.invoke("risk", "control", command)
    except AwsFault as fault:
        if fault.code == "BadInput":
            raise BadInput(fault.message) from fault
        raise


def confirmed(accounts: list[dict[str, Any]], reason: str, by: str, *, recorded: bool) -> Answer:
    """Return the trading states that accounts have now, and whether the audit chain has them already."""
    text = [f"account {account['account']}: {account['state']} ({reason}, by {by})" for account in accounts]
    if not recorded:
        text.append("in force; the queues are not empty yet, so the audit chain has it a little later")
    rows = [{name: account[name] for name in ("account", "state")} for account in accounts]
    document = {"accounts": rows, "reason": reason, "actor": by, "recorded": recorded}
    return Answer(document, ["\n".join(text)])
