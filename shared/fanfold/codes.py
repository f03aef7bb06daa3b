"""The reasons of refusals; ``docs/risk-codes.md`` is generated from the table in ``fanfold.risk.rules``."""

from enum import StrEnum
from typing import Self


class OpenEnum(StrEnum):
    """An enum on the wire that nothing is decided by: a member of a later version stays the text that it is."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        later = str.__new__(cls, value)
        later._name_ = later._value_ = value
        return later


class Code(OpenEnum):
    """One code for each rule, in the order in which the rules are checked.

    A reader keeps a code of a later version as the text that it is: nothing is decided by it any more.
    """

    UNKNOWN_ACCOUNT = "UNKNOWN_ACCOUNT"
    UNKNOWN_INSTANCE = "UNKNOWN_INSTANCE"
    UNKNOWN_INSTRUMENT = "UNKNOWN_INSTRUMENT"
    BAD_TARGET = "BAD_TARGET"
    MISSING_DATA = "MISSING_DATA"
    KILL_STATE = "KILL_STATE"
    FROZEN = "FROZEN"
    STALE_SIGNAL = "STALE_SIGNAL"
    STALE_BAR = "STALE_BAR"
    DUPLICATE_INTENT = "DUPLICATE_INTENT"
    OPPOSING_ORDER = "OPPOSING_ORDER"
    SPOT_SHORT = "SPOT_SHORT"
    LOT_STEP = "LOT_STEP"
    TICK_STEP = "TICK_STEP"
    NOTIONAL_MIN = "NOTIONAL_MIN"
    AMOUNT_MIN = "AMOUNT_MIN"
    PRICE_COLLAR = "PRICE_COLLAR"
    CASH = "CASH"
    ORDER_NOTIONAL = "ORDER_NOTIONAL"
    POSITION_NOTIONAL = "POSITION_NOTIONAL"
    GROSS_EXPOSURE = "GROSS_EXPOSURE"
    NET_EXPOSURE = "NET_EXPOSURE"
    ORDER_RATE = "ORDER_RATE"
    DAILY_LOSS = "DAILY_LOSS"
    DRAWDOWN = "DRAWDOWN"
    BUNDLE = "BUNDLE"
