"""The fields of requests to the AWS in memory: an unknown one is never ignored."""

from collections.abc import Mapping
from typing import Any

Document = Mapping[str, Any]


def reject_unknown_fields(parameters: Document, *known: str) -> None:
    """Raise NotImplementedError for a field that is not listed."""
    others = set(parameters) - set(known)
    if others:
        raise NotImplementedError(f"the AWS in memory does not know {sorted(others)}; teach it, and its test")
