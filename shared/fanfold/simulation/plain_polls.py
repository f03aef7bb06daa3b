"""The polls of accounts in one process: marks, targets and what is carried forward stay the objects that they are."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from fanfold.errors import Conflict
from fanfold.messages import Targets
from fanfold.risk.exposure import Mark
from fanfold.risk.poll import NOTHING_CARRIED, CarriedForward, PollPart, PollState, Unfinished, arrival

Chunk = tuple[int, int]


class PlainPoll(PollState, frozen=True, kw_only=True):
    """A poll whose parts nobody has packed."""

    chunks: Mapping[Chunk, Targets] = msgspec.field(default_factory=dict)
    plain_marks: dict[str, Mark] = msgspec.field(default_factory=dict)
    plain_carried: CarriedForward = NOTHING_CARRIED

    @property
    def targets(self) -> tuple[Targets, ...]:
        return tuple(self.chunks[place] for place in sorted(self.chunks))

    @property
    def marks(self) -> dict[str, Mark]:
        return self.plain_marks

    @property
    def carried(self) -> CarriedForward:
        return self.plain_carried

    def carrying(self, carried: CarriedForward) -> "PlainPoll":
        return replace(self, plain_carried=carried, carried_version=self.carried_version + 1)


class PlainPolls:
    """See risk_service.assess.PollStore, and fanfold.aws.dynamodb.polls for what its methods raise."""

    def __init__(self) -> None:
        self._polls: dict[str, PlainPoll] = {}

    def read(self, account: str) -> PlainPoll:
        return self._polls.get(account) or PlainPoll()

    def read_all(self, accounts: Sequence[str]) -> dict[str, PlainPoll]:
        return {account: self.read(account) for account in accounts}

    def matched(self, account: str, poll: PollPart) -> PlainPoll:
        return self._arrive(account, poll, {f"matched/{poll.part}"}, {})

    def targeted(self, account: str, poll: PollPart, targets: Targets) -> PlainPoll:
        return self._arrive(account, poll, {arrival(targets)}, {(targets.part, targets.chunk): targets})

    def marked(self, account: str, poll: PollPart, marks: dict[str, Mark], version: int, *, idle: bool) -> PlainPoll:
        tokens = {f"bars/{poll.part}"} | ({f"idle/{poll.part}"} if idle else set())
        known = self.read(account)
        if known.marks_version != version:
            raise Conflict(f"the marks of {account} are not of version {version}")
        joined = self._joined(account, poll, tokens, {})
        return self._put(account, replace(joined, plain_marks=marks, marks_version=version + 1))

    def note(
        self, account: str, gathered: PollState, carried: CarriedForward, *, rearmed: bool = False, decided: str = ""
    ) -> None:
        known = self.read(account)
        if known.carried_version != gathered.carried_version:
            raise Conflict(f"another decision on {account} came first")
        noted = known.carrying(carried)
        if gathered.rearmed and not rearmed:
            noted = replace(noted, rearmed=False)
        self._put(account, replace(noted, decided=True) if decided and known.poll_id == decided else noted)

    def rearm(self, account: str) -> None:
        """Let the next decision begin the account's day and peak anew; a decision that is under way is repeated."""
        known = self.read(account)
        self._put(account, replace(known, rearmed=True, carried_version=known.carried_version + 1))

    def _arrive(self, account: str, poll: PollPart, tokens: set[str], chunks: Mapping[Chunk, Targets]) -> PlainPoll:
        known = self.read(account)
        if known.at >= poll.at and (known.poll_id != poll.poll_id or known.decided):
            return known
        return self._put(account, self._joined(account, poll, tokens, chunks))

    def _joined(self, account: str, poll: PollPart, tokens: set[str], chunks: Mapping[Chunk, Targets]) -> PlainPoll:
        """Return the poll with an arrival, or a newer one that begins with it.

        Raises Unfinished where the one before is not decided yet.
        """
        known = self.read(account)
        if known.poll_id == poll.poll_id and not known.decided:
            return replace(known, arrived=known.arrived | tokens, chunks={**known.chunks, **chunks})
        if known.poll_id and known.at < poll.at and not known.decided:
            raise Unfinished(known)
        if known.at >= poll.at:
            raise Conflict(f"another poll of {account} was decided")
        begun: dict[str, Any] = {"poll_id": poll.poll_id, "at": poll.at, "parts": poll.parts, "decided": False}
        return replace(known, **begun, arrived=frozenset(tokens), chunks=chunks)

    def _put(self, account: str, poll: PlainPoll) -> PlainPoll:
        self._polls[account] = poll
        return poll
