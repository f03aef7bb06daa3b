"""The records inside the messages: orders, targets, fills, and states of legs."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from fanfold.codes import Code, OpenEnum

Side = Literal["buy", "sell"]
OrderKind = Literal["market", "limit", "stop"]
TimeInForce = Literal["gtc", "ioc"]
Utc = Annotated[datetime, msgspec.Meta(tz=True)]  # Without a zone it would be read as local time.


class OrderState(StrEnum):
    """The state of an order, see ``fanfold.ledger.orders``. A reader rejects a message with an unknown state."""

    APPROVED = "APPROVED"
    SUBMITTING = "SUBMITTING"
    OPEN = "OPEN"
    PARTIAL = "PARTIAL"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"
    BLOCKED = "BLOCKED"
    STALE = "STALE"


TERMINAL = frozenset(
    {
        OrderState.FILLED,
        OrderState.CANCELED,
        OrderState.EXPIRED,
        OrderState.REJECTED,
        OrderState.BLOCKED,
        OrderState.STALE,
    }
)


class LegCode(OpenEnum):
    """The status of a leg. A reader shows a code of a later version as the text that it is: nothing is decided by it.

    OK: the leg trades again. FAULT: its strategy raised, or returned something that is no weight. WARMING_UP: it has
    not seen as many bars as it looks back on. MISSING_BARS: it waits for bars, or goes on without those of an
    instrument. STARTED_AFRESH: its stored state does not fit any more. BELOW_MINIMUM, DUST and NO_PRICE: no order can
    be made for its target. STOPPED_OUT: its protection closed it, or its bundle was uneven for too long, until its
    strategy wants none or the other side.
    RULES_CHANGED: it trades by tick, lot or limits of its venue that the desk file's do not meet.
    UNPROTECTED: its real venue rejected a stop for its position, or it is too small for one: the desk alone protects
    it. ORPHANED: it holds a position, and its instance or instrument is not in the desk file any more. FLAT: under
    FLATTENING its account holds nothing any more.
    """

    OK = "OK"
    FAULT = "FAULT"
    WARMING_UP = "WARMING_UP"
    MISSING_BARS = "MISSING_BARS"
    STARTED_AFRESH = "STARTED_AFRESH"
    BELOW_MINIMUM = "BELOW_MINIMUM"
    DUST = "DUST"
    NO_PRICE = "NO_PRICE"
    STOPPED_OUT = "STOPPED_OUT"
    RULES_CHANGED = "RULES_CHANGED"
    UNPROTECTED = "UNPROTECTED"
    ORPHANED = "ORPHANED"
    FLAT = "FLAT"


# What the signal service reports of a leg; the other codes are risk's.
OF_SIGNALS = frozenset({LegCode.FAULT, LegCode.WARMING_UP, LegCode.MISSING_BARS, LegCode.STARTED_AFRESH})


class LegState(msgspec.Struct, frozen=True, kw_only=True):
    """The status of a strategy instance on an instrument; FLAT is of an account, and both names are then "".

    ``was`` is the status before, of the same service: signal and risk both report of a leg. It is left out where that
    was OK.
    """

    instance: str
    instrument: str
    code: LegCode
    detail: str = ""
    was: LegCode | msgspec.UnsetType = msgspec.UNSET

    def after(self, before: str) -> "LegState":
        """Return the status with the one before: its code, and perhaps what was remembered with it; "" is OK."""
        code, *_ = before.split() or [LegCode.OK]
        return msgspec.structs.replace(self, was=msgspec.UNSET if code == LegCode.OK else LegCode(code))

    @property
    def is_of_signals(self) -> bool:
        """Return whether the signal service reports it; an OK is of the one whose trouble it ends."""
        return (self.was if self.code is LegCode.OK else self.code) in OF_SIGNALS

    @property
    def services(self) -> tuple[str, ...]:
        """Return the services whose status of the leg it is: an OK that does not say what it ends is of both."""
        if self.code is LegCode.OK and self.was is msgspec.UNSET:
            return "signal", "risk"
        return ("signal",) if self.is_of_signals else ("risk",)


class Replaced(msgspec.Struct, frozen=True, kw_only=True):
    """A resting stop that an order takes the place of, and what of it had filled when risk decided."""

    order_id: str
    filled: Decimal


class Order(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """An order as risk decided it. Quantity is in base units, above zero, in whole lots; prices are in quote units.

    A slice after the first of its change of a position has ``due_at``, before which it is neither sent nor filled.
    A stop with a limit price becomes a limit order at its stop price. One with a ``profit_price`` rests together with a
    limit order there, as a pair of which one ends the other (OCO). An order that ``replaces`` a resting stop is sent
    once that has ended, and only if no more of it has filled. A ``post_only`` limit order rests, and never takes.
    ``bundle`` names the bundle of which the order is a leg, the same until the bundle is whole or closed.
    """

    order_id: str
    client_order_id: str
    signal_id: str
    account: str
    venue: str
    instance: str
    instrument: str
    side: Side
    kind: OrderKind
    quantity: Decimal
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce = "gtc"
    reduce_only: bool = False
    reference_price: Decimal
    reserved: Decimal
    decided_at: Utc
    expires_at: Utc
    due_at: Utc | msgspec.UnsetType = msgspec.UNSET
    replaces: Replaced | msgspec.UnsetType = msgspec.UNSET
    post_only: bool | msgspec.UnsetType = msgspec.UNSET
    profit_price: Decimal | msgspec.UnsetType = msgspec.UNSET
    bundle: str | msgspec.UnsetType = msgspec.UNSET

    @property
    def leg(self) -> tuple[str, str]:
        """The leg that the order is of: its strategy instance and its instrument."""
        return self.instance, self.instrument

    @property
    def sendable_at(self) -> datetime:
        """The time from which the order may be sent: its decision, for a later slice the time that it is due."""
        return self.decided_at if self.due_at is msgspec.UNSET else self.due_at

    @property
    def protects(self) -> bool:
        """Return whether this is a resting stop: it closes a position at its venue, whether or not the desk runs."""
        return self.kind == "stop" and self.reduce_only


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """An order that risk refused, with the code of the rule and the figures that decided."""

    order: Order
    code: Code
    detail: str


class Target(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The weight that a strategy instance wants to hold, as a share of its leg's equity; below zero is short.

    Risk approves all targets of one ``bundle``, or none. The last three protect the position, as shares of its price;
    0 is none. See ``fanfold.risk.protection``.
    """

    signal_id: str
    instance: str
    instrument: str
    timeframe: str
    weight: float
    bundle: str = ""
    stop: float = 0.0
    take_profit: float = 0.0
    trail: float = 0.0


class OrderUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """A new state of an order; ``filled`` is its total filled quantity.

    ``doubt`` is why the order is quarantined: nobody knows what became of it, and its instrument is frozen.
    ``doubt_ended`` says that this is known with this update; an order is in doubt once at most.
    """

    order_id: str
    client_order_id: str
    instance: str
    instrument: str
    state: OrderState
    filled: Decimal
    reason: str = ""
    doubt: str | msgspec.UnsetType = msgspec.UNSET
    doubt_ended: bool | msgspec.UnsetType = msgspec.UNSET


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """A fee in the currency in which the venue took it; below zero is a rebate.

    ``value`` is what one in neither currency of the pair was worth in the account's when it was booked, where the venue
    had a price.
    """

    currency: str
    amount: Decimal
    value: Decimal | msgspec.UnsetType = msgspec.UNSET


class Fill(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An execution, keyed by the venue's trade id.

    ``fee`` is what was charged in the account's currency, ``fee_base`` what the venue took from the quantity itself.
    ``charges`` are all of a real venue's, in the currencies in which it took them.

    One of quantity 0, and of no order, is no trade: by it a position pays ``fee_base`` of its coin, which the venue
    took in fees of other orders. Its charge gives back their worth, which those orders were charged with.
    """

    trade_id: str
    order_id: str
    client_order_id: str
    account: str
    venue: str
    instance: str
    instrument: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    liquidity: Literal["taker", "maker"]
    at: Utc
    fee_base: Decimal = Decimal(0)
    charges: list[Charge] = []

    @property
    def is_trade(self) -> bool:
        """Return whether something was bought or sold."""
        return bool(self.quantity)


class PositionSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A position as booked, with a version that says which of two is the newer."""

    instance: str
    instrument: str
    quantity: Decimal
    cost: Decimal
    realised: Decimal
    fees: Decimal
    version: int


class DataDefect(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A defect of a venue's bars and how it was handled: ``count`` bars, the first of which closes at ``closes_at_s``.

    ``detail`` says what a revised bar was and is.
    """

    instrument: str
    timeframe: str
    defect: str
    action: str
    count: int
    closes_at_s: int
    detail: str = ""
