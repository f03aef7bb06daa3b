"""The library of runs as commands use it: its folder, and the time that a run was made at."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from fanfold.errors import BadInput

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


def checked_library(folder: Path | None, tags: Sequence[str]) -> "RunLibrary":
    """Return the library that a run is to be kept in, before the run takes its time.

    Raises BadInput where its folder cannot be written, or a tag is none.
    """
    from fanfold.research.library import check_tag  # noqa: PLC0415 - as above

    library = library_in(folder)
    place = library.folder.absolute()
    nearest = next(each for each in (place, *place.parents) if each.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise BadInput(f"{library.folder} cannot hold the library of runs: {nearest} is no folder that can be written; "
                       "name another with --library")  # fmt: skip
    for tag in tags:
        check_tag(tag)
    return library


def library_folder(folder: Path | None) -> Path:
    """Return the folder that was named, else the environment's, else the default one."""
    return folder or Path(os.environ.get(VARIABLE) or DEFAULT)


def now_s() -> int:
    """Return the time that a run is made at, in epoch seconds."""
    return int(time.time())
