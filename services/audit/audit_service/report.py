"""Write the report of a day."""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from fanfold.audit import seals as audit_seals
from fanfold.audit.daily_report import DayOfAccount, DayReport, Fault, markdown
from fanfold.audit.ports import Pages, Reports, Seals, Signer
from fanfold.audit.verdict import Verdict
from fanfold.errors import BadInput

T = TypeVar("T")


class Compacted(msgspec.Struct, frozen=True, kw_only=True):
    """The result of compaction."""

    days: int


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """The results of a close's steps; each is a result, or a fault with ``error`` in it."""

    day: str
    compacted: dict[str, Any]
    chains: list[dict[str, Any]]
    accounts: list[dict[str, Any]]


def report(findings: Findings, reports: Reports, seals: Seals, signer: Signer | None) -> DayReport:
    """Write the day's report and return the one that is kept: that of a closed day is written and sealed once.

    Raises BadInput where a seal other than its own exists.
    """
    steps = [findings.compacted, *findings.chains, *findings.accounts]
    made = DayReport(
        day=findings.day,
        compacted=sum(compacted.days for compacted in _results([findings.compacted], Compacted)),
        chains=_results(findings.chains, Verdict),
        accounts=_results(findings.accounts, DayOfAccount),
        faults=[msgspec.convert(step, Fault) for step in steps if _failed(step)],
    )
    kept = reports.store(made)
    page = markdown(kept)
    if kept.state == "closed":
        _seal(kept, Pages(reports.stored(kept.day), page.encode()), seals, signer)
    # Last of all, for a day with its page and its seal counts as closed.
    reports.show(kept, page)
    return kept


def _seal(kept: DayReport, pages: Pages, seals: Seals, signer: Signer | None) -> None:
    body = audit_seals.seal(kept, pages, seals.newest(before=kept.day), signer)
    if seals.store(kept.day, body) != body:
        raise BadInput(f"{kept.day} is sealed as another day than was found; run `fanfold audit verify`")


def _results(steps: Sequence[dict[str, Any]], kind: type[T]) -> list[T]:
    return [msgspec.convert(step, kind) for step in steps if not _failed(step)]


def _failed(step: dict[str, Any]) -> bool:
    return "error" in step
