"""The poll that risk collects before it decides: marks, matching and targets, joined by single writes.

Each arrival is one update that returns the whole item, so exactly the last one sees it complete, in any order. Marks,
targets and what decisions carry forward are packed, in one attribute each: every update is billed by the KB of the
whole, and two of three arrivals read none of them.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from fanfold.aws.dynamodb.attribute_values import Item
from fanfold.aws.dynamodb.table import Key, Table, Write
from fanfold.errors import Conflict, retry_on_conflict
from fanfold.messages import Targets
from fanfold.risk.exposure import Mark
from fanfold.risk.poll import CarriedForward, PollPart, PollState, Unfinished, arrival, may_pass, pack

TRIES = 5


class PollArrival(msgspec.Struct, frozen=True):
    """An arrival of a poll: its tokens, and packed targets by name, or packed marks after those of a version."""

    poll: PollPart
    tokens: set[str]
    targets: Mapping[str, bytes]
    marks: bytes = b""
    marks_version: int = 0


class DynamoPolls:
    """The polls of the accounts, one item for each account."""

    def __init__(self, table: Table) -> None:
        self._table = table
        # The parts that this process packed last, by account and name: most often it decides on them, too.
        self._packed: dict[str, dict[str, tuple[bytes, Any]]] = {}

    def read(self, account: str) -> PollState:
        return self.read_all([account])[account]

    def read_all(self, accounts: Sequence[str]) -> dict[str, PollState]:
        """Read the polls of several accounts, in one call."""
        items = self._table.get_all_as_stored([_key(account) for account in accounts])
        return {account: self._state(account, items.get(_key(account), {})) for account in accounts}

    def matched(self, account: str, poll: PollPart) -> PollState:
        """Record that a part of the bars is matched."""
        return self._arrive(account, PollArrival(poll, {f"matched/{poll.part}"}, {}))

    def targeted(self, account: str, poll: PollPart, targets: Targets) -> PollState:
        """Record that a part of the targets arrived, or a chunk of one."""
        name = f"p{targets.part}c{targets.chunk}"
        return self._arrive(
            account, PollArrival(poll, {arrival(targets)}, {name: self._pack(account, "targets", targets)})
        )

    def marked(self, account: str, poll: PollPart, marks: dict[str, Mark], version: int, *, idle: bool) -> PollState:
        """Record that a part of the bars arrived; ``idle`` says that no targets come of it.

        Raises Unfinished where the poll before is not decided yet, and Conflict where the marks have another version.
        """
        tokens = {f"bars/{poll.part}", f"idle/{poll.part}"} if idle else {f"bars/{poll.part}"}
        bars = PollArrival(poll, tokens, {}, self._pack(account, "marks", marks), version)
        try:
            return self._begin(account, bars)
        except Conflict:
            pass  # It is being gathered already, or another one is.
        try:
            return self._join(account, bars)
        except Conflict:
            self._finished(account, poll)
            raise

    def note(
        self, account: str, gathered: PollState, carried: CarriedForward, *, rearmed: bool = False, decided: str = ""
    ) -> None:
        """Keep what a decision on ``gathered`` carries forward, and whether the account still waits to be rearmed.

        The poll ``decided`` counts as decided; a newer one is left as it is. Raises Conflict where another decision
        came first.
        """
        values: dict[str, Any] = {
            ":carried": self._pack(account, "carried", carried),
            ":next": gathered.carried_version + 1,
        }
        update = "carried_forward = :carried, carried_version = :next"
        rearming_done = " REMOVE rearmed" if gathered.rearmed and not rearmed else ""
        condition = _version_is("carried_version", gathered.carried_version, values)
        if decided:
            try:
                self._write(
                    account,
                    f"SET {update}, decided = :yes{rearming_done}",
                    {**values, ":yes": True, ":poll_id": decided},
                    f"{condition} AND poll_id = :poll_id",
                )
            except Conflict:
                if self.read(account).poll_id == decided:
                    raise
            else:
                return
        self._write(account, f"SET {update}{rearming_done}", values, condition)

    def _pack(self, account: str, name: str, part: Targets | dict[str, Mark] | CarriedForward) -> bytes:
        body = pack(part)
        self._packed.setdefault(account, {})[name] = body, part
        return body

    def _state(self, account: str, item: Item) -> PollState:
        return _state(item).packed_by(self._packed.setdefault(account, {}))

    def _write(self, account: str, update: str, values: Mapping[str, Any], condition: str) -> None:
        self._table.write([self._table.updating(_key(account), update, values, condition)])

    def _arrive(self, account: str, came: PollArrival) -> PollState:
        poll = came.poll

        def attempt() -> PollState:
            try:
                return self._join(account, came)
            except Conflict:
                pass  # Another poll is being gathered, or none.
            try:
                return self._begin(account, came)
            except Conflict:
                newest = self._finished(account, poll)
                if newest.at >= poll.at and (newest.poll_id != poll.poll_id or newest.decided):
                    return newest
                raise

        return retry_on_conflict(attempt, TRIES, f"the poll of {account}", self._table.backoff, may_pass)

    def _finished(self, account: str, poll: PollPart) -> PollState:
        """Return the poll that is gathered. Raises Unfinished where that is an older poll that nobody decided on."""
        newest = self.read(account)
        if newest.poll_id and newest.at < poll.at and not newest.decided:
            raise Unfinished(newest)
        return newest

    def _join(self, account: str, came: PollArrival) -> PollState:
        """Add to the poll that is being gathered."""
        values: dict[str, Any] = {":arrived": came.tokens, ":poll_id": came.poll.poll_id, ":no": False}
        condition = "poll_id = :poll_id AND decided = :no" + _marks_condition(came, values)
        assignments = [MARKS] if came.marks else []
        for name, body in came.targets.items():
            values[f":{name}"] = body
            assignments.append(f"targets.{name} = :{name}")
        update = "ADD arrived :arrived" + (f" SET {', '.join(assignments)}" if assignments else "")
        return self._state(account, self._table.update_as_stored(_key(account), update, values, condition))

    def _begin(self, account: str, came: PollArrival) -> PollState:
        """Begin a newer poll than the one that was decided last."""
        values: dict[str, Any] = {
            ":poll_id": came.poll.poll_id,
            ":at": came.poll.at,
            ":parts": came.poll.parts,
            ":arrived": came.tokens,
            ":targets": came.targets,
            ":no": False,
            ":yes": True,
        }
        condition = DECIDED + _marks_condition(came, values)
        update = f"{BEGINNING}, {MARKS}" if came.marks else BEGINNING
        return self._state(account, self._table.update_as_stored(_key(account), update, values, condition))


BEGINNING = (
    "SET poll_id = :poll_id, closed_at_s = :at, parts = :parts, arrived = :arrived, targets = :targets, decided = :no"
)
MARKS = "marks = :marks, marks_version = :marks_next"
DECIDED = "(attribute_not_exists(closed_at_s) OR (closed_at_s < :at AND decided = :yes))"


def rearming(table: Table, account: str) -> Write:
    """Return the write after which the next decision lets the account's day and peak begin anew.

    A decision that is under way is repeated.
    """
    return table.updating(_key(account), "SET rearmed = :yes ADD carried_version :one", {":yes": True, ":one": 1})


def _key(account: str) -> Key:
    return f"poll#{account}", "poll"


def _marks_condition(came: PollArrival, values: dict[str, Any]) -> str:
    """Return the condition that nobody else has moved the marks, whose next version goes into ``values``."""
    if not came.marks:
        return ""
    values[":marks"], values[":marks_next"] = came.marks, came.marks_version + 1
    return f" AND {_version_is('marks_version', came.marks_version, values)}"


def _version_is(name: str, version: int, values: dict[str, Any]) -> str:
    if version == 0:
        return f"attribute_not_exists({name})"
    values[":version"] = version
    return f"{name} = :version"


def _in_order(bodies: Item) -> tuple[bytes, ...]:
    """Return packed targets in the order of their parts and chunks, which their names tell."""
    return tuple([bodies[name]["B"] for name in (bodies if len(bodies) < 2 else sorted(bodies, key=_place))])


def _place(name: str) -> list[int]:
    """Return part and chunk of the targets under a name."""
    return [int(number) for number in name[1:].split("c")]


def _state(item: Item) -> PollState:
    """Return the state in an item of AttributeValues; nothing of it is there before it was first written."""
    bodies = item["targets"]["M"] if "targets" in item else {}
    return PollState(
        poll_id=item["poll_id"]["S"] if "poll_id" in item else "",
        at=_whole(item, "closed_at_s"),
        parts=_whole(item, "parts"),
        arrived=frozenset(item["arrived"]["SS"] if "arrived" in item else ()),
        packed_targets=_in_order(bodies) if bodies else (),
        packed_marks=item["marks"]["B"] if "marks" in item else b"",
        marks_version=_whole(item, "marks_version"),
        decided=item["decided"]["BOOL"] if "decided" in item else False,
        packed_carried=item["carried_forward"]["B"] if "carried_forward" in item else b"",
        carried_version=_whole(item, "carried_version"),
        rearmed=item["rearmed"]["BOOL"] if "rearmed" in item else False,
    )


def _whole(item: Item, name: str) -> int:
    if name not in item:
        return 0
    try:
        return int(item[name]["N"])
    except ValueError:  # A whole number with a point or an exponent, as some emulators tell it.
        return int(Decimal(item[name]["N"]))
