"""Replay of an audit log: what came from outside goes through the real handlers again, and the same must come of it.

From outside come the bars, the commands of operators and the targets of webhooks. All else in the log follows from
them, the desk and its strategies: every message again, to the byte, and so every hash of the chain.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import inf
from typing import Any, NamedTuple

import msgspec

from fanfold import messages
from fanfold.audit import chain
from fanfold.audit.chain import Entry, Head, Record
from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.ledger.controls import REARMED
from fanfold.messages import BarsClosed, BarsRequested, Message, Targets, TradingStateChanged, topic_of
from fanfold.simulation.schedules.memory_desk import MemoryDesk

# The cause of bars that came late; the poll after them in the log brought them.
LATE = "late/"
# The place of bars among the messages of their time.
BARS = 1


class ReplayDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is not the same: ``recorded`` and ``replayed`` differ, and one of them may be missing."""

    stream: str
    seq: int
    message_id: str
    kind: str
    what: str
    recorded: dict[str, Any] | None
    replayed: dict[str, Any] | None


class ReplayResult(msgspec.Struct, frozen=True, kw_only=True):
    """A replay: messages from outside, those that followed from them in the log, what differs, and the chains' heads.

    ``heads`` are of the chains with the replayed messages in them, ``recorded`` those of the log.
    """

    outside: int
    followed: int
    differences: list[ReplayDifference]
    heads: list[Head]
    recorded: list[Head]

    @property
    def missing(self) -> int:
        """Return how many recorded messages did not come again as they were."""
        return sum(difference.recorded is not None for difference in self.differences)

    @property
    def same_hashes(self) -> bool:
        return self.heads == self.recorded

    @property
    def same(self) -> bool:
        return not self.differences and self.same_hashes


class Moment(NamedTuple):
    """Messages that came from outside at one time."""

    at: datetime
    messages: Sequence[Message]


class RecordedLog:
    """The records of all streams, and which of them came from outside."""

    def __init__(self, records: Iterable[Record]) -> None:
        self.records = list(records)
        self.messages = [chain.message_of(record) for record in self.records]
        # Bars by the request that they answer, which has to come again first.
        self.answers: dict[str, list[Message]] = {
            f"requested/{message.id}": [] for message in self.messages if isinstance(message, BarsRequested)
        }
        self._sent = {message.id: record.sent_ms for message, record in zip(self.messages, self.records, strict=True)}
        self._bars_sent: dict[datetime, float] = {}
        self.outside: list[Message] = []
        for message in self.messages:
            if isinstance(message, BarsClosed) and message.cause in self.answers:
                self.answers[message.cause].append(message)
            elif is_outside(message):
                self.outside.append(message)
                if isinstance(message, BarsClosed):
                    self._bars_sent[message.at] = self._sent[message.id]
        if not any(isinstance(message, BarsClosed) for message in self.outside):
            raise BadInput("the audit log has no bars, so there is nothing to replay; `fanfold run` records some")

    def moments(self) -> list[Moment]:
        """Return what came from outside, moment by moment: commands before or after the bars of their time."""
        moments: dict[tuple[datetime, int], list[Message]] = {}
        late: list[Message] = []
        for message in self.outside:
            if isinstance(message, BarsClosed) and (message.requested or message.cause.startswith(LATE)):
                late.append(message)
                continue
            bars = isinstance(message, BarsClosed)
            moments.setdefault((message.at, self._place(message)), []).extend([*(late if bars else ()), message])
            late = [] if bars else late
        if late:
            moments.setdefault((late[-1].at, BARS), []).extend(late)
        return [Moment(at, tuple(moments[at, place])) for at, place in sorted(moments)]

    def _place(self, message: Message) -> int:
        """Return the place of a message among those of its time: a command's by when the queue received it."""
        if isinstance(message, BarsClosed):
            return BARS
        return BARS + 1 if self._sent[message.id] > self._bars_sent.get(message.at, inf) else BARS - 1


def is_outside(message: Message) -> bool:
    """Return whether nothing in the log brought a message about."""
    commanded = message.cause.startswith(("operator/", "webhook/"))
    return isinstance(message, BarsClosed) or (
        commanded and isinstance(message, BarsRequested | Targets | TradingStateChanged)
    )


def replay(desk: Desk, records: Iterable[Record]) -> ReplayResult:
    """Replay a log from its beginning, and compare. Raises BadInput for one without bars, or of live accounts."""
    live = [name for name, account in desk.accounts.items() if account.mode == "live"]
    if live:
        raise BadInput(
            f"{live[0]} trades at a real venue, whose answers are not in the log; replay an account on paper"
        )
    log = RecordedLog(records)
    moments = log.moments()
    run = MemoryDesk(desk, lambda request: log.answers.get(f"requested/{request.id}", []), moments[0].at.timestamp())
    for moment in moments:
        _take(run, moment)
    run.sweep()
    return _compared(log, run.published)


def _take(run: MemoryDesk, moment: Moment) -> None:
    run.now = max(run.now, moment.at.timestamp())
    for message in moment.messages:
        if isinstance(message, TradingStateChanged):
            run.set_trading_state(message, rearm=message.reason.endswith(REARMED))
    run.publish(message for message in moment.messages if not isinstance(message, TradingStateChanged))


def _compared(log: RecordedLog, published: Iterable[Message]) -> ReplayResult:
    replayed = {message.id: message for message in published}
    heads: dict[str, Head] = {}
    ends: dict[str, Record] = {}
    differences = []
    for record, message in zip(log.records, log.messages, strict=True):
        again = replayed.pop(message.id, None)
        difference = _difference(record, again)
        differences += [difference] if difference else []
        document = _document(again) if again is not None else record.message
        head = heads.get(record.stream, chain.start(record.stream))
        entry = Entry(topic=record.topic, message=document, sent_ms=record.sent_ms)
        heads[record.stream] = chain.append(head, [entry])[1]
        ends[record.stream] = record
    return ReplayResult(
        outside=len(log.outside),
        followed=len(log.messages) - len(log.outside) - sum(map(len, log.answers.values())),
        differences=differences + [_extra(message) for message in replayed.values()],
        heads=list(heads.values()),
        recorded=[
            Head(stream=stream, seq=record.seq, hash=chain.hash_of(chain.line_of(record)))
            for stream, record in ends.items()
        ],
    )


def _difference(record: Record, again: Message | None) -> ReplayDifference | None:
    replayed = _document(again) if again is not None else None
    if replayed == record.message:
        return None
    what = "it did not come again" if replayed is None else _fields(record.message, replayed)
    return ReplayDifference(
        stream=record.stream,
        seq=record.seq,
        message_id=record.message["id"],
        kind=record.message["type"],
        what=what,
        recorded=record.message,
        replayed=replayed,
    )


def _extra(message: Message) -> ReplayDifference:
    return ReplayDifference(
        stream=chain.stream_of(message),
        seq=0,
        message_id=message.id,
        kind=messages.tag_of(type(message)),
        what=f"it came on {topic_of(message)}, and the log has none like it",
        recorded=None,
        replayed=_document(message),
    )


def _fields(recorded: Mapping[str, Any], replayed: Mapping[str, Any]) -> str:
    names = [name for name in sorted({*recorded, *replayed}) if recorded.get(name) != replayed.get(name)]
    return f"{', '.join(names)} differ" if len(names) > 1 else f"{names[0]} differs"


def _document(message: Message) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.json.decode(messages.encode(message))
    return document
