"""Record a function's AWS calls, one JSON line each, where RECORD_CALLS names a file, which no deploy does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from fanfold.aws.client.call import RecordedCall


class RecordedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded call, with the function that made it; bytes in the parameters are base64."""

    function: str
    service: str
    operation: str
    parameters: dict[str, Any]


def file_sink(path: Path, function: str) -> Callable[[RecordedCall], None]:
    """Return a sink for ``fanfold.aws.client.call.with_recording``; several processes may write to one file."""

    def sink(call: RecordedCall) -> None:
        line = RecordedLine(
            function=function, service=call.service, operation=call.operation, parameters=dict(call.parameters)
        )
        # One unbuffered append a line, so that lines of two processes never mix.
        with path.open("ab", buffering=0) as file:
            file.write(msgspec.json.encode(line) + b"\n")

    return sink


def read_lines(path: Path) -> list[RecordedLine]:
    """Read the calls in the order in which they were written."""
    return [msgspec.json.decode(line, type=RecordedLine) for line in path.read_bytes().splitlines()]
