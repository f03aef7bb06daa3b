"""The responses of the HTTP API about what the desk runs on, and about research."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec

# Of a figure that is not there: a figure of text says why.
Absent = str


class QueueDepth(msgspec.Struct, frozen=True, kw_only=True):
    """Messages of a service's queue: those that wait, those that are being read, and those that were put aside."""

    service: str
    waiting: int
    in_flight: int
    dead_letters: int


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A message that could not be handled, without its body."""

    service: str
    message_id: str
    reason: str
    sent_at: datetime
    receives: int


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm of the stage; ``state`` is OK, ALARM or INSUFFICIENT_DATA, since ``since``."""

    name: str
    about: str
    state: str
    reason: str
    since: datetime | None


class OpenAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that lasts and that nobody has taken: how often it came, since when, and what `fanfold alerts` takes."""

    key: str
    severity: str
    title: str
    text: str
    count: int
    since: datetime


class RunningCode(msgspec.Struct, frozen=True, kw_only=True):
    """The function that reads a service's queue: the digest of its image, its version, and when it was deployed."""

    service: str
    function: str
    digest: str
    version: str
    deployed_at: datetime | None


class ChainHead(msgspec.Struct, frozen=True, kw_only=True):
    """The end of an audit stream, and how far it is in the lake."""

    stream: str
    records: int
    hash: str
    in_lake: int


class ClosedDay(msgspec.Struct, frozen=True, kw_only=True):
    """The newest daily close: ``state`` is closed or failed, and ``sound`` says whether each chain was verified so."""

    day: str
    state: Literal["closed", "failed"]
    sound: bool
    sealed: bool
    faults: list[str]


class System(msgspec.Struct, frozen=True, kw_only=True):
    """The resources of the desk. ``absent`` says, by the name of a field here, why it has nothing to show."""

    stage: str
    queues: list[QueueDepth]
    dead_letters: list[DeadLetter]
    alarms: list[Alarm]
    alerts: list[OpenAlert]
    functions: list[RunningCode]
    chains: list[ChainHead]
    closed: ClosedDay | None
    absent: dict[str, Absent]


class ResearchRun(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the library, or a sweep in the lake; ``figures`` are ratios and amounts by name, null where not known.

    ``sheet`` is the path of its tear sheet, "" where none was written.
    """

    run: str
    kind: str
    trial: int = 0
    made_at: datetime | None = None
    strategy: str = ""
    params: str = ""
    instruments: str = ""
    timeframe: str = ""
    since: datetime | None = None
    until: datetime | None = None
    trials: int | None = None
    figures: dict[str, Decimal | float | int | None] = {}
    tags: list[str] = []
    summary: str = ""
    error: str = ""
    sheet: str = ""


class Research(msgspec.Struct, frozen=True, kw_only=True):
    """Runs, best or newest first. ``place`` is the folder or bucket that they lie in; ``why`` says why there are none.

    ``figures`` are those that runs can be ranked by, ``costs`` those of them of which less is better.
    """

    place: str
    runs: list[ResearchRun]
    why: str = ""
    figures: list[str] = []
    costs: list[str] = []


class ResearchQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Runs of a strategy, with a tag, of a kind, ranked by a figure; of the lake, sweeps are not ranked."""

    strategy: str = ""
    tag: str = ""
    kind: str = ""
    rank: str = ""
