"""Hold every chain against its head."""

import msgspec

from fanfold import audit_chain
from fanfold.audit_chain import Head
from fanfold.audit_ports import Log, Views
from fanfold.audit_verdict import Verdict, locate_fork
from fanfold.audit_verdict import verify as verify_stream


class ChainBroken(Exception):
    """A chain is not what was recorded; the text is its verdict."""


def verify(log: Log, views: Views) -> list[Verdict]:
    """A verdict a stream, by name; a stream that lost its log or its head is among them."""
    # Heads before logs: what is recorded meanwhile is pending, not wrong.
    heads = {head.stream: head for head in views.heads()}
    streams = sorted(heads.keys() | set(log.streams()))
    return [_verdict(heads.get(stream, audit_chain.start(stream)), log, views) for stream in streams]


def verify_one(stream: str, log: Log, views: Views) -> Verdict:
    """The verdict on one stream. Raises ChainBroken where it is not sound."""
    verdict = _verdict(views.head(stream, fresh=True), log, views)
    if verdict.kind != "sound":
        raise ChainBroken(msgspec.json.encode(verdict).decode())
    return verdict


def _verdict(head: Head, log: Log, views: Views) -> Verdict:
    verdict = verify_stream(head.stream, head, log.segments(head.stream))
    if verdict.kind == "edited" and verdict.seq == head.seq:
        return locate_fork(verdict, log.segments(head.stream), views.hash_of)
    return verdict
