"""Read data files as a run does, and say what they hold and what is doubtful.

Example: fanfold data check BTCUSDT-1m-2026-03.zip
Example: fanfold data check export.csv=BTC/USDT --columns time=start_at,volume=amount
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from fanfold.cli.argument_types import Columns
from fanfold.cli.exit_codes import Exit
from fanfold.cli.output import Answer
from fanfold.cli.reading_progress import progress_of_reading
from fanfold.errors import BadInput
from fanfold.importers import columns as column_names
from fanfold.importers import data_files, joining, symbols
from fanfold.importers.data_files import DataFile
from fanfold.local.error_output import print_error
from fanfold.market.quality import DefectKind

EXITS = (Exit.FAILED,)
# A run trades on them all the same.
_DOUBTFUL = frozenset({DefectKind.GAP, DefectKind.JUMP, DefectKind.DUPLICATE})
File = Annotated[str, Parameter(metavar="FILE", help="FILE or FILE=BASE/QUOTE, one or more")]


def command(*files: File, columns: Columns = "") -> Answer:
    """Return what each instrument's files hold; a failure where bars are missing, jump, or are there twice."""
    if not files:
        raise BadInput("name a file of bars, such as `fanfold data check BTCUSDT-1m-2026-03.zip`")
    mapping = column_names.parse(columns)
    with progress_of_reading(files) as on_read:
        read, refusals = _read(files, mapping, on_read)
    joined = joining.joined(read)
    for refusal in refusals:
        print_error(refusal)
    apart = joining.disjoint_spans(joined)
    document = {"instruments": [_document(file) for file in joined], "refused": refusals, "apart": apart}
    blocks = [line for file in joined for line in data_files.describe(file)] + apart
    if refusals:
        return Answer(document, blocks, Exit.WRONG_INPUT)
    doubtful = any(_DOUBTFUL & {finding.defect for finding in file.findings} for file in joined)
    return Answer(document, blocks, Exit.FAILED if doubtful else Exit.OK)


def _read(
    files: Sequence[str], mapping: dict[str, str], on_read: Callable[[Path], None]
) -> tuple[list[DataFile], list[str]]:
    """Return the files that can be read, and why each of the others cannot."""
    read, refusals = [], []
    for argument in files:
        try:
            read.append(data_files.read(argument, columns=mapping))
        except BadInput as refusal:
            refusals.append(str(refusal))
        on_read(symbols.locate(argument)[0])
    return read, refusals


def _document(file: DataFile) -> dict[str, Any]:
    recording = file.recording
    return {
        "instrument": recording.instrument,
        "timeframe": recording.timeframe,
        "path": str(file.path),
        "format": file.format,
        "bars": recording.count,
        "first_close": datetime.fromtimestamp(recording.closes_at_s(0), UTC),
        "last_close": datetime.fromtimestamp(recording.closes_at_s(-1), UTC),
        "price_scale": recording.price_scale,
        "volume_scale": recording.volume_scale,
        "rules": file.instrument,
        "rounded": file.rounded,
        "notes": file.notes,
        "defects": [
            {"defect": entry.defect, "count": entry.finding.count, "where": entry.where, "text": entry.text}
            for entry in file.findings
        ],
    }
