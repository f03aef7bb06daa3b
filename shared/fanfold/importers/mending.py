"""Examine data files for every defect, by row and time, and mend what needs no guess: no price is ever made up."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from fanfold.importers import data_files, formats, symbols
from fanfold.importers.checking import FileFinding, FindingPlace, moment, per_second
from fanfold.importers.data_files import DataFile
from fanfold.importers.formats import Loaded
from fanfold.importers.table import Integers, RawTable, WrongCell
from fanfold.market import timeframes
from fanfold.market.bars import Bar
from fanfold.market.quality import DefectKind
from fanfold.market.recording import Recording

UNREADABLE, SCALE = "unreadable", "scale"
# More wrong rows than these, and than a hundredth of a file, are a wrong file.
ROWS_MAX, ROWS_LEAST = 100, 3
# A step from bar to bar of ten, a hundred and so on times, give or take a quarter.
_NEAR = 0.1
_OPEN, _HIGH, _LOW, _CLOSE = 1, 2, 3, 4
ADVICE: Mapping[str, str] = {
    UNREADABLE: "the row is no bar: compare it with the source; a repair leaves it out",
    DefectKind.TIME_UNIT: "times are told by their size; a repair writes one unit",
    DefectKind.OUT_OF_ORDER: "a repair sorts the rows",
    DefectKind.DUPLICATE: "the later row counts; see which is right where they differ; a repair leaves the others out",
    DefectKind.FORMING: "the bar had not closed; a repair leaves it out: download it again",
    DefectKind.GAP: "download these times again, or take another source; a repair leaves them as they are",
    DefectKind.ZERO_VOLUME: "no order fills there: download again if the venue shows trades; a repair changes nothing",
    DefectKind.JUMP: "compare with another source: a crash, or a wrong price; a repair changes nothing",
    SCALE: "prices are ten or more times their neighbours': compare with another source",
}


class DefectPlace(msgspec.Struct, frozen=True, kw_only=True):
    """A place of a defect: its row, as an editor counts rows; the bar's close (epoch s; 0 unknown); what is there."""

    row: int
    at: int
    text: str


