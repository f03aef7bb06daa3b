"""Queues, alarms, functions and the audit chain for the HTTP API, and the research that lies in the lake."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Protocol

from fanfold.api.problems import bad_request
from fanfold.api.router import serve, with_clock
from fanfold.api.system_schemas import (
    Alarm,
    ChainHead,
    ClosedDay,
    DeadLetter,
    OpenAlert,
    QueueDepth,
    Research,
    ResearchQuery,
    ResearchRun,
    RunningCode,
    System,
)
from fanfold.audit.chain import Tip
from fanfold.audit.daily_report import DayReport

NO_ALARMS = "This stage has no alarms; a profile of shared/stacks/profiles.yml names them"
NO_CLOSE = "No day was closed yet: the daily close runs after midnight UTC"
CLOSES_LOOKED_AT = timedelta(days=40)
NO_SWEEPS = "No sweep was submitted: `fanfold sweep --stage` keeps sweeps here"
UNRANKED = (
    "a sweep in the lake has no figures here: the same `fanfold sweep --stage` again brings its rows to a library"
)
AGE = (
    "SQS does not say how old a queue's oldest message is. CloudWatch does, and alarms of that name watch it; the "
    "right to read metrics cannot be bounded to one desk's"
)


class StageWatch(Protocol):
    """The stage's queues, alarms, alerts and functions; see fanfold.aws.function.watched."""

    stage: str

    def depths(self) -> list[QueueDepth]: ...

    def dead_letters(self) -> list[DeadLetter]: ...

    def alarms(self) -> list[Alarm]: ...

    def alerts(self) -> list[OpenAlert]: ...

    def functions(self) -> list[RunningCode]: ...


class Chains(Protocol):
    """The ends of audit's streams."""

    def tips(self) -> list[Tip]: ...

    def flushed(self, stream: str) -> int: ...


class Closings(Protocol):
    """The reports of daily closes; see fanfold.aws.s3.reports."""

    def last(self, since: str) -> tuple[DayReport, bool] | None: ...


class Sweeps(Protocol):
    """The sweeps in the lake."""

    place: str

    def submitted(self) -> Iterable[ResearchRun]: ...


def answer(
    event: dict[str, Any], watched: StageWatch, chains: Chains, closings: Closings, sweeps: Sweeps, now: datetime
) -> dict[str, Any]:
    """Respond to an HTTP API event."""
    response = serve(
        event,
        {
            "system": lambda _request, _query: _system(watched, chains, closings, now),
            "research": lambda _request, query: _research(sweeps, query),
        },
    )
    return with_clock(response, now)


def _system(watched: StageWatch, chains: Chains, closings: Closings, now: datetime) -> System:
    alarms, closed = watched.alarms(), _closed(closings, now)
    absent = {"queue_age": AGE} | ({} if alarms else {"alarms": NO_ALARMS}) | ({} if closed else {"closed": NO_CLOSE})
    return System(
        stage=watched.stage,
        queues=watched.depths(),
        dead_letters=watched.dead_letters(),
        alarms=alarms,
        alerts=watched.alerts(),
        functions=watched.functions(),
        chains=[_chain(tip, chains) for tip in chains.tips()],
        closed=closed,
        absent=absent,
    )


def _closed(closings: Closings, now: datetime) -> ClosedDay | None:
    last = closings.last((now - CLOSES_LOOKED_AT).date().isoformat())
    if last is None:
        return None
    report, done = last
    return ClosedDay(
        day=report.day,
        state=report.state,
        sound=bool(report.chains) and all(chain.kind == "sound" for chain in report.chains),
        sealed=done,
        faults=[f"{fault.step}: {fault.error}" for fault in report.faults],
    )


def _chain(tip: Tip, chains: Chains) -> ChainHead:
    head = tip.head
    return ChainHead(stream=head.stream, records=head.seq, hash=head.hash, in_lake=chains.flushed(head.stream))


def _research(sweeps: Sweeps, query: ResearchQuery) -> Research:
    if query.rank:
        raise bad_request(UNRANKED)
    runs = [run for run in sweeps.submitted() if _is_asked_for(run, query)]
    return Research(place=sweeps.place, runs=runs, why="" if runs else NO_SWEEPS)


def _is_asked_for(run: ResearchRun, query: ResearchQuery) -> bool:
    wanted = ((query.strategy, run.strategy), (query.kind, run.kind))
    return all(name in ("", known) for name, known in wanted) and (not query.tag or query.tag in run.tags)
