"""The admin paths of the simulated exchange: what it holds, and what a test sets."""

import json
from typing import Any
from urllib.request import Request, urlopen


def ask_box(origin: str, subject: str, document: Any = None) -> Any:
    """Return what the box tells of a subject, such as its orders; with a document, set it, such as a fault."""
    body = None if document is None else json.dumps(document).encode()
    request = Request(f"{origin}/box/{subject}", data=body, headers={"Content-Type": "application/json"})
    with urlopen(request, timeout=30) as answer:
        return json.load(answer)
