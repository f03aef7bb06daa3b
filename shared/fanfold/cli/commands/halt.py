"""Stop an account, or all: it holds until `resume`.

REDUCE_ONLY opens no position and keeps exits and stop-losses working. HALTED stops exits too: a stop-loss that the desk
keeps does not act; one that rests at the exchange stays there. FLATTENING closes every position. Open entry orders are
cancelled in each of them. docs/operations.md has the table.

A stricter state (in order ACTIVE, REDUCE_ONLY, HALTED, FLATTENING) is left in force, and the command says who set it:
name it with --replaces to set a looser one all the same.

With --drill it holds for a moment: the command shows with times what the halt cancels, and the account trades on as
before. A running desk is drilled on its paper accounts, a stopped one on a temporary copy.

Example: fanfold halt REDUCE_ONLY --reason "no new positions before the weekend"
Example: fanfold halt HALTED --reason "the books look wrong"
Example: fanfold halt --drill
Example: fanfold halt FLATTENING --account main --reason "end of the trial"
"""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import msgspec
from cyclopts import Parameter

from fanfold.cli.argument_types import Account, Reason, Shared, StageName, read_by
from fanfold.cli.control import actor, checked_reason, confirmed, send
from fanfold.cli.drill import Drill, lines
from fanfold.cli.exit_codes import DESK, Exit
from fanfold.cli.output import Answer
from fanfold.errors import BadInput
from fanfold.local.directory_lock import LOCK, holder
from fanfold.local.session import Session
from fanfold.messages import TradingState
from fanfold.stages.session import StageSession, reach

EXITS = (Exit.FAILED, *DESK)
STATES = tuple(state for state in TradingState if state is not TradingState.ACTIVE)


if TYPE_CHECKING:
    HaltState: TypeAlias = TradingState
else:
    HaltState = Literal[tuple(map(str, STATES))]


def read_state(written: str) -> TradingState:
    """Return a trading state that stops something; hyphens and small letters will do."""
    name = written.upper().replace("-", "_")
    if name == TradingState.ACTIVE:
        raise ValueError("to trade again use `fanfold resume --reason TEXT`")
    if name not in STATES:
        raise ValueError(f"{written!r} is not one of {', '.join(STATES)}")
    return TradingState(name)


def command(
    state: Annotated[
        HaltState | None,
        Parameter(
            metavar="STATE",
            converter=read_by(read_state),
            help="REDUCE_ONLY: exits and stop-losses only; HALTED: not even exits; FLATTENING: close everything",
        ),
    ] = None,
    /,
    *,
    options: Shared,
    stage: StageName = "",
    reason: Reason | None = None,
    account: Account = None,
    replaces: Annotated[
        str, Parameter(metavar="CODE", help="the stricter state to replace, as the command that left it in force says")
    ] = "",
    drill: Annotated[bool, Parameter(help="halt for a moment, on paper, and show with times what that does")] = False,
    live: Annotated[bool, Parameter(help="with --drill: accounts that are live, too")] = False,
) -> Answer:
    """Set the trading state of an account, or of all."""
    if drill:
        if state or reason is not None or stage or replaces:
            raise BadInput(
                "--drill goes without STATE, --reason, --replaces and --stage: it ends by itself, on this machine"
            )
        return _drilled(options, account, live=live)
    if live:
        raise BadInput("--live goes with --drill")
    if state is None or reason is None:
        missing = "STATE" if state is None else "--reason"
        raise BadInput(f"{missing} is missing; see `fanfold halt --help`")
    with reach(options.state, stage, options.command) as session:
        return set_state(
            session, state, checked_reason(reason), [account] if account else [], [replaces] * bool(replaces)
        )


def set_state(
    session: Session, state: TradingState, why: str, named: list[str], replaces: Sequence[str] = ()
) -> Answer:
    """Set the trading state of the named accounts, or of all where none is named.

    ``replaces`` names the changes that set what is in force, by their ids or the beginning of them. Raises BadInput for
    an account that is left in a stricter state, after the others are set.
    """
    by = actor(session)
    if isinstance(session, StageSession):
        # A stage that was deployed before `replaces` takes a halt without it, and answers without `left`.
        named_changes = {"replaces": replaces} if replaces else {}
        answer = session.control("/halt", {"state": state, "accounts": named, "reason": why} | named_changes)
        if kept := answer.get("left"):
            raise BadInput("; ".join(f"account {left['account']} {left['detail']}" for left in kept))
        rows = [{"account": name, "state": answer["state"]} for name in answer["accounts"]]
        return confirmed(rows, why, by, recorded=False)
    order = {"action": "halt", "state": state, "reason": why, "actor": by, "replaces": replaces}
    accounts = [known for name in named for known in session.accounts(name)] or session.accounts(None)
    rows = send(session, order, accounts)
    return confirmed(rows, why, by, recorded=session.rested())


def _drilled(options: Shared, account: str | None, *, live: bool) -> Answer:
    """Drill paper accounts, and with ``live`` the others: at rest on a copy, so that the run stays as it is."""
    with _directory(options) as (state, copied), reach(state, "", options.command) as session:
        chosen = {name: session.desk.accounts[name].mode for name in session.accounts(account)}
        names = [name for name, mode in chosen.items() if live or mode == "paper"]
        if not names:
            raise BadInput(f"{', '.join(chosen)} is live: --live drills it all the same, and cancels at its exchange")
        drills = Drill(session, actor(session), time.monotonic, time.sleep).run(names)
        session.rested()
    where = "on a copy of the run, which stays as it is" if copied else "on the desk that runs"
    text = [f"drilled {where}", *(line for each in drills for line in lines(each))]
    code = Exit.FAILED if any(each.failures for each in drills) else Exit.OK
    return Answer({"copy": copied, "accounts": msgspec.to_builtins(drills)}, ["\n".join(text)], code)


@contextmanager
def _directory(options: Shared) -> Iterator[tuple[Path, bool]]:
    """Yield the state directory of a desk that runs, or a copy of one at rest, and whether it is a copy."""
    state = options.state.resolve()
    if holder(state) is not None or not (state / "aws").exists():
        yield state, False
        return
    with TemporaryDirectory(prefix="fanfold-drill-") as scratch:
        copy = Path(scratch) / "state"
        shutil.copytree(state, copy, ignore=shutil.ignore_patterns(*_NOT_COPIED))
        yield copy, True


# Earlier runs, and files of running processes.
_NOT_COPIED = ("runs", "lake-cache", "logs", "run.json", LOCK)
