"""Parity: a day of the desk beside the back-test of the same bars, each difference with its reason.

Orders are compared by the market event that they were decided on and their leg. What was decided otherwise is held
against the books of both sides at that time: only as much of a difference as those explain follows from them.
"""

from decimal import Decimal
from enum import StrEnum

import msgspec

from fanfold.money import ZERO


class ParityReason(StrEnum):
    """The reason of a difference, those to look at first in front; docs/parity.md defines each."""

    UNEXPLAINED = "unexplained"
    EXTERNAL_TRADE = "external trade"
    CHANGED_DESK = "changed desk"
    CHANGED_RULES = "changed rules"
    HALTED = "halted"
    REFUSED = "refused"
    STALE = "stale"
    MISSING_BAR = "missing bar"
    LATE_BAR = "late bar"
    PARTIAL_FILL = "partial fill"
    LATENCY = "latency"
    FILL_PRICE = "fill price"
    FEE = "fee"
    EXTERNAL_SIGNAL = "external signal"
    RESTING_STOP = "resting stop"
    EARLIER = "earlier difference"


# A reason, and what it was in figures.
Explained = tuple[ParityReason, str]
UNEXPLAINED: Explained = (ParityReason.UNEXPLAINED, "")


class ParityDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A difference of a decision at ``at``, in epoch seconds. ``desk`` and ``backtest`` say what each side did.

    ``cost`` is what the desk paid more than the back-test, in the account's currency, where the two fills can be
    compared.
    """

    at: int
    account: str
    instance: str
    instrument: str
    reason: ParityReason
    desk: str
    backtest: str
    detail: str = ""
    cost: Decimal = ZERO


class ParityReport(msgspec.Struct, frozen=True, kw_only=True):
    """A UTC day beside its back-test: how many orders and fills each side had, and each difference.

    ``slippage`` is the sum of what the desk paid more for the fills that both sides have.
    """

    day: str
    orders: int
    backtest_orders: int
    fills: int
    backtest_fills: int
    slippage: Decimal
    differences: list[ParityDifference]

    @property
    def unexplained(self) -> int:
        return sum(difference.reason is ParityReason.UNEXPLAINED for difference in self.differences)
