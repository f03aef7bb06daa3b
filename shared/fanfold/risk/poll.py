"""Collect what risk needs before it decides on a poll: its bars as marks, the venue's matching and the targets."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from fanfold.errors import Conflict
from fanfold.messages import Targets, decode, encode
from fanfold.money import ZERO
from fanfold.packing import packed, unpacked
from fanfold.risk.exposure import Mark, PositionKey
from fanfold.risk.protection import Protection
from fanfold.risk.standing import StandingTarget
from fanfold.risk.uneven import BundleProgress

T = TypeVar("T")


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


def may_pass(conflict: Conflict) -> bool:
    """Return whether the same arrival may go through with the next try, without a decision before it."""
    return not isinstance(conflict, Unfinished)


class CarriedForward(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The results that a decision carries forward to the next one.

    These are the targets that stand, the protections of positions, the bundles on their way, the codes by leg that were
    last reported of legs that cannot trade, and the account's day, peak and equity; ``last_equity`` is None before the
    first decision.
    """

    targets: list[StandingTarget] = []
    protections: list[Protection] = []
    bundles: list[BundleProgress] = []
    reported: dict[str, str] = {}
    peak_equity: Decimal = ZERO
    day: str = ""
    day_start_equity: Decimal = ZERO
    last_equity: Decimal | None = None

    @property
    def standing(self) -> dict[PositionKey, StandingTarget]:
        """Return the targets that stand, by leg."""
        return {entry.leg: entry for entry in self.targets}


NOTHING_CARRIED = CarriedForward()
_marks = msgspec.json.Decoder(dict[str, Mark]).decode
_carried = msgspec.json.Decoder(CarriedForward).decode
_encode = msgspec.json.Encoder(decimal_format="string").encode


def pack(part: Targets | dict[str, Mark] | CarriedForward) -> bytes:
    """Pack targets, marks or what is carried forward, as a poll stores them."""
    return packed(encode(part) if isinstance(part, Targets) else _encode(part))


class PollState(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The newest poll of an account as far as it has come, and what earlier decisions carried forward.

    ``at`` is 0 before the first. Of three arrivals one decides: the parts that only a decision reads are unpacked when
    they are first asked for. ``rearmed`` says that an operator wants day and peak to begin anew with the next
    decision.
    """

    poll_id: str = ""
    at: int = 0
    parts: int = 0
    arrived: frozenset[str] = frozenset()
    packed_targets: tuple[bytes, ...] = ()
    packed_marks: bytes = b""
    marks_version: int = 0
    decided: bool = False
    packed_carried: bytes = b""
    carried_version: int = 0
    rearmed: bool = False

    @property
    def targets(self) -> tuple[Targets, ...]:
        messages = [self._part("targets", body, decode) for body in self.packed_targets]
        return tuple([message for message in messages if isinstance(message, Targets)])

    @property
    def marks(self) -> dict[str, Mark]:
        return self._part("marks", self.packed_marks, _marks) if self.packed_marks else {}

    @property
    def carried(self) -> CarriedForward:
        return self._part("carried", self.packed_carried, _carried) if self.packed_carried else NOTHING_CARRIED

    def packed_by(self, process: Mapping[str, tuple[bytes, Any]]) -> "PollState":
        """Take bodies and parts by name that this process packed: one that it meets here it need not unpack."""
        self.__dict__["unpacked_parts"] = dict(process)
        return self

    def _part(self, name: str, body: bytes, read: Callable[[bytes], T]) -> T:
        """Return a part by its name, unpacked once: not by cached properties, whose lock takes longer than the rest."""
        known: dict[str, tuple[bytes, Any]] = self.__dict__.setdefault("unpacked_parts", {})
        if name not in known or known[name][0] != body:
            known[name] = body, read(unpacked(body))
        part: T = known[name][1]
        return part

    def carrying(self, carried: CarriedForward) -> "PollState":
        """Return the state once what is carried forward was noted anew."""
        return msgspec.structs.replace(self, packed_carried=pack(carried), carried_version=self.carried_version + 1)

    @property
    def complete(self) -> bool:
        """Return whether all parts of bars, matching and targets arrived.

        Bars on which no strategy steps have no targets.
        """
        if self.decided or not self.parts:
            return False
        arrived, parts = self.arrived, range(1, self.parts + 1)
        for part in parts:
            if f"matched/{part}" not in arrived or f"bars/{part}" not in arrived:
                return False
        # Only targets arrive otherwise than as one token a part.
        missing = {token for part in parts if (token := f"targets/{part}") not in arrived}
        return not missing or missing <= _without_targets(arrived)


def _without_targets(arrived: Iterable[str]) -> set[str]:
    """Return the parts of targets that have arrived in chunks, or that are not to come."""
    chunks: Counter[tuple[str, str]] = Counter()
    idle = set()
    for token in arrived:
        kind, part, *chunk = token.split("/")
        if kind == "idle":
            idle.add(f"targets/{part}")
        elif chunk:
            chunks[part, chunk[1]] += 1
    return idle | {f"targets/{part}" for (part, count), came in chunks.items() if came == int(count)}
