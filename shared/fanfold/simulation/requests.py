"""What a request to the AWS in memory may hold: a field that it does not know is never passed over."""

from collections.abc import Mapping
from typing import Any

Document = Mapping[str, Any]


def knowing(parameters: Document, *known: str) -> None:
    """Raises NotImplementedError for a field that is not listed."""
    others = set(parameters) - set(known)
    if others:
        raise NotImplementedError(f"the AWS in memory does not know {sorted(others)}; teach it, and its test")
