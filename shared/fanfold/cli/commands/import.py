# ruff: noqa: N999 - a command's file is named as it is called
"""Bring bars of files, an archive or an exchange's past into a lake in a folder.

Files are of any kind that docs/data-files.md names. From an exchange, days that the lake has are not asked for again,
so that an import which was stopped continues where it was. Queries by --lake, and --data, read the folder.

Example: fanfold import BTCUSDT-1m-2026-02.zip BTCUSDT-1m-2026-03.zip --into lake --venue binance
Example: fanfold import --archive https://archive.example --symbols BTC/USDT --from 2025-01-01 --into lake
Example: fanfold import --exchange binance --symbols BTC/USDT,ETH/USDT --from 2026-01-01 --into lake
"""

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from fanfold.cli import archives
from fanfold.cli.archives import Archive
from fanfold.cli.argument_types import Columns, read_by, read_day
from fanfold.cli.back_fill_progress import progress_of_days
from fanfold.cli.exit_codes import Exit
from fanfold.cli.output import Answer, grid
from fanfold.cli.reading_progress import progress_of_reading
from fanfold.errors import BadInput
from fanfold.importers import columns as column_names
from fanfold.importers import data_files, joining

if TYPE_CHECKING:
    from fanfold.cli.back_fill import BackFill

EXITS = (Exit.NOT_REACHABLE,)
File = Annotated[str, Parameter(metavar="FILE", help="FILE or FILE=BASE/QUOTE, one or more")]
Into = Annotated[Path, Parameter(metavar="FOLDER", help="the lake; it is made where it is not there")]
Day = Annotated[str, Parameter(metavar="DAY", converter=read_by(read_day))]
# A venue is part of the names of files.
_VENUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


def read_venue(written: str) -> str:
    if not _VENUE.fullmatch(written):
        raise ValueError(f"{written!r} is no name of a venue: at most 63 letters, digits, '_', '.' and '-'")
    return written


Venue = Annotated[
    str, Parameter(metavar="NAME", converter=read_by(read_venue), help="where the bars of files were traded (file)")
]


def command(
    *files: File,
    into: Into,
    venue: Venue = "file",
    columns: Columns = "",
    exchange: Annotated[str, Parameter(metavar="NAME", help="an exchange by its ccxt id, such as binance")] = "",
    archive: Annotated[str, Parameter(metavar="URL", help="an archive laid out as Binance's, by its URL")] = "",
    symbols: Annotated[str, Parameter(metavar="SYMBOLS", help="instruments there: BTC/USDT,ETH/USDT")] = "",
    timeframe: Annotated[str, Parameter(metavar="LENGTH", help="of its bars (1m)")] = "",
    since: Annotated[Day, Parameter(name="--from", help="the first day (UTC)")] = "",
    until: Annotated[Day, Parameter(help="the last day; without it, yesterday")] = "",
    origin: Annotated[str, Parameter(metavar="URL", help="in place of the exchange's hosts")] = "",
) -> Answer:
    """Return what each instrument brought into the lake."""
    if sum(map(bool, (files, exchange, archive))) != 1:
        raise BadInput("name files of bars, an --exchange, or an --archive, and one of these alone")
    if files:
        if symbols or since or until or origin or timeframe:
            raise BadInput("--symbols, --timeframe, --from, --until and --origin go with --exchange or --archive alone")
        return _files(files, into, venue, column_names.parse(columns))
    timeframe = timeframe or "1m"
    named = [symbol.strip() for symbol in symbols.split(",") if symbol.strip()]
    if not named or not since:
        raise BadInput("it needs --symbols and --from, such as --symbols BTC/USDT --from 2026-01-01")
    from fanfold.cli import back_fill  # noqa: PLC0415 - ccxt takes a while to load

    first = date.fromisoformat(since)
    last = back_fill.days_over(date.fromisoformat(until) if until else None, datetime.now(UTC))
    if first > last:
        raise BadInput(f"there is no whole day from {first} to {last}: the day of today is not over")
    if archive:
        return _archived(Archive(archive, named, timeframe, first, last), into, venue)
    return _fetched(back_fill.BackFill(exchange, named, timeframe, first, last, origin), into)


def _files(files: tuple[str, ...], into: Path, venue: str, mapping: dict[str, str]) -> Answer:
    from fanfold.cli import lake_folder  # noqa: PLC0415 - pyarrow takes a while to load

    with progress_of_reading(files) as on_read:
        instruments = joining.read_all(files, mapping, on_read=on_read)
    kept = lake_folder.keep(into, [(file.recording, f"import of {file.path.name}") for file in instruments], venue)
    rows, blocks = [], []
    for file, days in zip(instruments, kept, strict=True):
        rows.append({"instrument": file.recording.instrument, "timeframe": file.recording.timeframe,
                     "bars": file.recording.count, "days": days})  # fmt: skip
        blocks += data_files.describe(file)
    columns = {"instrument": "instrument", "timeframe": "timeframe", "bars": "bars", "days": "days"}
    return Answer({"imported": rows, "lake": str(into)}, [*blocks, grid("", rows, columns)])


def _archived(archive: Archive, into: Path, venue: str) -> Answer:
    with progress_of_days(len(archive.symbols) * ((archive.last - archive.first).days + 1)) as on_days:
        fetched = archives.fetch(archive, into / "archive", on_days)
    if not fetched.files:
        raise BadInput(f"{archive.url} has none of {', '.join(fetched.absent[:3])}; see its list of files")
    answer = _files(tuple(fetched.files), into, venue, {})
    absent = [f"the archive has no {name}" for name in fetched.absent]
    return answer._replace(document=answer.document | {"absent": fetched.absent}, blocks=[*answer.blocks, *absent])


def _fetched(wanted: "BackFill", into: Path) -> Answer:
    from fanfold.cli import back_fill  # noqa: PLC0415 - as above

    with progress_of_days(len(wanted.symbols) * ((wanted.last - wanted.first).days + 1)) as on_days:
        rows = [series._asdict() for series in back_fill.back_fill(wanted, into, on_days)]
    columns = {"instrument": "instrument", "days_before": "days before", "days": "days", "bars": "bars",
               "missing": "missing"}  # fmt: skip
    span = f"{wanted.exchange} {wanted.timeframe}, {wanted.first} to {wanted.last}"
    return Answer({"imported": rows, "lake": str(into)}, [span, grid("", rows, columns)])
