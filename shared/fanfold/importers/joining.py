"""Files of one instrument, such as the months of an archive, as one series."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import numpy as np

from fanfold.importers import checking, data_files, rules
from fanfold.importers.checking import moment
from fanfold.importers.data_files import JUMP_MAX, DataFile
from fanfold.importers.spans import Need
from fanfold.importers.table import Integers, refuse
from fanfold.market import timeframes
from fanfold.market.bars import Bar
from fanfold.market.quality import DefectKind
from fanfold.market.recording import Recording

# Defects that were mended in each file, so that the joined bars do not show them.
_OF_ONE_FILE = {DefectKind.TIME_UNIT, DefectKind.OUT_OF_ORDER, DefectKind.DUPLICATE, DefectKind.FORMING}
_INT64_MAX = 2**63 - 1


def read_all(
    arguments: Sequence[str],
    columns: Mapping[str, str] | None = None,
    *,
    jump_max: Decimal = JUMP_MAX,
    now: int | None = None,
    need: Need | None = None,
    on_read: Callable[[Path], None] = lambda _path: None,
) -> list[DataFile]:
    """Return the bars in files that ``need`` does not leave out, one entry an instrument; tell of each once it is read.

    Raises BadInput as ``data_files.read`` and ``join`` do.
    """
    files = []
    for argument in arguments:
        file = data_files.read(argument, columns=columns, jump_max=jump_max, now=now, need=need)
        on_read(file.path)
        files.append(file)
    return joined(files, jump_max)


def joined(files: Sequence[DataFile], jump_max: Decimal = JUMP_MAX) -> list[DataFile]:
    """Return files with those of one instrument made one, in the order in which the instruments come first."""
    by_instrument: dict[str, list[DataFile]] = {}
    for file in files:
        by_instrument.setdefault(file.recording.instrument, []).append(file)
    return [parts[0] if len(parts) == 1 else join(parts, jump_max) for parts in by_instrument.values()]


def join(files: Sequence[DataFile], jump_max: Decimal = JUMP_MAX) -> DataFile:
    """Return files of one instrument as one. Bars that two of them have are dropped once where they agree.

    Raises BadInput where they do not, and where timeframes differ.
    """
    parts, earlier = _needed(sorted(files, key=lambda file: file.recording.closes_at_s(0)))
    first = parts[0]
    for part in parts[1:]:
        _refuse_unlike(first, part)
    price_scale = max(part.recording.price_scale for part in parts)
    volume_scale = max(part.recording.volume_scale for part in parts)
    rows = [_scaled(part, price_scale, volume_scale) for part in parts]
    together = np.concatenate(rows)
    order = np.argsort(together[:, 0], kind="stable")
    together = together[order]
    _refuse_disagreeing(parts, together, np.repeat(np.arange(len(parts)), list(map(len, rows)))[order])
    length = timeframes.seconds(first.recording.timeframe)
    figures = [together[:, place] for place in range(1, len(Bar._fields))]
    checked = checking.check(together[:, 0] - length, figures, length, jump_max, int(together[-1, 0]))
    name = first.recording.instrument
    source = first.path.name + (f" and {len(parts) - 1} more" if len(parts) > 1 else "")
    after = max(first.recording.after, *(part.recording.closes_at_s(-1) for part in earlier), 0)
    recording = Recording(name, first.recording.timeframe, price_scale, volume_scale, after, checked.bars.data)
    return DataFile(
        path=first.path,
        format=f"{len(files)} files",
        recording=recording,
        instrument=rules.infer(source, recording, checked.bars, unbounded=first.unbounded),
        findings=checked.findings,
        rounded=sum(part.rounded for part in parts),
        notes=tuple(note for part in parts for note in _notes(part)) + tuple(map(_not_needed, earlier)),
        unbounded=first.unbounded,
    )


def _needed(parts: Sequence[DataFile]) -> tuple[Sequence[DataFile], Sequence[DataFile]]:
    """Return the files of which a run needs bars, and those that end before it needs any; all, where none is needed."""
    needed_from = max(part.needed_from for part in parts)
    ends = [part.recording.closes_at_s(-1) for part in parts]
    needed = [part for part, end in zip(parts, ends, strict=True) if end >= needed_from]
    return needed, [part for part, end in zip(parts, ends, strict=True) if end < needed_from]


def disjoint_spans(files: Sequence[DataFile]) -> list[str]:
    """Return a line for each two instruments, in order of time, that have no bar of one time."""
    ordered = sorted((file.recording for file in files), key=lambda recording: recording.closes_at_s(0))
    return [
        f"{earlier.instrument} ends {moment(earlier.closes_at_s(-1))}, before {later.instrument} begins "
        f"{moment(later.closes_at_s(0))}: no bar of the two is of one time"
        for earlier, later in pairwise(ordered)
        if earlier.closes_at_s(-1) < later.closes_at_s(0)
    ]


def _refuse_unlike(first: DataFile, part: DataFile) -> None:
    own, other = part.recording.timeframe, first.recording.timeframe
    if own != other:
        refuse(part.path, f"its bars are {own} and those of {first.path} {other}: files of one instrument need one")
    if part.unbounded != first.unbounded:
        without = part.path if part.unbounded else first.path
        refuse(part.path, f"{without} tells no volume, and another file of the instrument does: name files alike")


def _scaled(part: DataFile, price_scale: int, volume_scale: int) -> Integers:
    """Return the rows of a file under other scales."""
    rows: Integers = np.frombuffer(part.recording.records, dtype=np.int64).reshape(-1, len(Bar._fields))
    prices = 10 ** (price_scale - part.recording.price_scale)
    volumes = 10 ** (volume_scale - part.recording.volume_scale)
    factors = np.array([1, prices, prices, prices, prices, volumes], dtype=np.int64)
    if int(rows[:, 1:5].max()) * prices > _INT64_MAX or int(rows[:, 5].max()) * volumes > _INT64_MAX:
        refuse(part.path, "its figures need more digits beside those of the other files than 64 bits hold")
    return rows if prices == volumes == 1 else rows * factors


def _refuse_disagreeing(parts: Sequence[DataFile], bars: Integers, sources: Integers) -> None:
    """Refuse two files that have different bars of one time; ``bars`` are in time order, ``sources`` their parts."""
    again = bars[1:, 0] == bars[:-1, 0]
    differ = np.flatnonzero(again & np.any(bars[1:] != bars[:-1], axis=1))
    if differ.size:
        place = int(differ[0])
        earlier, later = parts[int(sources[place])], parts[int(sources[place + 1])]
        at = moment(int(bars[place, 0]))
        refuse(
            later.path, f"{differ.size} bars differ from those of other files, the first at {at} from {earlier.path}"
        )


def _not_needed(part: DataFile) -> str:
    return f"{part.path.name}: left out, for it ends {moment(part.recording.closes_at_s(-1))}"


def _notes(part: DataFile) -> Iterator[str]:
    recording = part.recording
    span = f"{moment(recording.closes_at_s(0))} to {moment(recording.closes_at_s(-1))}"
    yield f"{part.path.name}: {recording.count} bars ({part.format}), {span}"
    for note in (*part.notes, *(finding.text for finding in part.findings if finding.defect in _OF_ONE_FILE)):
        yield f"{part.path.name}: {note}"
