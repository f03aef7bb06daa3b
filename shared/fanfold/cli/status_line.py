"""A line on standard error that says what takes a while."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console


@contextmanager
def status_line() -> Iterator[Callable[[str], None]]:
    """Show on standard error, if it is a terminal, what is done; yield what to tell it."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _what: None
        return
    with console.status("") as status:
        yield lambda what: status.update(f"{what} ...")
