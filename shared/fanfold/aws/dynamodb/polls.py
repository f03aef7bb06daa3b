"""What risk waits for before it decides: marks, matching and targets of one poll, joined by single writes.

Each arrival is one update that gives back the whole, so exactly the last one sees it complete, whatever the order.
Marks and targets lie there compressed: every update is billed by the KB of the whole.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fanfold.aws.dynamodb.attribute_values import integer
from fanfold.aws.dynamodb.table import Key, Table, Write
from fanfold.errors import Conflict, retry_on_conflict
from fanfold.messages import Targets
from fanfold.money import ZERO
from fanfold.risk.exposure import AccountSnapshot, Mark
from fanfold.risk.poll import PollPart, PollState, Unfinished, arrival, pack
from fanfold.risk.standing import Standing

TRIES = 5


class DynamoPolls:
    """The polls of the accounts, one item an account."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self, account: str) -> PollState:
        return self.read_all([account])[account]

    def matched(self, account: str, poll: PollPart) -> PollState:
        """A part of the bars is matched."""
        return self._arrive(account, poll, f"matched/{poll.part}", {})

    def targeted(self, account: str, poll: PollPart, targets: Targets) -> PollState:
        """A part of the targets is there, or a chunk of it."""
        name = f"p{targets.part}c{targets.chunk}"
        return self._arrive(account, poll, arrival(targets), {name: pack(targets)})

    def read_all(self, accounts: Sequence[str]) -> dict[str, PollState]:
        """The polls of several accounts, in one call."""
        items = self._table.get_all([_key(account) for account in accounts])
        return {account: _gathered(items.get(_key(account), {})) for account in accounts}

    def marked(self, account: str, poll: PollPart, marks: Mapping[str, Mark], version: int, *, idle: bool) -> PollState:
        """A part of the bars is there; ``idle`` says that no targets come of it.

        Raises Unfinished where the poll before is not decided yet, and Conflict where the marks are not of the version
        any more.
        """
        sets = {"marks": pack(marks), "marks_version": version + 1}
        tokens = {f"bars/{poll.part}"} | ({f"idle/{poll.part}"} if idle else set())
        try:
            return self._replace(account, poll, tokens, {}, sets, version)
        except Conflict:
            pass  # It is being gathered already, or another one is.
        try:
            return self._join(account, poll, tokens, {}, sets, version)
        except Conflict:
            self._finished(account, poll)
            raise

    def note(
        self,
        account: str,
        gathered: PollState,
        book: AccountSnapshot,
        left: Standing,
        reported: Mapping[str, str],
        decided: str,
    ) -> None:
        """Keep what a decision on ``gathered`` leaves: day, peak, targets that stand, what was reported.

        The poll ``decided`` counts as decided; a newer one is left as it is. Raises Conflict where another decision
        came first.
        """
        assigned = {
            "standing": pack(list(left.values())),
            "standing_version": gathered.standing_version + 1,
            "reported": pack(reported),
            "peak_equity": book.peak_equity,
            "trading_day": book.day,
            "day_start_equity": book.day_start_equity,
            "last_equity": book.last_equity,
            "rearmed": book.rearmed,
        }
        if decided:
            try:
                self._note(account, gathered, assigned | {"decided": True}, decided)
            except Conflict:
                if self.read(account).poll_id == decided:
                    raise
            else:
                return
        self._note(account, gathered, assigned, "")

    def _note(self, account: str, gathered: PollState, assigned: dict[str, Any], poll_id: str) -> None:
        values: dict[str, Any] = {}
        update = _setting(assigned, values)
        condition = _version_is("standing_version", gathered.standing_version, values)
        if poll_id:
            values[":poll_id"] = poll_id
            condition += " AND poll_id = :poll_id"
        self._table.update(_key(account), update, values, condition)

    def _arrive(self, account: str, poll: PollPart, token: str, targets: dict[str, bytes]) -> PollState:
        def attempt() -> PollState:
            try:
                return self._join(account, poll, {token}, targets, {}, None)
            except Conflict:
                pass  # Another poll is being gathered, or none.
            try:
                return self._replace(account, poll, {token}, targets, {}, None)
            except Conflict:
                newest = self._finished(account, poll)
                if newest.at >= poll.at and (newest.poll_id != poll.poll_id or newest.decided):
                    return newest
                raise

        subject = f"the poll of {account}"
        return retry_on_conflict(
            attempt, TRIES, subject, self._table.backoff, lambda it: not isinstance(it, Unfinished)
        )

    def _finished(self, account: str, poll: PollPart) -> PollState:
        """What is gathered. Raises Unfinished where that is an older poll that nobody decided on."""
        found = self.read(account)
        if found.poll_id and found.at < poll.at and not found.decided:
            raise Unfinished(found)
        return found

    def _join(
        self,
        account: str,
        poll: PollPart,
        tokens: set[str],
        targets: dict[str, bytes],
        sets: dict[str, Any],
        version: int | None,
    ) -> PollState:
        """Add to the poll that is being gathered."""
        assigned = {**sets, **{f"targets.{part}": body for part, body in targets.items()}}
        values = {":arrived": tokens, ":poll_id": poll.poll_id, ":no": False}
        update = "ADD arrived :arrived" + _setting(assigned, values)
        condition = "poll_id = :poll_id AND decided = :no" + _versioned(version, values)
        return _gathered(self._table.update(_key(account), update, values, condition))

    def _replace(
        self,
        account: str,
        poll: PollPart,
        tokens: set[str],
        targets: dict[str, bytes],
        sets: dict[str, Any],
        version: int | None,
    ) -> PollState:
        """Begin a newer poll than the one that was decided last."""
        assigned = {
            "poll_id": poll.poll_id,
            "closed_at_s": poll.at,
            "parts": poll.parts,
            "arrived": tokens,
            "targets": targets,
            "decided": False,
            **sets,
        }
        values: dict[str, Any] = {":at": poll.at, ":yes": True}
        update = _setting(assigned, values)
        condition = "(attribute_not_exists(closed_at_s) OR (closed_at_s < :at AND decided = :yes))"
        condition += _versioned(version, values)
        return _gathered(self._table.update(_key(account), update, values, condition))


