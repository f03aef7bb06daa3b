"""A line on standard error that says what takes a while."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def status_line() -> Iterator[Callable[[str], None]]:
    """Show on standard error, if it is a terminal, what is done; yield what to tell it."""
    if not sys.stderr.isatty():
        yield lambda _what: None
        return
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it

    with Console(stderr=True).status("") as status:
        yield lambda what: status.update(f"{what} ...")
