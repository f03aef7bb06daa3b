"""``fanfold open``, ``halt`` and ``resume``: what an account may do, said by an operator."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from datetime import datetime
from getpass import getuser
from typing import Any

from fanfold.aws.client.call import AwsFault
from fanfold.cli.commands.command import Command
from fanfold.cli.output import Answer, moment
from fanfold.errors import BadInput
from fanfold.local.session import Session
from fanfold.messages import TradingState
from fanfold.stages.session import StageSession, reach

STATES = tuple(state for state in TradingState if state is not TradingState.ACTIVE)


def open_accounts(arguments: Namespace) -> Answer:
    """Open an account, or all, with the cash of the desk file; one that is open stays as it is."""
    with reach(arguments) as session:
        asked = {"action": "open", "reason": _reason(arguments), "actor": _actor(session)}
        done = [_tell(session, asked | {"account": name}) for name in session.accounts(arguments.account)]
    text = [f"account {one['account']}: {'opened' if one['opened'] else 'was open'}" for one in done]
    return Answer({"accounts": done}, ["\n".join(text)])


def halt(arguments: Namespace) -> Answer:
    """Set the trading state of an account, or of all."""
    with reach(arguments) as session:
        if isinstance(session, StageSession):
            named = [arguments.account] if arguments.account else []
            body = {"state": arguments.trading_state, "accounts": named, "reason": _reason(arguments)}
            told = session.control("/halt", body)
            done = [{"account": name, "state": told["state"]} for name in told["accounts"]]
            return _told(arguments, done, session.principal, recorded=False)
        return _command(session, arguments, {"action": "halt", "state": arguments.trading_state})


def resume(arguments: Namespace) -> Answer:
    """Let an account, or all, trade again; in a stage this takes a second person, or a while."""
    if arguments.confirmation and not (arguments.stage and arguments.account):
        raise BadInput("a confirmation is of one account of a stage: name both, with --stage and --account")
    with reach(arguments) as session:
        if isinstance(session, StageSession):
            return _resume_stage(session, arguments)
        return _command(session, arguments, {"action": "resume", "rearm": arguments.rearm})


def _resume_stage(session: StageSession, arguments: Namespace) -> Answer:
    body = {"reason": _reason(arguments), "confirmation": arguments.confirmation, "rearm": arguments.rearm}
    done = [session.control("/resume", body | {"account": name}) for name in session.accounts(arguments.account)]
    return Answer({"accounts": done}, ["\n".join(_resumed(one, arguments) for one in done)])


def _resumed(one: dict[str, Any], arguments: Namespace) -> str:
    if one["state"] == TradingState.ACTIVE:
        return f"account {one['account']}: ACTIVE ({arguments.reason})"
    own, until = (moment(datetime.fromisoformat(one[name])) for name in ("own_from", "until"))
    again = f"fanfold resume --stage {arguments.stage} --account {one['account']} --reason TEXT"
    return (
        f"account {one['account']}: still halted, until somebody else confirms, or you do after {own}, with\n"
        f"  {again} --confirmation {one['confirmation']}\nNobody can after {until}."
    )


def _command(session: Session, arguments: Namespace, action: dict[str, Any]) -> Answer:
    asked = action | {"reason": _reason(arguments), "actor": getuser()}
    done = [_tell(session, asked | {"account": name}) for name in session.accounts(arguments.account)]
    return _told(arguments, done, asked["actor"], recorded=session.rested())


def _told(arguments: Namespace, done: list[dict[str, Any]], actor: str, *, recorded: bool) -> Answer:
    reason = _reason(arguments)
    text = [f"account {one['account']}: {one['state']} ({reason}, by {actor})" for one in done]
    if not recorded:
        text.append("in force; the queues are not empty yet, so the audit chain has it a little later")
    document = {"accounts": done, "reason": reason, "actor": actor, "recorded": recorded}
    return Answer(document, ["\n".join(text)])


def _reason(arguments: Namespace) -> str:
    reason: str = arguments.reason.strip()
    if not reason:
        raise BadInput("--reason is empty; say why: it goes into the audit chain")
    return reason


def _actor(session: Session) -> str:
    return session.principal if isinstance(session, StageSession) else getuser()


def _tell(session: Session, command: dict[str, Any]) -> dict[str, Any]:
    try:
        return session.invoke("risk", "control", command)
    except AwsFault as fault:
        if fault.code == "BadInput":
            raise BadInput(f"{fault.message}; `fanfold run` opens accounts") from fault
        raise


def _state(text: str) -> TradingState:
    name = text.upper().replace("-", "_")
    if name == TradingState.ACTIVE:
        raise ArgumentTypeError("to trade again use `fanfold resume --reason TEXT`")
    if name not in STATES:
        raise ArgumentTypeError(f"{text!r} is not one of {', '.join(STATES)}")
    return TradingState(name)


def _add_reason(parser: ArgumentParser) -> None:
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why; it goes into the audit chain")
    parser.add_argument("--account", metavar="NAME", help="one account of the desk; without it, all")


def _add_halt_arguments(parser: ArgumentParser) -> None:
    about = "HALTED: nothing trades; REDUCE_ONLY: only towards zero; FLATTENING: everything is closed"
    parser.add_argument("trading_state", type=_state, metavar="STATE", help=about)
    _add_reason(parser)


def _add_resume_arguments(parser: ArgumentParser) -> None:
    _add_reason(parser)
    about = "after a drawdown: let the day's loss and the peak begin anew with the equity of now"
    parser.add_argument("--rearm", action="store_true", help=about)
    about = "what an earlier `resume` of a stage's account said to come back with"
    parser.add_argument("--confirmation", metavar="CODE", help=about)


COMMANDS = (
    Command(
        ("open",),
        "Open an account of a new desk, or all, with the cash of its desk file.",
        'fanfold open --stage dev --reason "first day"',
        open_accounts,
        _add_reason,
        staged=True,
    ),
    Command(
        ("halt",),
        "Stop an account, or all: it holds until `resume`.",
        'fanfold halt HALTED --reason "venue is down"',
        halt,
        _add_halt_arguments,
        staged=True,
    ),
    Command(
        ("resume",),
        "Let an account, or all, trade again; a stage asks for a second person, or a while.",
        'fanfold resume --reason "venue is back"',
        resume,
        _add_resume_arguments,
        staged=True,
    ),
)
