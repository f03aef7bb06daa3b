"""Files that a user names: what was there stays until the new one is written whole."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import IO

from fanfold.errors import BadInput
from fanfold.local.directory_lock import is_running


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file to be written in place of another; a device or a pipe is written as it comes.

    Several processes may write one file at once: the last that ends counts.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    # A link stays one.
    target = path.resolve()
    _remove_abandoned(target)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as file:
            yield file
        if target.exists():
            unfinished.chmod(target.stat().st_mode)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def writing(path: Path, *, parents: bool = False) -> Iterator[IO[bytes]]:
    """Open a file to be written in place of another, as ``replacing``; ``parents`` makes its folder.

    Raises BadInput where that cannot be.
    """
    try:
        if parents:
            path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            yield file
    except OSError as wrong:
        raise BadInput(f"{path} cannot be written: {wrong.strerror or wrong}") from wrong


def _remove_abandoned(target: Path) -> None:
    """Remove what processes that were killed left of a file."""
    for unfinished in target.parent.glob(f".{escape(target.name)}.*"):
        writer = unfinished.name.rpartition(".")[2]
        if writer.isdigit() and not is_running(int(writer)):
            unfinished.unlink(missing_ok=True)
