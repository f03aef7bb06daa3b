"""Write the report of a day."""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from fanfold.audit_ports import Reports
from fanfold.audit_verdict import Verdict
from fanfold.day_report import DayOfAccount, DayReport, Fault, markdown

T = TypeVar("T")


class Compacted(msgspec.Struct, frozen=True, kw_only=True):
    """What compaction answers."""

    days: int


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What the steps of a close came to; each is a result, or a fault with ``error`` in it."""

    day: str
    compacted: dict[str, Any]
    chains: list[dict[str, Any]]
    accounts: list[dict[str, Any]]


def report(found: Findings, reports: Reports) -> DayReport:
    """The day's report as it is kept: that of a closed day is written once, and a later one finds it as it was."""
    steps = [found.compacted, *found.chains, *found.accounts]
    made = DayReport(
        day=found.day,
        compacted=sum(one.days for one in _results([found.compacted], Compacted)),
        chains=_results(found.chains, Verdict),
        accounts=_results(found.accounts, DayOfAccount),
        faults=[msgspec.convert(one, Fault) for one in steps if _failed(one)],
    )
    kept = reports.keep(made)
    reports.show(kept, markdown(kept))
    return kept


def _results(steps: Sequence[dict[str, Any]], kind: type[T]) -> list[T]:
    return [msgspec.convert(one, kind) for one in steps if not _failed(one)]


def _failed(step: dict[str, Any]) -> bool:
    return "error" in step
