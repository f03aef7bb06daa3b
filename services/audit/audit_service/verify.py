"""Verify a chain against its head, its views, and the newest closed day."""

import msgspec

from fanfold.audit import seals as audit_seals
from fanfold.audit.ports import AuditLog, Evidence, Reports, Seals, Signer
from fanfold.audit.verdict import Verdict
from fanfold.audit.verify import verdict_of


class ChainBroken(Exception):
    """A chain, or a seal of it, is not as it was recorded; the text is its verdict."""


def verify_one(
    stream: str, day: str, log: AuditLog, views: Evidence, seals: Seals, reports: Reports, signer: Signer | None
) -> Verdict:
    """Return the verdict on one stream since the newest earlier day. Raises ChainBroken if it is not sound."""
    newest, wrong = audit_seals.newest(seals, reports, signer, before=day)
    sealed = {head.stream: head for head in newest.chains} if newest else {}
    since = (newest.day, sealed[stream]) if newest and stream in sealed else None
    verdict = wrong or verdict_of(views.tip(stream), log, views, since)
    if verdict.kind != "sound":
        raise ChainBroken(msgspec.json.encode(verdict).decode())
    return verdict
