"""The checks of ``market.quality`` on whole columns, with the places that a reader asks for."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from fanfold.importers.table import Floats, Integers, blocks_of
from fanfold.market import quality
from fanfold.market.bars import Bar
from fanfold.market.quality import ACTIONS, DefectKind, QualityFinding

PLACES_MAX = 1_000
_CLOSE, _VOLUME = 3, 4
Mask = NDArray[np.bool_]
# Doubles that are further apart than this do not change sides when they are rounded.
_SLACK = 1e-12


class FindingPlace(NamedTuple):
    """A place of a defect: the index of its row, of a gap the one before; that bar's close; how many bars it is of."""

    row: int
    at: int
    bars: int


class FileFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A defect of a file: as ``market.quality`` counts it, and where and how large it is, in words.

    ``places`` are its first PLACES_MAX, in order of rows.
    """

    finding: QualityFinding
    where: str = ""
    places: tuple[FindingPlace, ...] = ()

    @property
    def defect(self) -> DefectKind:
        return self.finding.defect

    @property
    def text(self) -> str:
        return self.finding.text + (f" ({self.where})" if self.where else "")


class CheckedColumns(NamedTuple):
    """Usable bars in time order, a row each of closes_at, open, high, low, close, volume; and all defects."""

    bars: Integers
    findings: list[FileFinding]

    def finding(self, defect: DefectKind) -> QualityFinding | None:
        return next((entry.finding for entry in self.findings if entry.defect is defect), None)


def per_second(times: Integers) -> Integers:
    """Return the units a second of each epoch time, by its size; see ``quality.per_second``.

    They are a single number, in an array of one, where all times have the same.
    """
    size = np.abs(times)
    ends = [quality.per_second(int(size.min())), quality.per_second(int(size.max()))] if size.size else [1, 1]
    if ends[0] == ends[1]:
        return np.array(ends[:1])
    return np.select([size < 10**11, size < 10**14, size < 10**17], [1, 10**3, 10**6], 10**9).astype(np.int64)


def check(opens: Integers, figures: Sequence[Integers], length: int, jump_max: Decimal, now: int) -> CheckedColumns:
    """Check rows as ``quality.check`` does: ``opens`` are their times of opening in any unit of epoch time,
    ``figures`` the columns open, high, low, close in ticks and volume in lots, ``length`` a bar's in seconds.
    """
    units = per_second(opens)
    closes = opens // units + length
    misaligned = opens % (length * units) != 0
    impossible = ~_possible(figures)
    forming = closes > now
    fit = np.flatnonzero(~(misaligned | impossible | forming))
    # Most files are in order, and sorting takes longest.
    rises = bool(np.all(closes[fit][1:] > closes[fit][:-1]))
    order = fit if rises else fit[np.argsort(closes[fit], kind="stable")]
    # Of rows of one time the later one counts.
    last = np.ones(order.size, dtype=bool)
    last[:-1] = rises or closes[order][1:] != closes[order][:-1]
    kept = order[last]
    late = fit[:0] if rises else fit[closes[fit] < np.concatenate([[0], np.maximum.accumulate(closes[fit])[:-1]])]
    twice = np.sort(order[~last])
    rows = [
        _rows(DefectKind.TIME_UNIT, np.flatnonzero(units != units[:1]), closes),
        _rows(DefectKind.MISALIGNED, np.flatnonzero(misaligned), closes),
        _rows(DefectKind.IMPOSSIBLE, np.flatnonzero(impossible), closes),
        _rows(DefectKind.FORMING, np.flatnonzero(forming), closes),
        _rows(DefectKind.OUT_OF_ORDER, late, closes, _newest_first(closes, late)),
        _rows(DefectKind.DUPLICATE, twice, closes, _differing(twice, order, last, closes, figures)),
        _gaps(kept, closes, length),
        _rows(DefectKind.ZERO_VOLUME, kept[figures[_VOLUME][kept] == 0], closes),
        _jumps(kept, closes, figures[_CLOSE], jump_max),
    ]
    return CheckedColumns(_bars(kept, [closes, *figures]), [entry for entry in rows if entry.finding.count])


def _bars(kept: Integers, columns: Sequence[Integers]) -> Integers:
    bars = np.empty((kept.size, len(Bar._fields)), dtype=np.int64)
    for part, rows in zip(blocks_of(bars), blocks_of(kept), strict=True):
        for place, column in enumerate(columns):
            part[:, place] = column[rows]
    return bars


def _possible(figures: Sequence[Integers]) -> Mask:
    opened, high, low, close, volume = figures
    possible: Mask = (low > 0) & (low <= opened) & (opened <= high) & (low <= close) & (close <= high) & (volume >= 0)
    return possible


def _rows(defect: DefectKind, rows: Integers, closes: Integers, where: str = "") -> FileFinding:
    row = int(rows[0]) if rows.size else 0
    at = int(closes[row]) if rows.size else 0
    known = f"first {moment(at)}" if rows.size and ACTIONS[defect] != "sorted" else ""
    finding = QualityFinding(defect=defect, count=int(rows.size), places=int(rows.size), longest=1, row=row, at=at)
    places = _places(rows, closes, np.ones(rows.size, dtype=np.int64))
    return FileFinding(finding=finding, where=where or known, places=places)


def _places(rows: Integers, closes: Integers, counts: Integers) -> tuple[FindingPlace, ...]:
    first = rows[:PLACES_MAX]
    return tuple(map(FindingPlace._make, zip(first.tolist(), closes[first].tolist(), counts.tolist(), strict=False)))


def _newest_first(closes: Integers, late: Integers) -> str:
    return "the file is newest first" if late.size and late.size == closes.size - 1 else ""


def _differing(twice: Integers, order: Integers, last: Mask, closes: Integers, figures: Sequence[Integers]) -> str:
    """Say how many rows differ from the later ones of their time, which count."""
    if not twice.size:
        return ""
    kept = order[last]
    counting = kept[np.searchsorted(closes[kept], closes[twice])]
    differ = twice[np.any([column[twice] != column[counting] for column in figures], axis=0)]
    if not differ.size:
        return f"first {moment(int(closes[twice[0]]))}, all the same"
    return f"{differ.size} differ, the first {moment(int(closes[differ[0]]))}; the later row counts"


def _gaps(kept: Integers, closes: Integers, length: int) -> FileFinding:
    missing = np.diff(closes[kept]) // length - 1
    gaps = np.flatnonzero(missing > 0)
    row = int(kept[gaps[0]]) if gaps.size else 0
    longest = int(missing.max(initial=0))
    finding = QualityFinding(
        defect=DefectKind.GAP,
        count=int(missing[gaps].sum()),
        places=int(gaps.size),
        longest=longest,
        row=row,
        at=int(closes[row]) if gaps.size else 0,
    )
    where = f"after {moment(int(closes[kept[int(missing.argmax())]]))}" if gaps.size else ""
    return FileFinding(finding=finding, where=where, places=_places(kept[gaps], closes, missing[gaps]))


def _jumps(kept: Integers, closes: Integers, prices: Integers, jump_max: Decimal) -> FileFinding:
    """Find moves from close to close that are larger than a share: by doubles, and those at its edge by integers."""
    before, after = prices[kept[:-1]], prices[kept[1:]]
    edge = float(jump_max)
    slack = _SLACK * max(1.0, edge)
    shares = np.concatenate([np.zeros(0), *map(_shares, blocks_of(before), blocks_of(after))])
    places = np.flatnonzero(shares >= edge - slack)
    top, bottom = jump_max.as_integer_ratio()
    for place in places[shares[places] <= edge + slack].tolist():
        if abs(int(after[place]) - int(before[place])) * bottom <= int(before[place]) * top:
            shares[place] = 0
    places = places[shares[places] > 0]
    if not places.size:
        return _rows(DefectKind.JUMP, places, closes)
    rows = kept[places + 1]
    first, largest = int(places[0]), int(places[shares[places].argmax()])
    where = _jump(first, before, after, closes[kept])
    if largest != first:
        where += f", the largest {_jump(largest, before, after, closes[kept])}"
    return _rows(DefectKind.JUMP, rows, closes, where)


def _shares(before: Integers, after: Integers) -> Floats:
    """Return the shares of prices by which those after them are apart."""
    shares: Floats = np.abs(after - before) / np.maximum(before, 1)
    return shares


def _jump(place: int, before: Integers, after: Integers, closes: Integers) -> str:
    earlier, later = int(before[place]), int(after[place])
    large = later >= 2 * earlier or earlier >= 2 * later
    size = f"x{later / earlier:.4g}" if large else f"{(later / earlier - 1) * 100:+.1f} %"
    return f"{size} at {moment(int(closes[place + 1]))}"


def moment(at: int) -> str:
    """Return an epoch second as a reader's UTC time."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"


def texts(findings: Sequence[FileFinding]) -> list[str]:
    return [finding.text for finding in findings]
