"""An operator's commands: open an account, halt it, resume it."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, Protocol

import msgspec

from fanfold import ids
from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.ledger.controls import REARMED
from fanfold.ledger.trading_state import OrderPermissions
from fanfold.messages import TradingState, TradingStateChanged

# Characters; a message takes far more, and nobody reads them.
REASON_MAX = 1_000


class ControlCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A command on an account, its reason, and the operator who gave it.

    ``state`` is for halt; resume is to ACTIVE, and with ``rearm`` the account's day and peak begin anew. ``replaces``
    names changes that set what is in force, by their ids or the beginning of them: no stricter state is replaced else.
    """

    action: Literal["open", "halt", "resume"]
    account: str
    reason: str
    actor: str
    state: TradingState = TradingState.HALTED
    rearm: bool = False
    replaces: list[str] = []


class Accounts(Protocol):
    """The ledger's accounts; each change is one transaction with its message."""

    def open(self, account: str, cash: Decimal, message: TradingStateChanged) -> bool: ...

    def permissions(self, account: str) -> OrderPermissions: ...

    def halt(self, message: TradingStateChanged, *, rearm: bool = False) -> None: ...


def handle_command(
    command: ControlCommand, desk: Desk, accounts: Accounts, now: datetime, request: str = ""
) -> dict[str, Any]:
    """Return the account's state after the command. Opening an account that is open changes nothing.

    ``request`` is the id of the request that brought the command: two commands of one time are two messages, a command
    that is repeated is the same.
    """
    if command.account not in desk.accounts:
        raise BadInput(f"account {command.account!r} is not in the desk; it has {sorted(desk.accounts)}")
    if not command.reason.strip():
        raise BadInput("a reason is needed: it goes into the audit chain")
    reason = bounded(command.reason)
    state = command.state if command.action == "halt" else TradingState.ACTIVE
    rearm = command.rearm and command.action == "resume"
    before = accounts.permissions(command.account)
    message = TradingStateChanged(
        id=ids.derive("halt", command.account, state, now.isoformat(), command.reason, command.actor, request),
        cause=f"operator/{command.actor}",
        at=before.after(now),
        account=command.account,
        state=state,
        reason=rearming(reason) if rearm else reason,
        actor=command.actor,
        replaces=before.named_by(command.replaces),
    )
    if command.action == "open":
        opened = accounts.open(command.account, desk.accounts[command.account].cash, message)
        return {"account": command.account, "opened": opened}
    accounts.halt(message, rearm=rearm)
    return {"account": command.account, "state": state, "change": message.id}


def bounded(reason: str) -> str:
    """Return a reason as long as a message may carry; a halt is not rejected because of a long one."""
    return reason if len(reason) <= REASON_MAX else f"{reason[: REASON_MAX - 1]}…"


def rearming(reason: str) -> str:
    """Return the reason as the audit chain has it."""
    return f"{reason} {REARMED}"
