"""Budgets of a session: calls, time, and bytes of the lake, which are money where Athena scans them."""

from decimal import Decimal
from typing import NamedTuple

import msgspec

from fanfold.cost.prices import PRICES
from fanfold.errors import BadInput

TB = 10**12


class BudgetSpentError(BadInput):
    """A budget of the session is used up."""


class Allowance(NamedTuple):
    """The most of a session: calls, seconds of work, and bytes of the lake."""

    calls: int = 300
    seconds: int = 1_800
    scan_bytes: int = 2 * 10**9


class BudgetLeft(msgspec.Struct, frozen=True, kw_only=True):
    """The rest of a session's budgets; ``scan_usd`` is what Athena would have taken for the bytes that were read."""

    calls: int
    seconds: int
    scan_bytes: int
    scan_usd: Decimal


class Budget:
    """The allowance of a session, and what was used of it."""

    def __init__(self, allowance: Allowance) -> None:
        self._most = allowance
        self._calls, self._seconds, self._scanned = 0, 0.0, 0

    def begin_call(self) -> None:
        """Count a call. Raises BudgetSpentError where none is left."""
        self._check("calls", self._most.calls, self._most.calls - self._calls, "--calls")
        self._check("seconds of work", self._most.seconds, self._most.seconds - self._seconds, "--seconds")
        self._calls += 1

    def worked(self, seconds: float) -> None:
        self._seconds += seconds

    def scan(self, size: int) -> None:
        """Count bytes of the lake before they are read. Raises BudgetSpentError where they are more than is left."""
        self._check(
            "bytes of the lake", self._most.scan_bytes, self._most.scan_bytes - self._scanned - size + 1, "--scan-mb"
        )
        self._scanned += size

    def seconds_for(self, most: float) -> float:
        """Return how long a piece of work may take that should take no longer than ``most`` seconds."""
        return max(1.0, min(most, self._most.seconds - self._seconds))

    @property
    def left(self) -> BudgetLeft:
        """Return what is left."""
        return BudgetLeft(
            calls=self._most.calls - self._calls,
            seconds=max(0, int(self._most.seconds - self._seconds)),
            scan_bytes=self._most.scan_bytes - self._scanned,
            scan_usd=PRICES["athena-tb"].listed(Decimal(self._scanned) / TB).quantize(Decimal("0.000001")),
        )

    def _check(self, what: str, most: int, left: float, option: str) -> None:
        if left <= 0:
            raise BudgetSpentError(
                f"the budget of this session, {most:,} {what}, does not allow it; a person can start the server again, "
                f"or with more by {option}"
            )
