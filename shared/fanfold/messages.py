"""Every message on the wire, and the topic that carries it.

All are frozen structs with a versioned tag; a change is a new optional field, or a ``.v2``. Amounts are decimal text,
times are UTC. Each has its id, its cause's id, and ``at``: the time of the market event that began it, a bar's close.
"""

from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum

import msgspec

from fanfold.market.bars import Frame
from fanfold.records import (
    Charge,
    DataDefect,
    Fill,
    LegCode,
    LegState,
    Order,
    OrderKind,
    OrderState,
    OrderUpdate,
    PositionSnapshot,
    Refusal,
    Replaced,
    Side,
    Target,
    TimeInForce,
    Utc,
)

# Who reads messages takes the records inside them from here too.
__all__ = [
    "Charge",
    "DataDefect",
    "Fill",
    "LegCode",
    "LegState",
    "Order",
    "OrderKind",
    "OrderState",
    "OrderUpdate",
    "PositionSnapshot",
    "Refusal",
    "Replaced",
    "Side",
    "Target",
    "TimeInForce",
    "Utc",
]


class TradingState(StrEnum):
    """The trading state of an account. Without one nothing is traded; an unknown one makes its message invalid."""

    ACTIVE = "ACTIVE"
    REDUCE_ONLY = "REDUCE_ONLY"
    HALTED = "HALTED"
    FLATTENING = "FLATTENING"


class BarsClosed(msgspec.Struct, frozen=True, kw_only=True, tag="bars-closed.v1", dict=True):
    """All closed bars of a poll, every timeframe, part ``part`` of ``parts``; the cause names the poll.

    Bars that were ``requested`` fill a reader's gap; readers that have had the poll's own ignore them.
    """

    id: str
    cause: str
    at: Utc
    venue: str
    part: int = 1
    parts: int = 1
    requested: bool = False
    frames: list[Frame]
    defects: list[DataDefect] = []


class BarsRequested(msgspec.Struct, frozen=True, kw_only=True, tag="bars-requested.v1", dict=True):
    """A request for bars that a reader misses: those that close after ``since_s`` and no later than ``until_s``."""

    id: str
    cause: str
    at: Utc
    venue: str
    timeframe: str
    instruments: list[str]
    since_s: int
    until_s: int


class Targets(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="targets.v1", dict=True):
    """The weights that every strategy instance of an account wants to hold as of the bars that closed at ``at``.

    ``poll_id`` names the poll of those bars; risk decides when it has all ``parts``. "" is no poll: risk decides at
    once. The targets of a part that are too long for one message are cut into ``chunks``.
    """

    id: str
    cause: str
    at: Utc
    account: str
    poll_id: str
    part: int = 1
    parts: int = 1
    chunk: int = 1
    chunks: int = 1
    targets: list[Target]


class LegStatus(msgspec.Struct, frozen=True, kw_only=True, tag="leg-status.v1", dict=True):
    """Legs that cannot trade, each with its reason, or that can again: sent once a change, for people to read."""

    id: str
    cause: str
    at: Utc
    account: str
    statuses: list[LegState]


class OrdersApproved(msgspec.Struct, frozen=True, kw_only=True, tag="orders-approved.v1", dict=True):
    """Orders that risk created, reserved funds for and wrote to the ledger in one transaction.

    ``withdrawn`` are ids of orders approved before: slices that are not to be sent any more, and entries that rest and
    are to be cancelled.
    """

    id: str
    cause: str
    at: Utc
    account: str
    orders: list[Order]
    withdrawn: list[str] | msgspec.UnsetType = msgspec.UNSET


class OrdersRefused(msgspec.Struct, frozen=True, kw_only=True, tag="orders-refused.v1", dict=True):
    """Orders that risk refused, each with its reason."""

    id: str
    cause: str
    at: Utc
    account: str
    refusals: list[Refusal]


class TradingStateChanged(
    msgspec.Struct, frozen=True, kw_only=True, tag="trading-state-changed.v1", dict=True, omit_defaults=True
):
    """An account's trading state was set, by whom and why.

    ``replaces`` is the id of the change before, where its giver named it: nothing stricter is replaced unnamed.
    """

    id: str
    cause: str
    at: Utc
    account: str
    state: TradingState
    reason: str
    actor: str
    replaces: str = ""


class CommandReceived(msgspec.Struct, frozen=True, kw_only=True, tag="command-received.v1", dict=True):
    """A command in its giver's words; what it did, the messages of the same ``actor`` say, why nothing, ``denied``."""

    id: str
    cause: str
    at: Utc
    actor: str
    text: str
    denied: str = ""


