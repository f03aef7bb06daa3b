"""Convert data files to Parquet, which is read faster and keeps every digit.

Example: fanfold data convert BTCUSDT-1m-2026-03.zip BTCUSDT-1m-2026-04.zip --output bars
"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fanfold.cli.argument_types import Columns
from fanfold.cli.output import Answer
from fanfold.cli.reading_progress import progress_of_reading
from fanfold.cli.whole_files import writing
from fanfold.errors import BadInput
from fanfold.importers import columns as column_names
from fanfold.importers import data_files, joining, parquet_files
from fanfold.importers.data_files import DataFile

File = Annotated[str, Parameter(metavar="FILE", help="FILE or FILE=BASE/QUOTE, one or more")]
Output = Annotated[
    Path, Parameter(metavar="PATH", help="a directory for a file an instrument, or the name of one .parquet file")
]
Overwrite = Annotated[bool, Parameter(help="write over files that are there")]
_ENDING = ".parquet"


def command(*files: File, output: Output, columns: Columns = "", overwrite: Overwrite = False) -> Answer:
    """Write the bars of each instrument into a Parquet file, and return what it was made of."""
    if not files:
        raise BadInput("name a file of bars, such as `fanfold data convert BTCUSDT-1m-2026-03.zip --output bars`")
    mapping = column_names.parse(columns)
    with progress_of_reading(files) as on_read:
        instruments = joining.read_all(files, mapping, on_read=on_read)
    targets = [_target(output, file, len(instruments)) for file in instruments]
    there = [str(target) for target in targets if target.exists()]
    if there and not overwrite:
        raise BadInput(f"{', '.join(there)}: there already; name another --output, or say --overwrite")
    for target, file in zip(targets, instruments, strict=True):
        with writing(target, parents=True) as into:
            parquet_files.write(into, file)
    written = [
        {"instrument": file.recording.instrument, "bars": file.recording.count, "path": str(target)}
        for target, file in zip(targets, instruments, strict=True)
    ]
    lines = [f"{target}: written" for target in targets]
    return Answer({"written": written}, [*(line for file in instruments for line in data_files.describe(file)), *lines])


def _target(output: Path, file: DataFile, count: int) -> Path:
    """Return where the bars of an instrument go. Raises BadInput for one file of several instruments."""
    if output.suffix != _ENDING:
        return output / f"{file.recording.instrument.replace('/', '-')}-{file.recording.timeframe}{_ENDING}"
    if count > 1:
        raise BadInput(f"{output} is one file, and there are {count} instruments: name a directory")
    return output
