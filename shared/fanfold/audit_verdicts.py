"""Every chain held against its head: what the audit service and the command line both ask."""

from fanfold import audit_chain
from fanfold.audit_chain import Head
from fanfold.audit_ports import Log, Views
from fanfold.audit_verdict import Verdict, locate_fork, verify


def verdicts_of(log: Log, views: Views) -> list[Verdict]:
    """A verdict a stream, by name; a stream that lost its log or its head is among them."""
    # Heads before logs: what is recorded meanwhile is pending, not wrong.
    heads = {head.stream: head for head in views.heads()}
    streams = sorted(heads.keys() | set(log.streams()))
    return [verdict_of(heads.get(stream, audit_chain.start(stream)), log, views) for stream in streams]


def verdict_of(head: Head, log: Log, views: Views) -> Verdict:
    """The verdict on the stream of a head; a rewritten history is located by the hashes that the views keep."""
    verdict = verify(head.stream, head, log.segments(head.stream))
    if verdict.kind == "edited" and verdict.seq == head.seq:
        return locate_fork(verdict, log.segments(head.stream), views.hash_of)
    return verdict
