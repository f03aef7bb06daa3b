"""The library of runs as commands use it: its folder, and the time that a run was made at."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from fanfold.research.library import RunLibrary

DEFAULT = "research"
VARIABLE = "FANFOLD_LIBRARY"
LibraryFolder = Annotated[
    Path | None, Parameter(name="--library", metavar="DIR", help=f"the library of runs (${VARIABLE}, else {DEFAULT})")
]
Tags = Annotated[
    list[str] | None, Parameter(name="--tag", metavar="TAG", help="tag the run in the library; may be repeated")
]


def library_in(folder: Path | None) -> "RunLibrary":
    """Return the library of a folder that was named, else of the environment's, else of the default one."""
    from fanfold.research.library import RunLibrary  # noqa: PLC0415 - it loads DuckDB

    return RunLibrary(library_folder(folder))


def library_folder(folder: Path | None) -> Path:
    """Return the folder that was named, else the environment's, else the default one."""
    return folder or Path(os.environ.get(VARIABLE) or DEFAULT)


def now_s() -> int:
    """Return the time that a run is made at, in epoch seconds."""
    return int(time.time())
