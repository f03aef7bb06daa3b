"""Name every defect of data files by row and time, and what to do about it.

--repair writes a repaired copy beside each file, and says what it changed. No price is ever made up.

Example: fanfold data doctor BTCUSDT-1m-2026-03.zip
Example: fanfold data doctor export.csv=BTC/USDT --repair
"""

from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import Parameter

from fanfold.cli.argument_types import Columns
from fanfold.cli.exit_codes import Exit
from fanfold.cli.output import Answer
from fanfold.cli.whole_files import writing
from fanfold.errors import BadInput
from fanfold.importers import columns as column_names
from fanfold.importers import data_files, mending, parquet_files
from fanfold.importers.mending import Examined, FileDefect
from fanfold.local.error_output import print_error

EXITS = (Exit.FAILED,)
# Places of a kind that people are shown; programs get a thousand.
SHOWN = 10
File = Annotated[str, Parameter(metavar="FILE", help="FILE or FILE=BASE/QUOTE, one or more")]


def command(
    *files: File,
    columns: Columns = "",
    repair: Annotated[bool, Parameter(help="write a repaired copy beside each file that needs one")] = False,
    overwrite: Annotated[bool, Parameter(help="write over a repaired copy that is there")] = False,
) -> Answer:
    """Return the defects of each file; a failure where there are any, wrong input where a file cannot be taken."""
    if not files:
        raise BadInput("name a file of bars, such as `fanfold data doctor BTCUSDT-1m-2026-03.zip`")
    mapping = column_names.parse(columns)
    examined, refusals = _examine(files, mapping)
    written = [_repair(each, overwrite=overwrite) if repair else None for each in examined]
    for refusal in refusals:
        print_error(refusal)
    document = {"files": list(map(_document, examined, written)), "refused": refusals}
    blocks = [line for each, copy in zip(examined, written, strict=True) for line in _lines(each, copy)]
    if refusals:
        return Answer(document, blocks, Exit.WRONG_INPUT)
    return Answer(document, blocks, Exit.FAILED if any(each.defects for each in examined) else Exit.OK)


def _examine(files: Sequence[str], mapping: dict[str, str]) -> tuple[list[Examined], list[str]]:
    examined, refusals = [], []
    for argument in files:
        try:
            examined.append(mending.examine(argument, columns=mapping))
        except BadInput as refusal:
            refusals.append(str(refusal))
    return examined, refusals


def _repair(examined: Examined, *, overwrite: bool) -> str | None:
    """Write the mended copy, and return its path; None where nothing is to be changed."""
    if not list(mending.changes(examined)):
        return None
    path = mending.mended_path(examined.file)
    if path.exists() and not overwrite:
        raise BadInput(f"{path}: there already; move it away, or say --overwrite")
    with writing(path) as into:
        parquet_files.write(into, mending.mended(examined))
    return str(path)


def _document(examined: Examined, written: str | None) -> dict[str, Any]:
    return {
        "path": str(examined.file.path),
        "instrument": examined.file.recording.instrument,
        "defects": examined.defects,
        "mended": written,
        "changes": list(mending.changes(examined)) if written else [],
    }


def _lines(examined: Examined, written: str | None) -> list[str]:
    head = data_files.describe(examined.file)[0]
    lines = [
        head,
        *(f"  {note}" for note in examined.file.notes),
        *(line for defect in examined.defects for line in _defect(defect)),
    ]
    if not examined.defects:
        lines.append("no defects")
    if written:
        lines += [f"{written}: written", *(f"  {change}" for change in mending.changes(examined))]
    return lines


def _defect(defect: FileDefect) -> list[str]:
    places = [f"    row {place.row}: {place.text}" for place in defect.places[:SHOWN]]
    more = [f"    and {len(defect.places) - SHOWN} more places"] if len(defect.places) > SHOWN else []
    return [f"  {defect.text}", *places, *more, f"    {defect.advice}"]
