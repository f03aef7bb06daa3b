"""The responses of the HTTP API about limits and refusals."""

from datetime import datetime
from decimal import Decimal

import msgspec

from fanfold.risk.limit_use import LimitUse


class MarkAge(msgspec.Struct, frozen=True, kw_only=True):
    """The last close of an instrument that an account's venue trades, and when its bar closed."""

    instrument: str
    price: Decimal
    closed_at: datetime


class AccountLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of an account in use. Amounts are in its currency.

    ``breach`` is the loss limit that is broken, "" for none. ``equity`` is null where a position has no price.
    ``frozen`` is, by instrument, why its books are in doubt.
    """

    account: str
    currency: str
    trading_state: str
    breach: str
    equity: Decimal | None
    day: str
    day_start_equity: Decimal
    peak_equity: Decimal
    frozen: dict[str, str]
    limits: list[LimitUse]
    marks: list[MarkAge]


class LimitList(msgspec.Struct, frozen=True, kw_only=True):
    """Limits as risk's ledger has them at the moment of the response, not as audit recorded them."""

    accounts: list[AccountLimits]


class RefusalCount(msgspec.Struct, frozen=True, kw_only=True):
    """The refusals of one reason; ``detail`` and ``order_id`` are those of the last."""

    code: str
    about: str
    count: int
    last_at: datetime
    detail: str
    instance: str
    instrument: str
    order_id: str


class Refusals(msgspec.Struct, frozen=True, kw_only=True):
    """Refusals by reason, the most frequent first, among the ``decided`` newest orders of the accounts.

    ``since`` is the oldest of those, null where there is none.
    """

    decided: int
    since: datetime | None
    refusals: list[RefusalCount]
