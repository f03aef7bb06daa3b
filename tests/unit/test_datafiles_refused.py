"""Every file that cannot be taken says where and why."""

import gzip
import io
import os
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import feather

from fanfold.errors import BadInput
from fanfold.importers.data_files import read

OPENS = 1_772_323_200
HEADER = "time,open,high,low,close,volume\n"
FIRST = f"{OPENS},100,101,99,100,5\n"
SECOND = f"{OPENS + 60},100,101,99,100,5\n"


def refusal(path: Path, content: str | bytes) -> str:
    """The error for a file of this content, without its path, which must stand in front."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(BadInput) as refused:
        read(str(path))
    said = str(refused.value)
    assert said.startswith(f"{path}: ")
    return said.removeprefix(f"{path}: ")


def rows(start: int, step: int, count: int) -> str:
    return "".join(f"{start + place * step},100,101,99,100,5\n" for place in range(count))


SECOND_ROW = {
    "text in a price": ("abc,101,99,100,5", "column open: 'abc' is not a number"),
    "an empty price": (",101,99,100,5", "column open: '' is not a number"),
    "a price that is not a number": ("100,nan,99,100,5", "column high: nan is not a finite number"),
    "an endless volume": ("100,101,99,100,inf", "column volume: inf is not a finite number"),
    "a high below its close": ("100,101,99,102,5", "column high: high 101 is below close 102"),
    "a low above its open": ("98,101,99,100,5", "column low: low 99 is above open 98"),
    "a price of zero": ("100,101,0,100,5", "column low: 0 is not above 0"),
    "a volume below zero": ("100,101,99,100,-5", "column volume: -5 is below 0"),
}


@pytest.mark.parametrize("case", SECOND_ROW)
def test_a_bad_cell_is_named_by_row_and_column(tmp_path: Path, case: str) -> None:
    cells, reason = SECOND_ROW[case]
    said = refusal(tmp_path / "BTCUSDT.csv", f"{HEADER}{FIRST}{OPENS + 60},{cells}\n")
    assert said.startswith(f"row 3, {reason}")


TIMES = {
    "text": ("soon", "'soon' is no time; write epoch s, ms, us or ns, or ISO"),
    "nothing": ("", "'' is no time"),
    "part of a unit": (f"{OPENS + 60}.25", f"{OPENS + 60}.25 is not a whole number of seconds"),
    "before any market": ("60000", "60000 is not a time between 2009 and 2100"),
    "past any market": ("1e30", "is not a time between 2009 and 2100"),
}


@pytest.mark.parametrize("case", TIMES)
def test_a_bad_time_is_named_by_row_and_column(tmp_path: Path, case: str) -> None:
    cell, reason = TIMES[case]
    said = refusal(tmp_path / "BTCUSDT.csv", f"{HEADER}{FIRST}{cell},100,101,99,100,5\n")
    assert said.startswith("row 3, column time: ")
    assert reason in said


WHOLE_FILES = {
    "an empty file": ("", "the file is empty"),
    "a header alone": (HEADER, "it has no rows"),
    "one bar": (HEADER + FIRST, "1 rows with one time do not tell a timeframe; at least two bars are needed"),
    "a missing column": (
        f"time,open,high,close,volume\n{OPENS},1,1,1,1\n",
        "column low is missing; the file has time, open, high, close, volume. If one of them is it, say so: --columns",
    ),
    "no time": ("open,high,low,close,volume\n1,1,1,1,1\n", "column time is missing"),
    "a column twice": (f"{HEADER.strip()},Close\n{OPENS},1,1,1,1,1,1\n", "two columns have one name"),
    "no header and eight columns": ("1,2,3,4,5,6,7,8\n", "row 1 has no header and 8 columns; without a header a file"),
    "a short row": (
        HEADER + FIRST + "1,2\n",
        "row 3: it has 2 columns, and the header 6: '1,2'. Where it is the last, the file was cut",
    ),
    "seconds bars": (HEADER + rows(OPENS, 1, 5), "its bars are mostly 1 s apart"),
    "a volume past all exactness": (
        HEADER + FIRST + f"{OPENS + 60},1,1,1,1,1e15\n",
        "column volume: 1e+15 is too large",
    ),
    "json of another form": ('{"a": 1}', "the JSON is not a list of bars"),
    "torn json": ("[[1, 2", "the JSON cannot be read"),
    "json with a short bar": ("[[1, 2, 3, 4, 5, 6], [1, 2]]", "row 2: it is not a list of time, open, high"),
    "json with a hole": (
        f"[[{OPENS},1,1,1,1,1],[{OPENS + 60},1,null,1,1,1]]",
        "row 2, column high: 'None' is not a number",
    ),
}


@pytest.mark.parametrize("case", WHOLE_FILES)
def test_a_file_that_holds_no_bars_says_why(tmp_path: Path, case: str) -> None:
    content, reason = WHOLE_FILES[case]
    assert refusal(tmp_path / "BTCUSDT.csv", content).startswith(reason)


def test_finer_bars_among_coarser_ones_are_mixed_timeframes(tmp_path: Path) -> None:
    content = HEADER + rows(OPENS, 300, 20) + rows(OPENS + 6000, 60, 4) + rows(OPENS + 6300, 300, 9)
    said = refusal(tmp_path / "BTCUSDT.csv", content)
    assert said.startswith(f"row 23, column time: {OPENS + 6060} is off the 5m grid of the other rows (mixed")


def test_coarser_bars_among_finer_ones_are_mixed_timeframes(tmp_path: Path) -> None:
    content = HEADER + rows(OPENS, 60, 100) + rows(OPENS + 6000, 300, 50)
    said = refusal(tmp_path / "BTCUSDT.csv", content)
    assert said == "mixed timeframes: most bars are 60 s apart, but 49 in a row are 300 s"


def test_an_archive_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("bars.csv", (HEADER + rows(OPENS, 60, 500)))
    whole = stream.getvalue()
    torn = whole[:60] + bytes(40) + whole[100:]
    for content in (whole[:200], torn):
        assert refusal(tmp_path / "BTCUSDT.zip", content).startswith("the zip cannot be read (")
    packed = gzip.compress(FIRST.encode())
    assert refusal(tmp_path / "BTCUSDT.csv.gz", packed[:20]).startswith("the gzip cannot be read (")
    assert refusal(tmp_path / "BTCUSDT.parquet", b"PAR1 and no more").startswith("the parquet file cannot be read")
    assert refusal(tmp_path / "BTCUSDT.feather", b"ARROW1 and no more").startswith("the feather file cannot be read")


def test_an_archive_of_several_files_is_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        target.writestr("a.csv", FIRST)
        target.writestr("b.csv", SECOND)
    assert refusal(tmp_path / "BTCUSDT.zip", stream.getvalue()).startswith("the zip holds 2 files")


def test_a_null_in_a_stored_column_is_named(tmp_path: Path) -> None:
    column = pa.array([100.0, None])
    names = ("open", "high", "low", "close", "volume")
    path = tmp_path / "BTCUSDT.feather"
    feather.write_feather(pa.table({"date": [OPENS, OPENS + 60]} | dict.fromkeys(names, column)), path)
    assert refusal(path, path.read_bytes()) == "row 2, column open: None is not a finite number"
    feather.write_feather(pa.table({"date": [OPENS, None]} | dict.fromkeys(names, column)), path)
    assert refusal(path, path.read_bytes()) == "row 2, column date: the time is empty"


def test_a_file_that_is_not_there_and_one_without_a_closed_bar_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"BTCUSDT\.csv: there is no such file"):
        read(str(tmp_path / "BTCUSDT.csv"))
    path = tmp_path / "ETHUSDT.csv"
    path.write_text(HEADER + FIRST + SECOND)
    with pytest.raises(BadInput, match="none of its bars has closed yet"):
        read(str(path), now=OPENS)


def test_a_link_to_nothing_a_pipe_and_an_instrument_without_its_slash_are_named(tmp_path: Path) -> None:
    link, pipe = tmp_path / "BTCUSDT.csv", tmp_path / "ETHUSDT.csv"
    link.symlink_to("gone.csv")
    os.mkfifo(pipe)
    for argument, reason in (
        (f"{link}", "is a link to gone.csv, which is not there"),
        (f"{pipe}", "is no regular file, such as a pipe: store its bars in a file first"),
        (
            f"{tmp_path}/a.csv=BTCUSDT",
            "there is no such file; an instrument behind it is written as in bars.csv=BTC/USDT",
        ),
    ):
        with pytest.raises(BadInput) as said:
            read(argument)
        assert str(said.value) == f"{argument}: {reason}"


def test_a_file_without_rights_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "BTCUSDT.csv"
    path.write_text(HEADER)
    monkeypatch.setattr(Path, "read_bytes", deny)
    with pytest.raises(BadInput, match="it cannot be read: Permission denied"):
        read(str(path))