class FileDefect(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of defect of a file, in words, with its first places in order, and what to do. ``count`` is in bars."""

    kind: str
    count: int
    text: str
    places: list[DefectPlace]
    advice: str


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """A file as it can be read, its defects, and the places of bars in its recording that a repair leaves out."""

    file: DataFile
    defects: list[FileDefect]
    rescaled: list[int]


def examine(argument: str, *, columns: Mapping[str, str] | None = None) -> Examined:
    """Return a file without the rows that are no bars, and all its defects.

    Raises BadInput as ``data_files.read`` does for a file that cannot be taken even so.
    """
    path, stated = symbols.locate(argument)
    raw, inner = formats.raw_of(path, columns or {}, stated or symbols.named(path))
    wrong: list[WrongCell] = []
    most = min(ROWS_MAX, max(ROWS_LEAST, raw.columns.num_rows // 100))
    while True:
        try:
            loaded = formats.timed(raw, inner)
            file = data_files.read(argument, loaded=loaded)
            break
        except WrongCell as cell:
            if len(wrong) == most or raw.columns.num_rows <= 2:
                raise wrong[0] if wrong else cell from None
            wrong.append(cell)
            raw = _without(raw, cell.row)
    segments = _rescaled(_bars(file.recording))
    defects = [*_unreadable(wrong), *map(_defect_of(file), file.findings), *_scale(file, loaded, segments)]
    return Examined(file=file, defects=defects, rescaled=_to_leave_out(segments, file.recording.count))


def mended(examined: Examined) -> DataFile:
    """Return the bars that are left, in order: those of the file, bit by bit, without what a repair leaves out."""
    recording = examined.file.recording
    bars = np.delete(_bars(recording), examined.rescaled, axis=0)
    kept = Recording(
        recording.instrument,
        recording.timeframe,
        recording.price_scale,
        recording.volume_scale,
        recording.after,
        bars.data,
    )
    return msgspec.structs.replace(examined.file, recording=kept)


def mended_path(file: DataFile) -> Path:
    """Return where a mended copy lies: beside the file, under a name that tells its instrument."""
    name = f"{file.path.name.partition('.')[0]}.mended.parquet"
    if symbols.named(Path(name)) != file.recording.instrument:
        name = f"{file.recording.instrument.replace('/', '-')}-{file.recording.timeframe}.mended.parquet"
    return file.path.with_name(name)


def changes(examined: Examined) -> Iterator[str]:
    """Return what a repair changes, a line each."""
    for defect in examined.defects:
        what = {
            UNREADABLE: "left out: they are no bars",
            DefectKind.TIME_UNIT: "written in the unit of the others",
            DefectKind.OUT_OF_ORDER: "put in order",
            DefectKind.DUPLICATE: "left out: a later row has their time",
            DefectKind.FORMING: "left out: they had not closed",
        }.get(defect.kind)
        if what:
            yield f"{defect.count} rows {what}"
    if examined.rescaled:
        yield f"{len(examined.rescaled)} bars left out: their prices are in another scale"


def _without(raw: RawTable, row: int) -> RawTable:
    index = raw.rows.index_of(row)
    columns = pa.concat_tables([raw.columns.slice(0, index), raw.columns.slice(index + 1)])
    return raw._replace(columns=columns, rows=raw.rows.without(row))


def _unreadable(wrong: list[WrongCell]) -> Iterator[FileDefect]:
    if wrong:
        places = [DefectPlace(row=cell.row, at=0, text=f"column {cell.column}: {cell.reason}") for cell in wrong]
        places.sort(key=lambda place: place.row)
        text = f"{len(wrong)} rows are no bars"
        yield FileDefect(kind=UNREADABLE, count=len(wrong), text=text, places=places, advice=ADVICE[UNREADABLE])


def _defect_of(file: DataFile) -> Callable[[FileFinding], FileDefect]:
    length = timeframes.seconds(file.recording.timeframe)

    def defect_of(finding: FileFinding) -> FileDefect:
        places = [
            DefectPlace(row=file.rows.of(place.row), at=place.at, text=_text(finding.defect, place, length))
            for place in finding.places
        ]
        kind = finding.defect
        return FileDefect(kind=kind, count=finding.finding.count, text=finding.text, places=places, advice=ADVICE[kind])

    return defect_of


def _text(kind: DefectKind, place: FindingPlace, length: int) -> str:
    if kind is DefectKind.GAP:
        first, last = place.at + length, place.at + place.bars * length
        return f"{place.bars} bars missing, closes {moment(first)} to {moment(last)}"
    return f"the bar that closes {moment(place.at)}"


class _Segment(NamedTuple):
    """Bars in another scale, from the first to the last, ``power`` of ten apart; ``ended`` where prices came back."""

    first: int
    last: int
    power: int
    ended: bool


def _bars(recording: Recording) -> Integers:
    return np.frombuffer(recording.records, dtype=np.int64).reshape(-1, len(Bar._fields))


def _rescaled(bars: Integers) -> list[_Segment]:
    """Return where closes step to another scale and back, and single bars of which one price alone is in another."""
    segments, first, level, power = list[_Segment](), 0, 0, 0
    for place, step in _steps(bars[1:, _CLOSE], bars[:-1, _CLOSE]):
        if level == 0:
            first, power = place + 1, step
        level += step
        if level == 0:
            segments.append(_Segment(first, place, power, ended=True))
    if level:
        segments.append(_Segment(first, len(bars) - 1, power, ended=False))
    inside = {n for segment in segments for n in range(segment.first, segment.last + 1)}
    body = bars[:, [_OPEN, _CLOSE]]
    spikes = [*_steps(bars[:, _HIGH], body.max(axis=1)), *_steps(bars[:, _LOW], body.min(axis=1)),
              *_steps(bars[:, _OPEN], bars[:, _CLOSE])]  # fmt: skip
    alone = {place: step for place, step in spikes if place not in inside}
    return sorted([*segments, *(_Segment(place, place, step, ended=True) for place, step in alone.items())])


def _steps(prices: Integers, before: Integers) -> list[tuple[int, int]]:
    """Return where prices are a power of ten of those before, and which one."""
    sizes = np.log10(prices / before)
    powers = np.rint(sizes)
    places = np.flatnonzero((powers != 0) & (np.abs(sizes - powers) < _NEAR))
    return [(int(place), int(powers[place])) for place in places]


def _scale(file: DataFile, loaded: Loaded, segments: list[_Segment]) -> Iterator[FileDefect]:
    if not segments:
        return
    closes = [(file.recording.closes_at_s(each.first), file.recording.closes_at_s(each.last)) for each in segments]
    length = timeframes.seconds(file.recording.timeframe)
    times = loaded.table.time // per_second(loaded.table.time) + (0 if loaded.table.closes else length)
    places = [
        DefectPlace(row=file.rows.of(int(np.abs(times - first).argmin())), at=first, text=_scaled(segment, first, last))
        for segment, (first, last) in zip(segments, closes, strict=True)
    ]
    count = sum(segment.last - segment.first + 1 for segment in segments)
    open_end = not all(segment.ended for segment in segments)
    rest = (
        "a repair changes nothing: which scale is right, the file does not tell"
        if open_end
        else "a repair leaves them out"
    )
    advice = f"{ADVICE[SCALE]}; {rest}, and divides no price"
    yield FileDefect(kind=SCALE, count=count, text=f"{count} bars in another scale", places=places, advice=advice)


def _scaled(segment: _Segment, first: int, last: int) -> str:
    times = f"10^{segment.power} times their neighbours'"
    return f"{segment.last - segment.first + 1} bars, closes {moment(first)} to {moment(last)}: prices {times}"


def _to_leave_out(segments: list[_Segment], count: int) -> list[int]:
    """Return the bars in another scale, where prices came back from it and most bars are in the first."""
    places = [n for segment in segments for n in range(segment.first, segment.last + 1)]
    return places if all(segment.ended for segment in segments) and 2 * len(places) < count else []
