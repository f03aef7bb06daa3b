"""Collect what risk needs before it decides on a poll: its bars as marks, the venue's matching and the targets."""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from functools import cached_property

import msgspec

from fanfold.errors import Conflict
from fanfold.messages import Targets, decode, encode
from fanfold.money import ZERO
from fanfold.packing import packed, unpacked
from fanfold.risk.exposure import Mark, PositionKey
from fanfold.risk.standing import StandingTarget

_marks = msgspec.json.Decoder(dict[str, Mark]).decode
_standing = msgspec.json.Decoder(list[StandingTarget]).decode
_reported = msgspec.json.Decoder(dict[str, str]).decode
_encode = msgspec.json.Encoder(decimal_format="string").encode


class PollPart(msgspec.Struct, frozen=True, kw_only=True):
    """The poll that a message belongs to: ``part`` of ``parts`` of a batch of bars that closed at ``at``."""

    poll_id: str
    at: int
    part: int
    parts: int


def arrival(targets: Targets) -> str:
    """Return what a message of targets delivers: a part, or a chunk of a part that was split."""
    part = f"targets/{targets.part}"
    return part if targets.chunks == 1 else f"{part}/{targets.chunk}/{targets.chunks}"


class Unfinished(Conflict):
    """A newer poll began before the previous one was decided."""

    def __init__(self, gathered: "PollState") -> None:
        super().__init__(f"poll {gathered.poll_id} is not decided yet")
        self.gathered = gathered


def pack(part: object) -> bytes:
    """A part as it lies in a poll: targets, marks, what stands, or what was reported."""
    return packed(encode(part) if isinstance(part, Targets) else _encode(part))


class PollState(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The newest poll of an account as far as it has come, and what earlier decisions left. ``at`` is 0 before the
    first. Of three arrivals one decides: the parts that only a decision reads are unpacked when they are asked for."""

    poll_id: str = ""
    at: int = 0
    parts: int = 0
    arrived: frozenset[str] = frozenset()
    packed_targets: tuple[bytes, ...] = ()
    packed_marks: bytes = b""
    marks_version: int = 0
    decided: bool = False
    packed_standing: bytes = b""
    standing_version: int = 0
    packed_reported: bytes = b""
    rearmed: bool = False
    last_equity: Decimal | None = None
    peak_equity: Decimal = ZERO
    day: str = ""
    day_start_equity: Decimal = ZERO

    @cached_property
    def targets(self) -> tuple[Targets, ...]:
        messages = [decode(unpacked(body)) for body in self.packed_targets]
        return tuple(message for message in messages if isinstance(message, Targets))

    @cached_property
    def marks(self) -> dict[str, Mark]:
        return _marks(unpacked(self.packed_marks)) if self.packed_marks else {}

    @cached_property
    def standing(self) -> dict[PositionKey, StandingTarget]:
        entries = _standing(unpacked(self.packed_standing)) if self.packed_standing else []
        return {entry.leg: entry for entry in entries}

    @cached_property
    def reported(self) -> dict[str, str]:
        """Return the last reported codes of legs that cannot trade."""
        return _reported(unpacked(self.packed_reported)) if self.packed_reported else {}

    def complete(self, kinds: tuple[str, ...]) -> bool:
        """Return whether all parts of all kinds arrived. Bars on which no strategy steps have no targets."""
        wanted = {f"{kind}/{part}" for kind in kinds for part in range(1, self.parts + 1)}
        arrived = self.arrived | {
            f"targets/{token.removeprefix('idle/')}" for token in self.arrived if token.startswith("idle/")
        }
        chunks = [token for token in self.arrived if token.count("/") == 3]
        arrived |= _whole(chunks) if chunks else set()
        return bool(wanted) and not self.decided and wanted <= arrived


def _whole(chunks: Iterable[str]) -> set[str]:
    """Return the parts of which every chunk has arrived."""
    come = Counter(tuple(token.split("/")[i] for i in (1, 3)) for token in chunks)
    return {f"targets/{part}" for (part, count), found in come.items() if found == int(count)}
