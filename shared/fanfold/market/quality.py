"""Check bars from a venue or a file: drop the invalid ones and report every defect. Never invent a bar."""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

import msgspec

from fanfold.market import timeframes
from fanfold.market.bars import Bar
from fanfold.market.sequence import near, possible


class DefectKind(StrEnum):
    """The kinds of defects of a series of bars."""

    TIME_UNIT = "time-unit"
    MISALIGNED = "misaligned"
    IMPOSSIBLE = "impossible"
    OUT_OF_ORDER = "out-of-order"
    DUPLICATE = "duplicate"
    FORMING = "forming"
    GAP = "gap"
    ZERO_VOLUME = "zero-volume"
    JUMP = "jump"
    OUTLIER = "outlier"
    REVISED = "revised"
    EMPTY = "empty"
    UNAVAILABLE = "unavailable"
    UNFILLABLE = "unfillable"


class Action(StrEnum):
    """The handling of a defect."""

    CONVERTED = "converted"
    DROPPED = "dropped"
    SORTED = "sorted"
    HELD = "held"
    REPORTED = "reported"


ACTIONS = {
    DefectKind.TIME_UNIT: Action.CONVERTED,
    DefectKind.MISALIGNED: Action.DROPPED,
    DefectKind.IMPOSSIBLE: Action.DROPPED,
    DefectKind.OUT_OF_ORDER: Action.SORTED,
    DefectKind.DUPLICATE: Action.DROPPED,
    DefectKind.FORMING: Action.DROPPED,
    DefectKind.GAP: Action.REPORTED,
    DefectKind.ZERO_VOLUME: Action.REPORTED,
    DefectKind.JUMP: Action.REPORTED,
    DefectKind.OUTLIER: Action.DROPPED,
    DefectKind.REVISED: Action.REPORTED,
    DefectKind.EMPTY: Action.REPORTED,
    DefectKind.UNAVAILABLE: Action.REPORTED,
    DefectKind.UNFILLABLE: Action.REPORTED,
}


class CheckedRow(NamedTuple):
    """One bar as received: its OPEN time in any unit of epoch time, prices in ticks, volume in lots."""

    opens_at: int
    open: int
    high: int
    low: int
    close: int
    volume: int


class QualityFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A defect of a series: how often, and where first.

    ``count`` is in bars, for a gap the bars that are missing; ``places`` and ``longest`` tell its gaps apart. ``row``
    is the first row concerned (for a gap the one before it) counted from 0, or -1 for the bar known before; ``at`` is
    its close.
    """

    defect: DefectKind
    count: int
    places: int
    longest: int
    row: int
    at: int

    @property
    def action(self) -> Action:
        return ACTIONS[self.defect]

    @property
    def text(self) -> str:
        if self.defect is DefectKind.GAP:
            return f"{self.count} bars missing in {self.places} gaps, the longest {self.longest}: {self.action}"
        return f"{self.count} {self.defect}: {self.action}"


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """The usable bars in time order, and all defects."""

    instrument: str
    timeframe: str
    bars: list[Bar]
    findings: list[QualityFinding]

    def finding(self, defect: DefectKind) -> QualityFinding | None:
        return next((finding for finding in self.findings if finding.defect is defect), None)


class _Numbered(NamedTuple):
    row: int
    bar: Bar


def per_second(time: int) -> int:
    """Guess the units per second of an epoch time from its size; correct for the years 1973 to 5138.

    >>> per_second(1_700_000_000), per_second(1_700_000_000_000)
    (1, 1000)
    """
    size = abs(time)
    if size < 10**11:
        return 1
    if size < 10**14:
        return 10**3
    return 10**6 if size < 10**17 else 10**9


def check(
    instrument: str,
    timeframe: str,
    rows: Sequence[CheckedRow],
    jump_max: Decimal,
    *,
    now: int | None = None,
    before: Bar | None = None,
) -> Checked:
    """Return the bars of the rows, with the defects found; a bar closes a timeframe after its row opens.

    ``jump_max`` is the largest move from close to close as a share. With ``now``, in epoch seconds, bars that close
    later are dropped as forming. ``before`` is the bar known to come before, so that a gap or jump after it is seen. Of
    two rows of one time the later one counts.
    """
    length = timeframes.seconds(timeframe)
    numbered = [_Numbered(index, _bar(row, length)) for index, row in enumerate(rows)]
    unfit = {
        DefectKind.TIME_UNIT: _other_unit(rows, numbered),
        DefectKind.MISALIGNED: [row for row in numbered if _off_grid(rows[row.row].opens_at, length)],
        DefectKind.IMPOSSIBLE: [row for row in numbered if not possible(row.bar)],
        DefectKind.FORMING: [row for row in numbered if now is not None and row.bar.closes_at_s > now],
    }
    dropped = {bad.row for defect, bad_rows in unfit.items() if ACTIONS[defect] is Action.DROPPED for bad in bad_rows}
    fit = [row for row in numbered if row.row not in dropped]
    unique = {row.bar.closes_at_s: row for row in fit}
    ordered = [unique[closes_at_s] for closes_at_s in sorted(unique)]
    chain = _chain(before, ordered)
    findings = [
        *(_finding(defect, bad_rows) for defect, bad_rows in unfit.items() if bad_rows),
        _finding(DefectKind.OUT_OF_ORDER, _late(fit)),
        _finding(DefectKind.DUPLICATE, [row for row in fit if unique[row.bar.closes_at_s] is not row]),
        _gaps(chain, length),
        _finding(DefectKind.ZERO_VOLUME, [row for row in ordered if row.bar.volume == 0]),
        _finding(DefectKind.JUMP, _jumps(chain, jump_max)),
    ]
    return Checked(
        instrument=instrument,
        timeframe=timeframe,
        bars=[row.bar for row in ordered],
        findings=[finding for finding in findings if finding.count],
    )


def _bar(row: CheckedRow, length: int) -> Bar:
    return Bar(row.opens_at // per_second(row.opens_at) + length, *row[1:])


def _off_grid(opens_at: int, length: int) -> bool:
    return opens_at % (length * per_second(opens_at)) != 0


def _other_unit(rows: Sequence[CheckedRow], numbered: list[_Numbered]) -> list[_Numbered]:
    """Report rows in another unit of time than the first, as in two archives that were concatenated."""
    if not rows:
        return []
    first = per_second(rows[0].opens_at)
    return [row for row in numbered if per_second(rows[row.row].opens_at) != first]


def _late(numbered: list[_Numbered]) -> list[_Numbered]:
    late = []
    newest = 0
    for row in numbered:
        if row.bar.closes_at_s < newest:
            late.append(row)
        newest = max(newest, row.bar.closes_at_s)
    return late


def _chain(before: Bar | None, ordered: list[_Numbered]) -> list[_Numbered]:
    if before is None or not ordered or ordered[0].bar.closes_at_s <= before.closes_at_s:
        return ordered
    return [_Numbered(-1, before), *ordered]


def _jumps(chain: list[_Numbered], jump_max: Decimal) -> list[_Numbered]:
    return [later for earlier, later in pairwise(chain) if not near(earlier.bar, later.bar, jump_max)]


def _gaps(chain: list[_Numbered], length: int) -> QualityFinding:
    missing = [
        ((later.bar.closes_at_s - earlier.bar.closes_at_s) // length - 1, earlier) for earlier, later in pairwise(chain)
    ]
    gaps = [(count, earlier) for count, earlier in missing if count > 0]
    first = gaps[0][1] if gaps else _NOWHERE
    counts = [count for count, _ in gaps]
    return QualityFinding(
        defect=DefectKind.GAP,
        count=sum(counts),
        places=len(gaps),
        longest=max(counts, default=0),
        row=first.row,
        at=first.bar.closes_at_s,
    )


def _finding(defect: DefectKind, rows: list[_Numbered]) -> QualityFinding:
    first = rows[0] if rows else _NOWHERE
    return QualityFinding(
        defect=defect, count=len(rows), places=len(rows), longest=1, row=first.row, at=first.bar.closes_at_s
    )


_NOWHERE = _Numbered(0, Bar(0, 0, 0, 0, 0, 0))
