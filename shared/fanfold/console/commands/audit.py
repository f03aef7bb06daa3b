"""``fanfold audit verify``: every chain from its first record, held against its head."""

from argparse import Namespace

from fanfold import audit_chain
from fanfold.audit_chain import Head
from fanfold.audit_ports import Log, Views
from fanfold.audit_verdict import Verdict, locate_fork
from fanfold.audit_verdict import verify as verify_stream
from fanfold.console.commands import Command
from fanfold.console.exit_codes import Exit
from fanfold.console.output import Answer, Grid, grid
from fanfold.console.session import connect


def verify(arguments: Namespace) -> Answer:
    """Whether the log is what was recorded; a failure where it is not."""
    with connect(arguments.state) as session:
        verdicts = verdicts_of(session.log, session.views)
    broken = [verdict for verdict in verdicts if verdict.kind != "sound"]
    records = sum(verdict.records for verdict in verdicts)
    document = {"verified": not broken, "records": records, "streams": verdicts}
    if broken:
        return Answer(document, ["\n".join(map(_broken, broken)), _streams(verdicts)], Exit.FAILED)
    return Answer(document, [f"audit chain verified: {records} records", _streams(verdicts)])


def verdicts_of(log: Log, views: Views) -> list[Verdict]:
    """A verdict a stream, by name; a stream that lost its log or its head is among them."""
    # Heads before logs: what is recorded meanwhile is pending, not wrong.
    heads = {head.stream: head for head in views.heads()}
    streams = sorted(heads.keys() | set(log.streams()))
    return [_verdict(heads.get(stream, audit_chain.start(stream)), log, views) for stream in streams]


def _verdict(head: Head, log: Log, views: Views) -> Verdict:
    verdict = verify_stream(head.stream, head, log.segments(head.stream))
    if verdict.kind == "edited" and verdict.seq == head.seq:
        return locate_fork(verdict, log.segments(head.stream), views.hash_of)
    return verdict


def _broken(verdict: Verdict) -> str:
    where = f" ({verdict.segment})" if verdict.segment else ""
    return f"audit chain BROKEN: {verdict.stream} is {verdict.kind} at record {verdict.seq}{where}"


def _streams(verdicts: list[Verdict]) -> Grid:
    rows = [{name: getattr(verdict, name) for name in ("stream", "kind", "records", "pending")} for verdict in verdicts]
    return grid("", rows, {"stream": "stream", "kind": "verdict", "records": "records", "pending": "pending"})


COMMANDS = (
    Command(
        ("audit", "verify"),
        "Walk the audit chains and name the first record that is not as it was recorded.",
        "fanfold audit verify",
        verify,
        exits=(Exit.FAILED, Exit.NOTHING_THERE, Exit.NOT_REACHABLE),
    ),
)
