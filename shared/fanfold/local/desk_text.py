"""Read a desk file, and find the lines that its errors are about."""

import re
from pathlib import Path

from fanfold.errors import BadInput

# `[accounts.main]` and `cash`, or a param, as an error names its entry and its key.
_NAMED = re.compile(r"^\[(.*?)\] (?:[^`;']*(?:`(\w+)`|param '(\w+)'))?", re.DOTALL)
_HEADER = re.compile(r"^\s*\[+(.*?)\]+\s*(?:#.*)?$")
# A part of a header, with quotes or without.
_PART = re.compile(r"\"([^\"]*)\"|'([^']*)'|([^.\s\"']+)")
_TOML_PLACE = re.compile(r"\(at line (\d+)")
_TWICE = {"Cannot overwrite": "it is written twice", "Cannot declare": "the table is written twice"}


def read_desk(path: Path) -> str:
    """Return the text of a desk file. Raises BadInput where it cannot be read."""
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise BadInput(f"the desk file {path} is no UTF-8 (UTF-16?); save it as UTF-8") from wrong
    except OSError as wrong:
        raise BadInput(f"the desk file {path} cannot be read ({wrong}); name another, or write one") from wrong


def with_lines(reasons: list[str], text: str) -> list[str]:
    """Return errors in the order of the file, each with the line of the key or entry that it begins with."""
    numbered = sorted((_line_of(reason, text), at, reason) for at, reason in enumerate(reasons))
    return [f"line {number}: {reason}" if number else reason for number, _, reason in numbered]


def with_toml_line(message: str, text: str) -> str:
    """Return the error of what is no TOML, with the line that it is about."""
    place = _TOML_PLACE.search(message)
    lines = text.splitlines()
    if place is None or int(place[1]) > len(lines):
        return message
    twice = "".join(f"{words}: " for begins, words in _TWICE.items() if begins in message)
    return f"{message}: {twice}{lines[int(place[1]) - 1].strip():.80}"


def _line_of(reason: str, text: str) -> int:
    named = _NAMED.match(reason)
    return _line(text, named[1], named[2] or named[3] or "") if named else 0


def _line(text: str, path: str, key: str) -> int:
    """Return the line of an entry's key, else that of its header or of its key in the table above; 0 for none."""
    at_key, at_header = _place(text, path, key)
    if at_key or at_header:
        return at_key or at_header
    above, _, name = path.rpartition(".")
    return _place(text, above, name)[0]


def _place(text: str, path: str, key: str) -> tuple[int, int]:
    """Return the line of a key of a table, and of the table's header; 0 where there is none."""
    header, section = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        opened = _HEADER.match(line)
        if opened:
            section = ".".join("".join(part) for part in _PART.findall(opened[1]))
        inside = section == path or section.startswith(f"{path}.")
        if inside and opened:
            header = header or number
        elif inside and key and _assigns(line, key):
            return number, header
    return 0, header


def _assigns(line: str, key: str) -> bool:
    return re.search(rf"(?:^|[{{,.])\s*[\"']?{re.escape(key)}[\"']?\s*(?:=|\.)", line.partition(" #")[0]) is not None
