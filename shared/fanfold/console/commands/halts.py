"""``fanfold halt`` and ``fanfold resume``: what an account may do, said by an operator."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from getpass import getuser
from typing import Any

from fanfold.aws.calls import AwsFault
from fanfold.console.commands import Command
from fanfold.console.desk_run import invoke
from fanfold.console.output import Answer
from fanfold.console.session import Session, connect
from fanfold.messages import Halt
from fanfold.refusals import BadInput

STATES = tuple(state for state in Halt if state is not Halt.ACTIVE)


def halt(arguments: Namespace) -> Answer:
    """Set the halt state of an account, or of all."""
    return _command(arguments, {"action": "halt", "state": arguments.halt_state})


def resume(arguments: Namespace) -> Answer:
    """Let an account, or all, trade again."""
    return _command(arguments, {"action": "resume"})


def _command(arguments: Namespace, action: dict[str, Any]) -> Answer:
    reason = arguments.reason.strip()
    if not reason:
        raise BadInput("--reason is empty; say why: it goes into the audit chain")
    asked = action | {"reason": reason, "actor": getuser()}
    with connect(arguments.state) as session:
        done = [_tell(session, asked | {"account": name}) for name in session.accounts(arguments.account)]
        recorded = session.rested()
    text = [f"account {one['account']}: {one['state']} ({reason}, by {asked['actor']})" for one in done]
    if not recorded:
        text.append("in force; the queues are not empty yet, so the audit chain has it a little later")
    document = {"accounts": done, "reason": reason, "actor": asked["actor"], "recorded": recorded}
    return Answer(document, ["\n".join(text)])


def _tell(session: Session, command: dict[str, Any]) -> dict[str, Any]:
    try:
        return invoke(session.call, "risk", "control", command)
    except AwsFault as fault:
        if fault.code == "BadInput":
            raise BadInput(f"{fault.message}; `fanfold run` opens accounts") from fault
        raise


def _state(text: str) -> Halt:
    name = text.upper().replace("-", "_")
    if name == Halt.ACTIVE:
        raise ArgumentTypeError("to trade again use `fanfold resume --reason TEXT`")
    if name not in STATES:
        raise ArgumentTypeError(f"{text!r} is not one of {', '.join(STATES)}")
    return Halt(name)


def _add_reason(parser: ArgumentParser) -> None:
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why; it goes into the audit chain")
    parser.add_argument("--account", metavar="NAME", help="one account of the desk; without it, all")


def _add_halt_arguments(parser: ArgumentParser) -> None:
    about = "HALT: nothing trades; REDUCE_ONLY: only towards zero; FLATTEN: everything is closed"
    parser.add_argument("halt_state", type=_state, metavar="STATE", help=about)
    _add_reason(parser)


COMMANDS = (
    Command(
        ("halt",),
        "Stop an account, or all: it holds until `resume`.",
        'fanfold halt HALT --reason "venue is down"',
        halt,
        _add_halt_arguments,
    ),
    Command(
        ("resume",),
        "Let an account, or all, trade again.",
        'fanfold resume --reason "venue is back"',
        resume,
        _add_reason,
    ),
)
