"""A bar on a terminal while big data files are read."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from fanfold.importers import symbols

# Less is read within half a second.
_BIG = 20_000_000
_MEGABYTE = 10**6


@contextmanager
def progress_of_reading(arguments: Sequence[str]) -> Iterator[None]:
    """Show on standard error, if it is a terminal, that files are read and for how long, where they are big."""
    console = Console(stderr=True)
    size = sum(path.stat().st_size for path, _ in map(symbols.locate, arguments) if path.is_file())
    if size < _BIG or not console.is_terminal:
        yield
        return
    columns = TextColumn(f"reading {size // _MEGABYTE} MB of bars"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        # Columns are read whole, so nobody knows how far: the bar moves, and does not fill.
        progress.add_task("", total=None)
        yield
