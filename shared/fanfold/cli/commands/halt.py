"""Stop an account, or all: it holds until `resume`.

Example: fanfold halt HALTED --reason "venue is down"
Example: fanfold halt FLATTENING --account main --reason "end of the trial"
"""

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from cyclopts import Parameter

from fanfold.cli.argument_types import Account, Reason, Shared, StageName, read_by
from fanfold.cli.control import actor, checked_reason, confirmed, send
from fanfold.cli.exit_codes import DESK
from fanfold.cli.output import Answer
from fanfold.messages import TradingState
from fanfold.stages.session import StageSession, reach

EXITS = DESK
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
        HaltState,
        Parameter(
            metavar="STATE",
            converter=read_by(read_state),
            help="HALTED: nothing trades; REDUCE_ONLY: only towards zero; FLATTENING: everything is closed",
        ),
    ],
    /,
    *,
    options: Shared,
    stage: StageName = "",
    reason: Reason,
    account: Account = None,
) -> Answer:
    """Set the trading state of an account, or of all."""
    with reach(options.state, stage, options.command) as session:
        why, by = checked_reason(reason), actor(session)
        if isinstance(session, StageSession):
            named = [account] if account else []
            answer = session.control("/halt", {"state": state, "accounts": named, "reason": why})
            rows = [{"account": name, "state": answer["state"]} for name in answer["accounts"]]
            return confirmed(rows, why, by, recorded=False)
        order = {"action": "halt", "state": state, "reason": why, "actor": by}
        rows = send(session, order, session.accounts(account))
        return confirmed(rows, why, by, recorded=session.rested())
