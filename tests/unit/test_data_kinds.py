"""Every kind of data file is read to the bars that it was made of, or refused; docs/data-kinds.md lists them."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import csv

from fanfold.errors import BadInput
from fanfold.importers.data_files import DataFile
from fanfold_dev.documents.data_files import NOW, read
from fanfold_dev.documents.data_kinds import kinds
from fanfold_dev.documents.data_kinds.building import HEADER, Kind, rows, text

KINDS = kinds()
TAKEN = [kind for kind in KINDS if kind.taken]
REFUSED = [kind for kind in KINDS if not kind.taken]


def source(kind: Kind) -> str:
    return kind.source


def figures(file: DataFile) -> tuple[object, ...]:
    """All that a run trades on, but the instrument's name."""
    recording = file.recording
    return recording.timeframe, recording.price_scale, recording.volume_scale, bytes(recording.records)


def outcome(kind: Kind, directory: Path) -> str:
    """The number of bars, or why there are none."""
    try:
        return str(read(kind, directory).recording.count)
    except BadInput as refusal:
        return str(refusal)


def test_there_are_two_hundred_kinds_of_distinct_names() -> None:
    assert len({kind.source for kind in KINDS}) == len(KINDS) >= 200


def test_the_plain_file_holds_what_another_reader_reads(tmp_path: Path) -> None:
    file = read(Kind("CSV", "BTCUSDT.csv", text()), tmp_path)
    other = csv.read_csv(pa.BufferReader(text())).to_pydict()
    recording = file.recording
    assert [bar.closes_at_s - 60 for bar in recording.bars()] == other["time"]
    for place, name in enumerate(HEADER[1:], 1):
        scale = recording.volume_scale if name == "volume" else recording.price_scale
        assert [bar[place] / 10**scale for bar in recording.bars()] == other[name]
    assert [row[0] for row in rows()] == other["time"]


@pytest.mark.parametrize("kind", TAKEN, ids=source)
def test_a_kind_is_read_to_the_bars_that_it_was_made_of(kind: Kind, tmp_path: Path) -> None:
    file = read(kind, tmp_path)
    plain = read(Kind("CSV", "BTCUSDT.csv", text()), tmp_path)
    assert (figures(file) == figures(plain)) is kind.same
    assert file.recording.count > 1
    assert file.recording.closes_at_s(-1) < NOW


@pytest.mark.parametrize("kind", REFUSED, ids=source)
def test_a_refusal_names_the_file_and_says_why_in_words(kind: Kind, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as refusal:
        read(kind, tmp_path)
    said = str(refusal.value)
    assert said.startswith(f"{tmp_path / kind.name}: ")
    # No dict, no bytes.
    assert not any(sign in said for sign in ("{", "b'", "\\x"))
    assert said.isprintable()


@given(
    st.sampled_from(TAKEN),
    st.floats(0, 1),
    st.integers(0, 60),
    st.sampled_from([b"", b",", b"\n", b'"', b"\x00", b"\xff", b"nan", b"1e400", b"9" * 20, b"[", b"{", b"12:00"]),
)
@settings(max_examples=300, deadline=None)
def test_a_damaged_file_is_read_or_refused_in_a_line(kind: Kind, at: float, length: int, junk: bytes) -> None:
    place = int(at * len(kind.content))
    damaged = kind._replace(content=kind.content[:place] + junk + kind.content[place + length :])
    with TemporaryDirectory() as directory:
        assert outcome(damaged, Path(directory)).isprintable()
