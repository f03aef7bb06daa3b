"""What risk waits for before it decides: marks, settlement and targets of one poll, joined by single writes.

Each arrival is one update that gives back the whole, so exactly the last one sees it complete, whatever the order.
Marks and targets lie there compressed: every update is billed by the KB of the whole.
"""

from collections.abc import Mapping
from typing import Any
from zlib import compress, decompress

import msgspec

from fanfold.aws.attribute_values import integer
from fanfold.aws.tables import Key, Table
from fanfold.messages import Targets, decode, encode
from fanfold.money import ZERO
from fanfold.refusals import Conflict
from fanfold.risk.exposure import Book, Mark
from fanfold.risk.gathering import Gathered, Poll

_marks = msgspec.json.Decoder(dict[str, Mark]).decode
_encode = msgspec.json.Encoder(decimal_format="string").encode
TRIES = 5


class Batches:
    """The batches of the accounts, one item an account."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self, account: str) -> Gathered:
        return _gathered(self._table.get(_key(account)))

    def settled(self, account: str, poll: Poll) -> Gathered:
        """A part of the settlement is there."""
        return self._arrive(account, poll, f"settled/{poll.part}", {})

    def targeted(self, account: str, poll: Poll, targets: Targets) -> Gathered:
        """A part of the targets is there."""
        return self._arrive(account, poll, f"targets/{poll.part}", {f"p{poll.part}": compress(encode(targets))})

    def marked(self, account: str, poll: Poll, marks: Mapping[str, Mark], version: int) -> Gathered:
        """A part of the bars is there. Raises Conflict where the marks are not of the version any more."""
        sets = {"marks": compress(_encode(marks)), "marks_version": version + 1}
        try:
            return self._replace(account, poll, f"bars/{poll.part}", {}, sets, version)
        except Conflict:
            return self._join(account, poll, f"bars/{poll.part}", {}, sets, version)

    def decide(self, account: str, batch: str, book: Book) -> None:
        """Note that a batch was decided, with the book's peak and day; a newer batch is left as it is."""
        update = "SET decided = :yes, peak_equity = :peak, trading_day = :day, day_start_equity = :start"
        values = {
            ":yes": True, ":peak": book.peak_equity, ":day": book.day, ":start": book.day_start_equity, ":batch": batch
        }
        try:
            self._table.update(_key(account), update, values, "poll = :batch")
        except Conflict:
            return

    def _arrive(self, account: str, poll: Poll, token: str, targets: dict[str, bytes]) -> Gathered:
        for _ in range(TRIES):
            try:
                return self._join(account, poll, token, targets, {}, None)
            except Conflict:
                pass  # Another poll is being gathered, or none.
            try:
                return self._replace(account, poll, token, targets, {}, None)
            except Conflict:
                found = self.read(account)
            if found.at >= poll.at and (found.batch != poll.batch or found.decided):
                return found
        raise Conflict(f"{token} of {poll.batch} found no place in {TRIES} tries")

    def _join(
        self, account: str, poll: Poll, token: str, targets: dict[str, bytes], sets: dict[str, Any], version: int | None
    ) -> Gathered:
        """Add to the poll that is being gathered."""
        assigned = {**sets, **{f"targets.{part}": body for part, body in targets.items()}}
        values = {":got": {token}, ":batch": poll.batch, ":no": False}
        update = "ADD got :got" + _setting(assigned, values)
        condition = "poll = :batch AND decided = :no" + _versioned(version, values)
        return _gathered(self._table.update(_key(account), update, values, condition))

    def _replace(
        self, account: str, poll: Poll, token: str, targets: dict[str, bytes], sets: dict[str, Any], version: int | None
    ) -> Gathered:
        """Begin a newer poll; one that never got complete is over with it."""
        assigned = {
            "poll": poll.batch, "closed_at": poll.at, "parts": poll.parts, "got": {token}, "targets": targets,
            "decided": False, **sets,
        }
        values: dict[str, Any] = {":at": poll.at}
        update = _setting(assigned, values)
        condition = "(attribute_not_exists(closed_at) OR closed_at < :at)" + _versioned(version, values)
        return _gathered(self._table.update(_key(account), update, values, condition))


def _key(account: str) -> Key:
    return f"batch#{account}", "batch"


def _setting(assigned: Mapping[str, Any], values: dict[str, Any]) -> str:
    parts = []
    for number, (name, value) in enumerate(assigned.items()):
        values[f":v{number}"] = value
        parts.append(f"{name} = :v{number}")
    return (" SET " + ", ".join(parts)) if parts else ""


def _versioned(version: int | None, values: dict[str, Any]) -> str:
    if version is None:
        return ""
    if version == 0:
        return " AND attribute_not_exists(marks_version)"
    values[":version"] = version
    return " AND marks_version = :version"


def _gathered(item: Mapping[str, Any]) -> Gathered:
    if not item:
        return Gathered()
    bodies = item.get("targets", {})
    targets = [decode(decompress(bodies[part])) for part in sorted(bodies, key=lambda name: int(name[1:]))]
    return Gathered(
        batch=item["poll"],
        at=integer(item["closed_at"]),
        parts=integer(item["parts"]),
        got=frozenset(item["got"]),
        targets=tuple(one for one in targets if isinstance(one, Targets)),
        marks=_marks(decompress(item["marks"])) if "marks" in item else {},
        marks_version=integer(item.get("marks_version", ZERO)),
        decided=item["decided"],
        peak_equity=item.get("peak_equity", ZERO),
        day=item.get("trading_day", ""),
        day_start_equity=item.get("day_start_equity", ZERO),
    )
