"""The desk file's reference page explains every key, and says of each figure what the checks hold it to."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fanfold import desk_entries
from fanfold_dev.documents.desk_file import desk_file_markdown, help_of, tables

KEYS = [(table, field) for table, entry in tables().items() for field in msgspec.structs.fields(entry)]


def is_explained(field: msgspec.structs.FieldInfo) -> bool:
    """Say whether a key has one line of help that does not merely repeat its name."""
    text = help_of(field)
    return "\n" not in text and len(text.split()) > 2 and not text.endswith(".")


@pytest.mark.parametrize(("table", "field"), KEYS, ids=[f"{table}.{field.name}" for table, field in KEYS])
def test_every_key_of_the_desk_file_is_explained(table: str, field: msgspec.structs.FieldInfo) -> None:
    assert is_explained(field)
    assert f"| `{field.name}` |" in desk_file_markdown().partition(f"## {table}")[2]


def test_a_key_without_help_is_seen() -> None:
    class Entry(msgspec.Struct):
        cash: Decimal

    assert [field for field in msgspec.structs.fields(Entry) if is_explained(field)] == []


@pytest.mark.parametrize(
    ("key", "bounds"), [("cash", "above 0 to"), ("maker_bps", "-10,000 to 10,000"), ("band", "0 to 1")]
)
def test_a_figure_has_the_bounds_that_the_checks_hold_it_to(key: str, bounds: str) -> None:
    (row,) = [line for line in desk_file_markdown().splitlines() if line.startswith(f"| `{key}` |")]
    assert f"| {bounds}" in row


@pytest.mark.parametrize(("key", "value"), [("cash", 0), ("band", 2), ("maker_bps", -10_001)])
def test_a_figure_beyond_its_bounds_is_rejected(key: str, value: Any) -> None:
    kind = msgspec.defstruct("Entry", [(key, Decimal)])
    assert desk_entries.read(kind, {key: Decimal(value)})[1] != []