def rearming(table: Table, account: str) -> Write:
    """The write after which the next decision lets the account's day and peak begin anew.

    A decision that is under way is made again.
    """
    return table.updating(_key(account), "SET rearmed = :yes ADD standing_version :one", {":yes": True, ":one": 1})


def _key(account: str) -> Key:
    return f"poll#{account}", "poll"


def _setting(assigned: Mapping[str, Any], values: dict[str, Any]) -> str:
    parts = []
    for number, (name, value) in enumerate(assigned.items()):
        values[f":v{number}"] = value
        parts.append(f"{name} = :v{number}")
    return (" SET " + ", ".join(parts)) if parts else ""


def _versioned(version: int | None, values: dict[str, Any]) -> str:
    return "" if version is None else " AND " + _version_is("marks_version", version, values)


def _version_is(name: str, version: int, values: dict[str, Any]) -> str:
    if version == 0:
        return f"attribute_not_exists({name})"
    values[":version"] = version
    return f"{name} = :version"


def _place(name: str) -> list[int]:
    """Part and chunk of the targets under a name."""
    return [int(number) for number in name[1:].split("c")]


def _gathered(item: Mapping[str, Any]) -> PollState:
    if not item:
        return PollState()
    bodies = item.get("targets", {})
    return PollState(
        poll_id=item.get("poll_id", ""),
        at=integer(item.get("closed_at_s", ZERO)),
        parts=integer(item.get("parts", ZERO)),
        arrived=frozenset(item.get("arrived", ())),
        packed_targets=tuple(bodies[part] for part in sorted(bodies, key=_place)),
        packed_marks=item.get("marks", b""),
        marks_version=integer(item.get("marks_version", ZERO)),
        decided=item.get("decided", False),
        packed_standing=item.get("standing", b""),
        standing_version=integer(item.get("standing_version", ZERO)),
        packed_reported=item.get("reported", b""),
        rearmed=item.get("rearmed", False),
        last_equity=item.get("last_equity"),
        peak_equity=item.get("peak_equity", ZERO),
        day=item.get("trading_day", ""),
        day_start_equity=item.get("day_start_equity", ZERO),
    )
