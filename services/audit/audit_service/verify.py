"""Hold a chain against its head."""

import msgspec

from fanfold.audit_chain import Head
from fanfold.audit_ports import Log, Views
from fanfold.audit_verdict import Verdict
from fanfold.audit_verdicts import verdict_of


class ChainBroken(Exception):
    """A chain is not what was recorded; the text is its verdict."""


def verify_one(stream: str, since: Head | None, log: Log, views: Views) -> Verdict:
    """The verdict on one stream, from where the newest closed day left it. Raises ChainBroken where it is not sound."""
    verdict = verdict_of(views.head(stream), log, views, since)
    if verdict.kind != "sound":
        raise ChainBroken(msgspec.json.encode(verdict).decode())
    return verdict
