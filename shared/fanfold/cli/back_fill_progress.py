"""Progress of a back-fill: a bar on a terminal, elsewhere a line every half minute."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

LINE_S = 30.0


@contextmanager
def progress_of_days(whole: int, clock: Callable[[], float] = time.monotonic) -> Iterator[Callable[[str, int], None]]:
    """Show on standard error how many days are there; yield what to tell of each instrument's days."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("days", total=whole)
        done, told_at = 0, clock()

        def on_days(instrument: str, days: int) -> None:
            nonlocal done, told_at
            done += days
            progress.update(task, advance=days, description=instrument)
            if not console.is_terminal and clock() - told_at >= LINE_S:
                told_at = clock()
                console.print(f"{instrument}: {done} of {whole} days", highlight=False)

        yield on_days
