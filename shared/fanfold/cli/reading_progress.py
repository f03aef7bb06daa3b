"""A bar on a terminal while big data files are read."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

from fanfold.importers import symbols

# Less is read within half a second.
_BIG = 20_000_000
_MEGABYTE = 10**6


@contextmanager
def progress_of_reading(arguments: Sequence[str]) -> Iterator[Callable[[Path], None]]:
    """Show on standard error, if it is a terminal, how much of big files is read; yield what to tell of each.

    Of a single file nobody knows how far its reader is, for columns are read whole: the bar moves, and does not fill.
    """
    console = Console(stderr=True)
    sizes = {path: path.stat().st_size for path, _ in map(symbols.locate, arguments) if path.is_file()}
    whole = sum(sizes.values())
    if whole < _BIG or not console.is_terminal:
        yield lambda _path: None
        return
    columns: list[ProgressColumn] = [
        TextColumn(f"reading {whole // _MEGABYTE} MB of bars"),
        BarColumn(),
        TimeElapsedColumn(),
    ]
    if len(sizes) > 1:
        columns.insert(2, TaskProgressColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=whole if len(sizes) > 1 else None)
        yield lambda path: progress.update(task, advance=sizes.get(path, 0), refresh=True)