class ExecutionReport(msgspec.Struct, frozen=True, kw_only=True, tag="execution-report.v1", dict=True):
    """The results of an account's orders at a venue, and the books after them.

    ``matched`` says that a paper venue has matched every order with part ``part`` of the bars of a poll, or that what
    a real venue says of them is booked. ``uneven`` says that a leg of a bundle ended without its fill: risk decides on
    it before the next poll.
    """

    id: str
    cause: str
    at: Utc
    account: str
    venue: str
    matched: bool = False
    poll_id: str = ""
    part: int = 1
    parts: int = 1
    updates: list[OrderUpdate] = []
    fills: list[Fill] = []
    positions: list[PositionSnapshot] = []
    cash: Decimal | None = None
    version: int = 0
    uneven: bool | msgspec.UnsetType = msgspec.UNSET


Message = (
    BarsClosed
    | BarsRequested
    | Targets
    | LegStatus
    | OrdersApproved
    | OrdersRefused
    | TradingStateChanged
    | CommandReceived
    | ExecutionReport
)

# Topic -> the messages it carries.
TOPICS: dict[str, tuple[type[Message], ...]] = {
    "bars": (BarsClosed,),
    "bars-requested": (BarsRequested,),
    "targets": (Targets, LegStatus),
    "orders": (OrdersApproved, OrdersRefused, TradingStateChanged, CommandReceived),
    "executions": (ExecutionReport,),
}

# Service -> topic -> the attribute filter of its subscription; an empty filter takes all.
SUBSCRIPTIONS: dict[str, dict[str, dict[str, list[str]]]] = {
    "market-data": {"bars-requested": {}},
    "signal": {"bars": {}},
    "risk": {
        "bars": {"requested": ["false"]},
        "targets": {"type": ["targets.v1"]},
        "executions": {"matched": ["true"]},
    },
    "execution": {
        "bars": {"requested": ["false"]},
        "orders": {"type": ["orders-approved.v1", "trading-state-changed.v1"]},
    },
    "audit": {topic: {} for topic in ("bars", "bars-requested", "targets", "orders", "executions")},
}

# Service -> the messages that it publishes.
PUBLISHED: dict[str, tuple[type[Message], ...]] = {
    "market-data": (BarsClosed,),
    "signal": (Targets, LegStatus, BarsRequested),
    "risk": (OrdersApproved, OrdersRefused, TradingStateChanged, LegStatus),
    "execution": (ExecutionReport,),
    "audit": (),
    "alerts": (CommandReceived,),
}

_TOPIC_OF = {kind: topic for topic, kinds in TOPICS.items() for kind in kinds}
COMMANDS = "commands"  # The group and the audit stream of what persons command.
_OF_A_VENUE = (BarsClosed, BarsRequested)
_TAG_OF = {kind: str(kind.__struct_config__.tag) for kind in _TOPIC_OF}
_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)
_encoder = msgspec.json.Encoder(decimal_format="string")


# Without calls in Python around them: a message is read and written several times by each function on its way.
encode: Callable[[Message], bytes] = _encoder.encode
# Raises msgspec.ValidationError, which names the field, for a body that is none of ours or of an unknown version.
decode: Callable[[bytes | str], Message] = _decoder.decode


def stored_body(message: Message) -> bytes:
    """Encode a message that is stored and then published: ``published_body`` need not encode it a second time."""
    body: bytes = encode(message)
    message.__dict__["body"] = body
    return body


def published_body(message: Message) -> bytes:
    """Return a message encoded, and forget what ``stored_body`` kept of it."""
    return message.__dict__.pop("body", None) or encode(message)


def topic_of(message: Message) -> str:
    return _TOPIC_OF[type(message)]


def tag_of(kind: type[Message]) -> str:
    return _TAG_OF[kind]


def group_of(message: Message) -> str:
    """Return the FIFO message group: market messages by venue, the trading chain by account, commands together."""
    if isinstance(message, _OF_A_VENUE):
        return message.venue
    return COMMANDS if isinstance(message, CommandReceived) else message.account


def attributes_of(message: Message) -> dict[str, str]:
    """Return the attributes that subscriptions can filter on."""
    attributes = {"type": _TAG_OF[type(message)]}
    if isinstance(message, ExecutionReport):
        attributes["matched"] = "true" if message.matched or message.uneven else "false"
        attributes["updates"] = "true" if message.updates or message.fills else "false"
    elif isinstance(message, BarsClosed):
        attributes["requested"] = "true" if message.requested else "false"
    return attributes
