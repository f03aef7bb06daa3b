"""The request and response bodies of the HTTP API; docs/openapi.json is generated from them."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from fanfold.messages import DataDefect, Fill, Order

PAGE_MAX = 100
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
Limit = Annotated[int, msgspec.Meta(ge=1, le=PAGE_MAX)]
Weight = Annotated[float, msgspec.Meta(ge=-1, le=1)]
Share = Annotated[float, msgspec.Meta(ge=0, lt=1)]
VenueName = Annotated[str, msgspec.Meta(pattern=r"\A[!-~]{1,64}\Z")]
_DIGITS = r"(0|[1-9][0-9]{0,14})(\.[0-9]{1,12})?"
Amount = Annotated[str, msgspec.Meta(pattern=rf"\A{_DIGITS}\Z")]


class NoQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A query without parameters."""


class AccountQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One account; without it, all."""

    account: str | None = None


class OrdersQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A query for orders: those that may still fill (open), are without a known outcome, or were refused by risk."""

    account: str | None = None
    instrument: str | None = None
    open: bool = False
    refused: bool = False
    unknown: bool = False
    cursor: str | None = None
    limit: Limit = 50


class TradesQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fills of an account on a UTC day."""

    account: str
    day: date
    cursor: str | None = None
    limit: Limit = 50


class ReportedLeg(msgspec.Struct, frozen=True, kw_only=True):
    """A leg, a strategy instance on an instrument, with what signal or risk reported of it ``at`` a time: why it does
    not trade as its strategy wants, or that its position has no stop at its venue; docs/risk-codes.md has the codes.
    """

    instance: str
    instrument: str
    code: str
    detail: str
    at: datetime


class AccountStatus(msgspec.Struct, frozen=True, kw_only=True):
    """An account as audit recorded it; ``as_of`` is the time of its books. Cash and fees are in its currency.

    ``unknown_orders`` were sent, and nobody knows yet what became of them; ``bar_s`` is the length of the venue's
    shortest bars in seconds, by which its data is known to be late. ``instruments`` have bars in ``timeframes``.
    ``legs`` do not trade as their strategies want, or the desk alone protects them (UNPROTECTED): one may have a
    reason of signal and one of risk.
    """

    account: str
    venue: str
    currency: str
    trading_state: str
    trading_state_reason: str
    trading_state_actor: str
    start: Decimal
    cash: Decimal
    realised: Decimal
    fees: Decimal
    positions: int
    open_orders: int
    unknown_orders: int
    bar_s: int
    instruments: list[str]
    timeframes: list[str]
    as_of: datetime | None
    matched_through: datetime | None
    legs: list[ReportedLeg] = []


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The desk's accounts."""

    accounts: list[AccountStatus]


class PositionView(msgspec.Struct, frozen=True, kw_only=True):
    """A position by strategy instance and instrument; ``cost`` is the cost of the open lots."""

    account: str
    instance: str
    instrument: str
    quantity: Decimal
    cost: Decimal
    realised: Decimal
    fees: Decimal


class PositionList(msgspec.Struct, frozen=True, kw_only=True):
    """Every position that ever was; flat ones show their profit."""

    positions: list[PositionView]


class RecordedOrder(Order, frozen=True, kw_only=True):
    """An order and its outcome; ``code`` and ``detail`` are risk's where its state is REFUSED.

    ``doubt`` is why nobody knows what became of it, "" for nearly all.
    """

    state: str
    filled: Decimal
    reason: str
    doubt: str
    code: str
    detail: str
    changed_at: datetime
    message_id: str


class OrderPage(msgspec.Struct, frozen=True, kw_only=True):
    """Orders, newest first; ``next`` is the cursor of the next page, null on the last."""

    orders: list[RecordedOrder]
    next: str | None


class BarPrices(msgspec.Struct, frozen=True, kw_only=True):
    """A bar in quote units."""

    timeframe: str
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


class Cause(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message in an order's chain of causes, its place in the audit chain, and the part that concerns the order."""

    kind: str
    message_id: str
    at: datetime
    cause: str
    stream: str
    seq: int
    hash: str
    segment: str
    reference_price: Decimal | None = None
    reserved: Decimal | None = None
    code: str = ""
    detail: str = ""
    signal_id: str = ""
    timeframe: str = ""
    weight: float | None = None
    venue: str = ""
    bar: BarPrices | None = None
    defects: list[DataDefect] = []


class ExplainedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order, its fills, and the messages from its decision back to the bars."""

    order: RecordedOrder
    fills: list[Fill]
    chain: list[Cause]


class TradePage(msgspec.Struct, frozen=True, kw_only=True):
    """Fills, newest first; ``next`` is the cursor of the next page, null on the last."""

    trades: list[Fill]
    next: str | None


class StandingSignal(msgspec.Struct, frozen=True, kw_only=True):
    """The last signal of a strategy instance on an instrument."""

    account: str
    at: datetime
    instance: str
    instrument: str
    timeframe: str
    weight: float
    stop: float = 0.0
    take_profit: float = 0.0
    trail: float = 0.0
    signal_id: str


class Signals(msgspec.Struct, frozen=True, kw_only=True):
    """The weight that each strategy instance wants to hold, as a share of its leg's equity."""

    signals: list[StandingSignal]


class ExternalSignal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The weight that an ``external`` instance is to hold of an instrument, as a share of its leg's equity.

    The last three close the position before another signal does, as shares of its price; where none is given, those of
    the desk file count.
    """

    instance: Name
    instrument: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    weight: Weight
    stop: Share = 0.0
    take_profit: Annotated[float, msgspec.Meta(ge=0, le=100)] = 0.0
    trail: Share = 0.0


class SignalTaken(msgspec.Struct, frozen=True, kw_only=True):
    """The ids of the signal, and of the targets message that carries it to risk."""

    signal_id: str
    message_id: str
    at: datetime


class DeliveredFill(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A trade of an order as the venue states it. Amounts are strings; a fee below zero is a rebate.

    The venue's id of the order is always needed, the client order id where the order was not acknowledged yet.
    """

    trade_id: VenueName
    venue_order_id: VenueName
    client_order_id: Annotated[str, msgspec.Meta(max_length=64)] = ""
    instrument: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    side: Literal["buy", "sell"]
    price: Amount
    quantity: Amount
    fee: Annotated[str, msgspec.Meta(pattern=rf"\A-?{_DIGITS}\Z")] = "0"
    fee_currency: Annotated[str, msgspec.Meta(max_length=20)] = ""
    liquidity: Literal["taker", "maker"]
    at: Annotated[datetime, msgspec.Meta(tz=True)]


class FillsRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fills of a live account."""

    account: Name
    fills: Annotated[list[DeliveredFill], msgspec.Meta(min_length=1, max_length=20)]


class FillsTaken(msgspec.Struct, frozen=True, kw_only=True):
    """The trade ids of delivered fills: booked now, known before, external (of no order of the desk), or waiting.

    Waiting ones may be of an order whose outcome is not known yet: send them again, or leave them to the next poll.
    """

    account: str
    booked: list[str]
    known: list[str]
    external: list[str]
    waiting: list[str]
