"""Walk a stream's log from end to end: find foreign objects and changes, and collect the views that follow from it."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from fanfold.audit import chain
from fanfold.audit.chain import Head, Record, Tip
from fanfold.audit.ports import AuditLog, Evidence, StoredObject
from fanfold.audit.verdict import Kind, Verdict, verify
from fanfold.audit.views import View, as_stored, aside_view, views_of_record
from fanfold.errors import BadInput

Key = tuple[str, str]
Hear = Callable[[Record], object]


class ChainFinding(NamedTuple):
    """Something that is not as it was recorded: its first record, the fault, its object, and the evidence."""

    seq: int
    kind: Kind
    segment: str
    evidence: str = ""


class Expected(NamedTuple):
    """A view that follows from the log: its record, and its item as a digest. ``hash`` is a message's own."""

    seq: int
    segment: str
    version: str
    digest: bytes
    hash: str = ""


class Walk:
    """The walk along one stream; ``known`` are places that closed days have sealed, by sequence number and day."""

    def __init__(self, tip: Tip, views: Evidence, known: Mapping[int, tuple[str, Head]], hear: Hear | None) -> None:
        self.head = tip.head
        self.expected: dict[Key, Expected] = {}
        self.findings: list[ChainFinding] = []
        self.pending = 0
        self.moved = False
        self._views = views
        self._known = known
        self._hear = hear

    def through(self, log: AuditLog, since: Head | None) -> Verdict:
        """Verify the records by themselves, from the end of an earlier verification; all else is in ``findings``."""
        stream, after = self.head.stream, since.seq if since else 0
        aside = self._views.aside(stream, after)
        verdict = verify(self.head, self._recorded(log.history(stream, after), aside), since)
        end = max([seq for seq in self._known if seq > after], default=0)
        if verdict.kind == "sound" and end > self.head.seq:
            self._find(self.head.seq + 1, "cut off", "", f"the closed day {self._known[end][0]} has record {end}")
        return msgspec.structs.replace(verdict, pending=self.pending)

    def _recorded(self, history: Iterator[StoredObject], aside: Mapping[int, str]) -> Iterator[tuple[str, bytes]]:
        """Yield the segments that belong to the chain, up to its head."""
        for kept in history:
            first = chain.first_of(kept.key)
            if first > self.head.seq:
                self._beyond(first, kept)
                continue
            if kept.key != aside.get(first, chain.segment_key(self.head.stream, first)):
                self._find(first, "foreign", kept.key)
                continue
            if kept.shadow:
                self._find(first, "shadowed", kept.key, kept.shadow)
            if first in aside:
                self._expect(aside_view(self.head.stream, first, kept.key), first, kept.key)
            self._read(kept.key, kept.body)
            yield kept.key, kept.body

    def _beyond(self, first: int, kept: StoredObject) -> None:
        """Judge an object beyond the head: an uncommitted segment, a foreign object, or a head that was set back."""
        tip = self._views.tip(self.head.stream)
        if tip.head != self.head:
            self.moved = True
            return
        proof = chain.promised_segment(tip, kept.key, kept.body)
        if proof and not kept.shadow:
            self.pending += len(proof[0].records)
            return
        if proof:
            self._find(first, "shadowed", kept.key, kept.shadow)
        elif self._was_recorded(kept.body):
            self._find(self.head.seq + 1, "head", kept.key, "the views have what comes behind it")
        else:
            self._find(first, "foreign", kept.key)

    def _was_recorded(self, body: bytes) -> bool:
        line = chain.lines_of(body)[:1]
        record = _record(line[0]) if line else None
        if record is None:
            return False
        key = self._views.key(("message", str(record.message.get("id", ""))))
        return any(view.get("hash") == chain.hash_of(line[0]) for view in self._views.stored([key]).values())

    def _read(self, segment: str, body: bytes) -> None:
        for line in chain.lines_of(body):
            record = _record(line)
            if record is None:
                continue
            if self._hear is not None:
                self._hear(record)
            self._hold(record, chain.hash_of(line), segment)

    def _hold(self, record: Record, record_hash: str, segment: str) -> None:
        day, known = self._known.get(record.seq, ("", None))
        if known is not None and known.hash != record_hash:
            self._find(record.seq, "forked", segment, f"the closed day {day} has another record {record.seq}")
        try:
            message = chain.message_of(record)
        except msgspec.MsgspecError:  # What is no message changes no view; its record is judged by its hash.
            return
        for view in views_of_record(message, record, record_hash, segment):
            own = record_hash if view.place[0] == "message" else ""
            self._expect(view, record.seq, segment, own)

    def _expect(self, view: View, seq: int, segment: str, own_hash: str = "") -> None:
        key = self._views.key(view.place)
        before = self.expected.get(key)
        if before is None or before.version < view.version:
            self.expected[key] = Expected(seq, segment, view.version, digest(as_stored(view)), own_hash)

    def _find(self, seq: int, kind: Kind, segment: str, evidence: str = "") -> None:
        self.findings.append(ChainFinding(seq, kind, segment, evidence))


def digest(item: Mapping[str, Any]) -> bytes:
    """Return the digest of a view's item, the same for what was written and what is read back."""
    return blake2b(msgspec.json.encode(item, order="sorted", enc_hook=str), digest_size=16).digest()


def plain(item: Any) -> Any:
    """Return a stored item with its whole numbers as int, as they were written."""
    if isinstance(item, Decimal):
        return int(item) if item == item.to_integral_value() else str(item)
    if isinstance(item, Mapping):
        return {name: plain(value) for name, value in item.items()}
    return [plain(value) for value in item] if isinstance(item, list) else item


def _record(line: bytes) -> Record | None:
    try:
        return chain.read(line)
    except BadInput:  # The walk of the links says what is wrong with it.
        return None
