"""A lake in a folder: a query reads what it asks for alone, and compaction leaves one sorted file a day."""

import fcntl
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyarrow import parquet

from fanfold.audit.lake_schema import BARS, TABLES
from fanfold.aws.s3.lake import encoded, schema_of
from fanfold.cli import lake_folder, sql
from fanfold.cli.argument_types import Options
from fanfold.cli.commands import compact, query
from fanfold.errors import BadInput
from fanfold.importers import lake_days
from support.lake_world import world, write

# A year of a universe, in which the day's file is bigger than what a symbol of it may cost.
DAYS, SYMBOLS, MINUTES = 365, 200, 1_440
BYTES_MAX = 10_000_000
COUNTS = Path("/proc/self/io")


def day_of_minutes() -> pa.Table:
    """Random walks of many symbols over a day of minutes, in the lake's columns and order."""
    dice, rows = np.random.default_rng(5), SYMBOLS * MINUTES
    closes = 6_000_000 + np.cumsum(dice.integers(-500, 501, rows))
    times = np.datetime64("2026-01-01T00:01", "ms") + np.arange(MINUTES) * np.timedelta64(60_000, "ms")
    columns = {
        "venue": pa.array(["binance"] * rows),
        "instrument": pa.array([f"C{n:03}/USDT" for n in range(SYMBOLS)]).take(np.repeat(np.arange(SYMBOLS), MINUTES)),
        "timeframe": pa.array(["1m"] * rows),
        "closes_at": pa.array(np.tile(times, SYMBOLS)),
        **{name: amounts(closes + shift, 2) for name, shift in (("open", 7), ("high", 90), ("low", -90), ("close", 0))},
        "volume": amounts(dice.integers(0, 10**9, rows), 5),
        "message_id": pa.array([f"{n:032x}" for n in range(MINUTES)]).take(np.tile(np.arange(MINUTES), SYMBOLS)),
        "sent_at": pa.array(np.tile(times, SYMBOLS)),
    }
    return pa.table(columns, schema=schema_of(BARS))


def amounts(units: np.ndarray, scale: int) -> pa.Array:
    step = pa.scalar(pa.scalar(f"1e-{scale}").as_py(), pa.string()).cast(pa.decimal128(18, scale))
    return pc.multiply(pa.array(units).cast(pa.decimal128(19, 0)), step).cast(pa.decimal128(38, 18))


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A year of that day: each date a link to one file."""
    folder = tmp_path_factory.mktemp("year")
    whole = folder / "day"
    whole.write_bytes(encoded(day_of_minutes()))
    for n in range(DAYS):
        path = folder / "bars" / f"dt={date(2026, 1, 1) + timedelta(days=n)}" / "day.parquet"
        path.parent.mkdir(parents=True)
        path.hardlink_to(whole)
    return folder


def bytes_read() -> int:
    """All bytes that this process has read by system calls."""
    return int(COUNTS.read_text().split()[1])


@pytest.mark.skipif(not COUNTS.exists(), reason="only Linux counts what a process reads")
@pytest.mark.parametrize("table", ["bars", "closed_bars"])
def test_a_symbol_s_day_of_a_year_reads_ten_megabytes_at_most(year: Path, table: str) -> None:
    text = f"SELECT * FROM {table} WHERE dt = '2026-07-01' AND instrument = 'C123/USDT' AND timeframe = '1m'"
    sql.query(f"SELECT * FROM {table} LIMIT 0", {})
    before = bytes_read()
    assert len(sql.query(text, sql.files_in(year)).rows) == MINUTES
    read = bytes_read() - before
    assert 0 < read <= BYTES_MAX
    # Far less than the file of the day alone.
    assert read < (year / "day").stat().st_size


def test_a_compacted_day_is_one_sorted_compressed_file_of_the_same_rows(tmp_path: Path) -> None:
    made = world(5, 30, minutes=300)
    write(made, tmp_path, "main-000000000001")
    before = {name: rows(tmp_path, name) for name in TABLES}
    write(made, tmp_path, "main-000000000002")
    answer = compact.command(tmp_path)
    assert {(day["files"], day["table"]) for day in answer.document["days"]} == {(2, name) for name in TABLES}
    assert {name: rows(tmp_path, name) for name in TABLES} == before
    for table in TABLES.values():
        for folder in (tmp_path / table.name).iterdir():
            (path,) = folder.iterdir()
            stored = parquet.ParquetFile(path)
            assert path.name == lake_folder.DAY
            assert stored.metadata.row_group(0).column(0).compression == "ZSTD"
            assert stored.read() == stored.read().sort_by([(name, "ascending") for name in table.sort])


def rows(folder: Path, table: str) -> list[str]:
    return sorted(map(str, sql.query(f"SELECT * FROM {table}", sql.files_in(folder)).rows))


def test_a_lake_that_is_compacted_is_left_as_it_is(tmp_path: Path) -> None:
    write(world(5, 3, minutes=50), tmp_path)
    assert compact.command(tmp_path).document == {"days": []}


def test_a_crash_behind_the_merged_file_is_mended_by_the_next_run(tmp_path: Path) -> None:
    write(world(5, 30, minutes=300), tmp_path, "main-000000000001")
    before = {name: rows(tmp_path, name) for name in TABLES}
    merged_from = {path: path.read_bytes() for path in tmp_path.rglob("*.parquet")}
    compact.command(tmp_path)
    for path, body in merged_from.items():
        path.write_bytes(body)
    compact.command(tmp_path)
    assert {name: rows(tmp_path, name) for name in TABLES} == before


@pytest.mark.parametrize("read", ["query", "data"])
def test_a_lake_that_is_written_is_read_before_or_after_and_not_meanwhile(tmp_path: Path, read: str) -> None:
    made = world(5, 30, minutes=300)
    write(made, tmp_path)
    instrument = made.bars[0]["instrument"]
    words = {
        "query": ["query", "SELECT count(*) AS bars FROM bars", "--lake", str(tmp_path)],
        "data": ["data", "check", f"{tmp_path}={instrument}"],
    }
    with (tmp_path / lake_days.LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [sys.executable, "-m", "fanfold.cli.entry", *words[read]]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as reader:
            with pytest.raises(subprocess.TimeoutExpired):
                reader.wait(3)
            fcntl.flock(lock, fcntl.LOCK_UN)
            reader.communicate(timeout=30)
    # The check finds the holes of these bars.
    assert reader.returncode == {"query": 0, "data": 1}[read]


def test_a_folder_without_a_lake_and_a_damaged_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"holds no lake: its files lie as in .*; `fanfold import` makes one"):
        compact.command(tmp_path)
    for name in ("torn", "whole"):
        write(world(5, 3, minutes=50), tmp_path, name)
    next(tmp_path.glob("bars/*/torn.parquet")).write_bytes(b"PAR1")
    with pytest.raises(BadInput, match=r"torn\.parquet cannot be read"):
        compact.command(tmp_path)


def test_a_query_reads_a_folder_without_a_desk(tmp_path: Path) -> None:
    made = world(5, 30, minutes=300)
    write(made, tmp_path)
    answer = query.command("SELECT count(*) AS bars FROM bars", options=OPTIONS, lake=tmp_path)
    assert answer.document["rows"] == [{"bars": len(made.bars)}]
    with pytest.raises(BadInput, match="nothing holds no lake"):
        query.command("SELECT 1", options=OPTIONS, lake=tmp_path / "nothing")
    with pytest.raises(BadInput, match="--lake reads a folder alone"):
        query.command("SELECT 1", options=OPTIONS, lake=tmp_path, flush=True)


OPTIONS = Options(Path("no-state"), json=False, command="query")
