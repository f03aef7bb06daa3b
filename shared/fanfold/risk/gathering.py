"""What risk waits for before it decides on a poll: its bars as marks, its settlement, its targets."""

from decimal import Decimal

import msgspec

from fanfold.messages import Targets
from fanfold.money import ZERO
from fanfold.refusals import Conflict
from fanfold.risk.exposure import Leg, Mark
from fanfold.risk.standing import StandingTarget


class Poll(msgspec.Struct, frozen=True, kw_only=True):
    """Which poll something belongs to: ``part`` of ``parts`` of the batch of the bars that closed at ``at``."""

    batch: str
    at: int
    part: int
    parts: int


class Unfinished(Conflict):
    """A newer poll begins, and the one before it was not decided yet."""

    def __init__(self, gathered: "Gathered") -> None:
        super().__init__(f"poll {gathered.batch} is not decided yet")
        self.gathered = gathered


class Gathered(msgspec.Struct, frozen=True, kw_only=True):
    """The newest poll of an account as far as it has come, and what earlier decisions left. ``at`` is 0 before the
    first."""

    batch: str = ""
    at: int = 0
    parts: int = 0
    got: frozenset[str] = frozenset()
    targets: tuple[Targets, ...] = ()
    marks: dict[str, Mark] = {}
    marks_version: int = 0
    decided: bool = False
    standing: dict[Leg, StandingTarget] = {}
    standing_version: int = 0
    reported: dict[str, str] = {}
    rearmed: bool = False
    last_equity: Decimal | None = None
    peak_equity: Decimal = ZERO
    day: str = ""
    day_start_equity: Decimal = ZERO

    def complete(self, kinds: tuple[str, ...]) -> bool:
        """Whether all parts of all kinds are there; of bars that no strategy speaks on there are no targets."""
        wanted = {f"{kind}/{part}" for kind in kinds for part in range(1, self.parts + 1)}
        got = self.got | {f"targets/{token.removeprefix('idle/')}" for token in self.got if token.startswith("idle/")}
        return bool(wanted) and not self.decided and wanted <= got
