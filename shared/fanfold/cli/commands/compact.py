"""Merge each day of a lake in a folder into one sorted file.

A stage does it for its own lake each night. Rows that are there twice are kept once. One that was killed may leave rows
of a day twice, never too few: run it again.

Example: fanfold compact lake
"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fanfold.cli.exit_codes import Exit
from fanfold.cli.output import Answer, grid

EXITS: tuple[Exit, ...] = ()


def command(folder: Annotated[Path, Parameter(metavar="FOLDER", help="a lake in a folder")], /) -> Answer:
    """Return the days that had more than one file, with what they took before and take now."""
    from fanfold.cli import lake_folder  # noqa: PLC0415 - pyarrow takes a while to load

    compacted = [day._asdict() for day in lake_folder.compact(folder)]
    if not compacted:
        return Answer({"days": []}, [f"{folder}: each day is one sorted file already"])
    columns = {"table": "table", "dt": "day", "files": "files", "bytes_before": "bytes before", "rows": "rows",
               "bytes": "bytes"}  # fmt: skip
    before, after = (sum(day[name] for day in compacted) for name in ("bytes_before", "bytes"))
    total = f"{len(compacted)} days: {before:,} bytes are {after:,}"
    return Answer({"days": compacted}, [grid("", compacted, columns), total])
