"""A file's bytes as lines of UTF-8, and what stands before and between its rows."""

import codecs
import re
from pathlib import Path
from typing import NamedTuple

from fanfold.importers.table import refuse

_UTF16 = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_HTML = (b"<!doctype", b"<html", b"<head", b"<body", b"<?xml", b"<!--", b"<error", b"<div")
_TITLE = re.compile(rb"<(title|h1|body|message)[^>]*>\s*([^<]{1,80})", re.IGNORECASE)
# What text has none of; tabs, line ends and a form feed are in it.
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\r\f\x1a")
_LOOK = 65_536
_PIECE = 1 << 20


class Text(NamedTuple):
    """Text in UTF-8 with line feeds, and what was done to get there."""

    body: bytes
    notes: tuple[str, ...] = ()


def decode(path: Path, body: bytes) -> Text:
    """Return a text file in UTF-8 with line feeds. Raises BadInput for what is no text, and for a web page."""
    notes = []
    for mark, encoding in _UTF16:
        if body.startswith(mark) or _is_utf16(body, encoding):
            body = _from(path, body.removeprefix(mark), encoding)
            notes.append("read as UTF-16")
            break
    body = body.removeprefix(codecs.BOM_UTF8)
    if body.lstrip()[:16].lower().startswith(_HTML):
        title = _TITLE.search(body)
        said = f" ({title[2].decode('utf-8', 'replace').strip()!r})" if title else ""
        refuse(path, f"this is HTML{said}, a web page and not data: download the file itself")
    control = next((byte for byte in body[:_LOOK] if byte in _CONTROLS), None)
    if control is not None:
        refuse(path, f"this is no text, and no format that is known: its byte {control:#04x} is a control character")
    if not _is_utf8(body):
        body = body.decode("latin-1").encode()
        notes.append("read as Latin-1, for it is not UTF-8")
    if b"\r" in body:
        body = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return Text(body, tuple(notes))


def lines(body: bytes, count: int) -> list[str]:
    """Return the first lines."""
    head = body[:_LOOK] if body.count(b"\n", 0, _LOOK) >= count else body
    return [line.decode() for line in head.split(b"\n", count)[:count]]


def without_comments(body: bytes) -> tuple[bytes, tuple[int, ...]]:
    """Return the text without empty lines and those that begin with ``#``, and the numbers of those, from 1."""
    if not body.endswith(b"\n") or body.endswith(b"\n\n"):
        body = body.rstrip(b"\n\x1a") + b"\n"
    # A single byte is searched for ten times as fast as two.
    if not (body.startswith((b"#", b"\n")) or (b"#" in body and b"\n#" in body) or b"\n\n" in body):
        return body, ()
    rows = body.split(b"\n")[:-1]
    skipped = tuple(number for number, row in enumerate(rows, 1) if not row.strip() or row.startswith(b"#"))
    return b"".join(row + b"\n" for row in rows if row.strip() and not row.startswith(b"#")), skipped


def _is_utf8(body: bytes) -> bool:
    """Return whether bytes are UTF-8, a piece at a time: as one string they would take as much again."""
    if body.isascii():
        return True
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for place in range(0, len(body), _PIECE):
            decoder.decode(body[place : place + _PIECE])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _is_utf16(body: bytes, encoding: str) -> bool:
    """Return whether half of the first bytes are the zeros of ASCII characters in two bytes."""
    head = body[:1_000]
    low, high = (head[::2], head[1::2]) if encoding == "utf-16-le" else (head[1::2], head[::2])
    return len(head) >= 8 and not any(high) and all(low)


def _from(path: Path, body: bytes, encoding: str) -> bytes:
    try:
        return body.decode(encoding).encode()
    except UnicodeError as wrong:
        refuse(path, f"this is UTF-16, and cannot be read: {wrong}")
