"""Faults of an exchange as text, without what was signed."""

import re
from collections.abc import Iterator
from typing import Any

_HOST = re.compile(r"https?://([^/\s]+)")
# What is asked for under a key is signed here.
_QUERY = re.compile(r"\?[^\s)]+")


def plain(fault: BaseException) -> str:
    """Return the text of a fault without the query of its address, which is signed where a key asked."""
    return _QUERY.sub("", str(fault))


def host_of(fault: BaseException) -> str:
    """Return the host that a fault names, "" where it names none."""
    host = _HOST.search(str(fault))
    return host[1] if host else ""


def chain(fault: BaseException | None) -> Iterator[Any]:
    """Yield a fault and its causes, the first of all last."""
    while fault is not None:
        yield fault
        fault = fault.__cause__ or fault.__context__


def root(fault: BaseException) -> str:
    """Return the kind and the text of the first of a fault's causes."""
    *_, first = chain(fault)
    return f"{type(first).__name__}: {plain(first)}"[:200]
