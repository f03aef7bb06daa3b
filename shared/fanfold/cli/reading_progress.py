"""A bar on a terminal while big data files are read."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from fanfold.importers import symbols

# Less is read within half a second.
_BIG = 20_000_000
_MEGABYTE = 10**6


@contextmanager
def progress_of_reading(arguments: Sequence[str]) -> Iterator[Callable[[Path], None]]:
    """Show on standard error, if it is a terminal, how much of big files is read; yield what to tell of each.

    Of a single file nobody knows how far its reader is, for columns are read whole: the bar moves, and does not fill.
    """
    sizes = {path: path.stat().st_size for path, _ in map(symbols.locate, arguments) if path.is_file()}
    if sum(sizes.values()) < _BIG or not sys.stderr.isatty():
        yield lambda _path: None
        return
    with _shown(sizes) as on_read:
        yield on_read


@contextmanager
def _shown(sizes: Mapping[Path, int]) -> Iterator[Callable[[Path], None]]:
    # Only a terminal needs rich, which takes a twentieth of a back-test's time to load.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        Progress,
        ProgressColumn,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    whole = sum(sizes.values())
    columns: list[ProgressColumn] = [
        TextColumn(f"reading {whole // _MEGABYTE} MB of bars"),
        BarColumn(),
        TimeElapsedColumn(),
    ]
    if len(sizes) > 1:
        columns.insert(2, TaskProgressColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=whole if len(sizes) > 1 else None)
        yield lambda path: progress.update(task, advance=sizes.get(path, 0), refresh=True)
