"""The bodies of halts and resumes."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from fanfold.api.schemas import Name, Text
from fanfold.messages import TradingState

# A change of a trading state, by its id or the beginning of it.
ChangeCode = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8,32}$")]
# `fanfold watch` names a change for every account that it showed.
CHANGES_MAX = 1_000


class HaltRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Stop the named accounts, or every opened one where none is named. The reason goes into the audit chain.

    A stricter state (ACTIVE, REDUCE_ONLY, HALTED, FLATTENING) is only replaced where ``replaces`` names the change
    that set it, by its id or the beginning of it.
    """

    state: Literal["HALTED", "REDUCE_ONLY", "FLATTENING"] = "HALTED"
    accounts: Annotated[list[Name], msgspec.Meta(max_length=20)] = []
    reason: Text
    replaces: Annotated[list[ChangeCode], msgspec.Meta(max_length=CHANGES_MAX)] = []


class LeftAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account that a halt left in a stricter state: who set that, by which change, and what to do."""

    account: str
    state: str
    actor: str
    change: str
    detail: str


class HaltAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The accounts that are in the state now, and those that were left in a stricter one."""

    state: TradingState
    accounts: list[str]
    reason: str
    actor: str
    left: list[LeftAccount] = []


class ResumeRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for an account to trade again; with the confirmation of such a request, let it.

    After a drawdown ``rearm`` lets the day and the peak begin anew with the account's equity; it belongs into the first
    of the two requests.
    """

    account: Name
    reason: Text
    rearm: bool = False
    confirmation: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")] | None = None


class ResumeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """``state`` is ACTIVE once it is resumed. Until then: the confirmation to come back with.

    Another principal may come back at once, the one who asked not before ``own_from``, nobody after ``until``.
    """

    account: str
    state: Literal["PENDING", "ACTIVE"]
    confirmation: str
    own_from: datetime
    until: datetime
