"""Every chain held against its head: what the audit service and the command line both ask."""

from fanfold import audit_chain
from fanfold.audit_chain import Head
from fanfold.audit_ports import Log, Views
from fanfold.audit_verdict import Verdict, locate_fork, verify


def verdicts_of(log: Log, views: Views) -> list[Verdict]:
    """A verdict a stream, by name; a stream that lost its log or its head is among them."""
    return [verdict_of(head, log, views) for head in heads_of(log, views)]


def heads_of(log: Log, views: Views) -> list[Head]:
    """The head of every stream, by name; a stream that has a log and no head has the head of an empty one."""
    # Heads before logs: what is recorded meanwhile is pending, not wrong.
    heads = {head.stream: head for head in views.heads()}
    streams = sorted(heads.keys() | set(log.streams()))
    return [heads.get(stream, audit_chain.start(stream)) for stream in streams]


def verdict_of(head: Head, log: Log, views: Views, since: Head | None = None) -> Verdict:
    """The verdict on the stream of a head; a rewritten history is located by the hashes that the views keep.

    ``since`` is where an earlier verification ended. What came before it is looked at again where the head is not
    beyond it, as it would not be after the views were restored from a backup.
    """
    if since is None or (since.seq >= head.seq and since != head):
        since = audit_chain.start(head.stream)
    verdict = verify(head, log.segments(head.stream, after=since.seq), since)
    if verdict.kind == "edited" and verdict.seq == head.seq:
        return locate_fork(verdict, log.segments(head.stream, after=since.seq), views.hash_of)
    return verdict
