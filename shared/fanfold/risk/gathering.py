"""What risk waits for before it decides on a poll: its bars as marks, its settlement, its targets."""

from decimal import Decimal

import msgspec

from fanfold.messages import Targets
from fanfold.money import ZERO
from fanfold.risk.exposure import Mark


class Poll(msgspec.Struct, frozen=True, kw_only=True):
    """Which poll something belongs to: ``part`` of ``parts`` of the batch of the bars that closed at ``at``."""

    batch: str
    at: int
    part: int
    parts: int


class Gathered(msgspec.Struct, frozen=True, kw_only=True):
    """The newest poll of an account as far as it has come. ``at`` is 0 before the first."""

    batch: str = ""
    at: int = 0
    parts: int = 0
    got: frozenset[str] = frozenset()
    targets: tuple[Targets, ...] = ()
    marks: dict[str, Mark] = {}
    marks_version: int = 0
    decided: bool = False
    peak_equity: Decimal = ZERO
    day: str = ""
    day_start_equity: Decimal = ZERO

    def complete(self, kinds: tuple[str, ...]) -> bool:
        """Whether all parts of all kinds are there."""
        wanted = {f"{kind}/{part}" for kind in kinds for part in range(1, self.parts + 1)}
        return bool(wanted) and not self.decided and wanted <= self.got
