"""Structured logs: one JSON object a line, with the ids that connect lines, and without secrets.

Nothing is formatted, and no id is looked up, until a line is written.
"""

import logging
import re
import sys
from collections.abc import Callable, Mapping
from traceback import format_exception
from typing import Any

import msgspec

from fanfold.aws.clock import Clock

Write = Callable[[str], object]
Context = Callable[[], Mapping[str, str]]
HIDDEN = "[hidden]"
TEXT_MAX = 4_000
DEPTH_MAX = 6
SECRET_WORDS = frozenset({
    "apikey", "authorization", "cookie", "credential", "credentials", "key", "keys", "nonce", "passphrase", "password",
    "secret", "secrets", "signature", "token", "tokens",
})  # fmt: skip
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
# `apiKey=...`, `"secret": "..."`, `Authorization: Bearer ...` inside a text.
_NAMED = re.compile(
    r"(?i)((?:api[-_]?key|access[-_]?key|secret|token|signature|authorization|passphrase|password)[\w-]*[\"']?"
    r"\s*[:=]\s*[\"']?)(?:(?:bearer|basic|aws4-hmac-sha256)\s+)?[^\s\"',;&}]+"
)
_SHAPED = (
    re.compile(r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}\b"),
    re.compile(r"\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
)
# AWS's secret keys have 40 such characters, venues' keys 56 to 88; digests and ids are of one case.
_LONG = re.compile(r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{40,}={0,2}(?![A-Za-z0-9+/=])")


def to_stdout(text: str) -> None:
    # Looked up each time: Lambda's runtime puts its own stream there.
    sys.stdout.write(text)


def redacted(value: object, name: str = "", depth: int = 0) -> object:
    """Return a JSON value without secrets: fields named like one, and text that looks like a key."""
    if name and SECRET_WORDS & {word.lower() for word in _WORD.findall(name)}:
        return HIDDEN
    if isinstance(value, Mapping):
        if depth == DEPTH_MAX:
            return "..."
        return {str(key): redacted(entry, str(key), depth + 1) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redacted(entry, depth=depth + 1) for entry in value] if depth < DEPTH_MAX else "..."
    if isinstance(value, int | float) or value is None:
        return value
    return clean(str(value))


def clean(text: str) -> str:
    """Return the end of a text, at most TEXT_MAX long, without what looks like a key, a token or a named secret."""
    text = _NAMED.sub(rf"\1{HIDDEN}", text)
    for shape in _SHAPED:
        text = shape.sub(HIDDEN, text)
    return _LONG.sub(_unless_plain, text)[-TEXT_MAX:]


def _unless_plain(match: re.Match[str]) -> str:
    text = match[0]
    mixed = any(map(str.islower, text)) and any(map(str.isupper, text)) and any(map(str.isdigit, text))
    return HIDDEN if mixed else text


class JsonLog:
    """Writes lines; ``context`` returns the ids that each of them carries: function, request, trace, message."""

    def __init__(self, clock: Clock, context: Context, write: Write = to_stdout) -> None:
        self._clock = clock
        self._context = context
        self._write = write

    def info(self, text: str, **fields: object) -> None:
        self.line("INFO", text, fields)

    def warning(self, text: str, **fields: object) -> None:
        self.line("WARNING", text, fields)

    def error(self, text: str, **fields: object) -> None:
        self.line("ERROR", text, fields)

    def fault(self, text: str, fault: BaseException, **fields: object) -> None:
        """Log an error with the fault's type, text and stack."""
        stack = "".join(format_exception(fault))
        self.line("ERROR", text, {**fields, "fault": f"{type(fault).__name__}: {fault}", "stack": stack})

    def line(self, level: str, text: str, fields: Mapping[str, object]) -> None:
        line: dict[str, object] = {"at": self._clock().isoformat(), "level": level, "text": clean(text)}
        line.update(self._context())
        line.update({name: redacted(value, name) for name, value in fields.items()})
        self._write(msgspec.json.encode(line, enc_hook=str).decode() + "\n")


class Bridge(logging.Handler):
    """Forwards lines of code that uses the standard library's logging, such as a verb's."""

    def __init__(self, log: JsonLog) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = {"logger": record.name}
        if record.exc_info:
            fields["stack"] = "".join(format_exception(record.exc_info[1]))
        self._log.line(record.levelname, record.getMessage(), fields)


def bridge(log: JsonLog, name: str = "fanfold") -> None:
    """Let a logger of the standard library write here, and nowhere else."""
    logger = logging.getLogger(name)
    logger.handlers = [Bridge(log)]
    logger.propagate = False
