"""Every recorded message is in the lake once, whatever crashes and however often it is flushed and compacted."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_service.compact import DAY, compact
from audit_service.flush import flush
from audit_service.record import record
from fanfold.audit.lake_schema import BARS, TABLES, TRADES, LakeRow, fit_amounts
from fanfold.aws.client.call import Call, RecordedCall, with_recording
from fanfold.aws.dynamodb.views import DynamoViews
from fanfold.aws.s3 import lake as lake_files
from fanfold.aws.s3.audit_log import S3Log, pages_of
from fanfold.aws.s3.lake import S3Lake
from fanfold.cli import sql
from fanfold.errors import AT_ONCE, BadInput, Conflict
from support.audit_examples import AUDIT, LAKE, VIEWS, arrival, create_everything, minute
from support.emulator import Cloud, Emulator, through_boto3

MINUTES = 10
LATER = "2026-03-01"
COUNTS = {"bars": 2 * MINUTES, "signals": MINUTES, "orders": 3 * MINUTES, "trades": MINUTES}


class Crash(BaseException):
    """The process is gone."""


def filled(call: Call, admin: Call) -> Call:
    create_everything(admin)
    log, views = S3Log(call, AUDIT), DynamoViews(call, VIEWS)
    for n in range(MINUTES):
        record([arrival(message) for message in minute(n)], log, views, AT_ONCE)
    return call


@pytest.fixture
def call(ministack_session: Emulator) -> Call:
    ministack_session.reset()
    on_ministack = through_boto3(ministack_session.endpoint)
    return filled(on_ministack, on_ministack)


def crashing_at(call: Call, operation: str, nth: int) -> Call:
    """The same call, but the process dies before the nth call of an operation."""
    left = [nth]

    def crash(service: str, name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        left[0] -= name == operation
        if left[0] == 0 and name == operation:
            raise Crash
        return call(service, name, parameters)

    return crash


def flushed(call: Call, rows_max: int = 20_000) -> int:
    views = DynamoViews(call, VIEWS)
    return flush(S3Log(call, AUDIT), S3Lake(call, LAKE), views, views.heads(), rows_max)


def compacted(call: Call, before: str = LATER) -> int:
    return compact(S3Lake(call, LAKE), DynamoViews(call, VIEWS), before)


def counts(call: Call, directory: Path) -> dict[str, int]:
    return {name: ask(call, directory, f"SELECT count(*) FROM {name}")[0][0] for name in TABLES}


def ask(call: Call, directory: Path, text: str) -> list[tuple[Any, ...]]:
    """The answer to a query over a fresh copy of the lake."""
    for old in directory.rglob("*.parquet"):
        old.unlink()
    for key in keys(call):
        path = directory / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(call("s3", "GetObject", {"Bucket": LAKE, "Key": key})["Body"])
    return sql.query(text, sql.files_in(directory)).rows


def keys(call: Call) -> list[str]:
    return [content["Key"] for page in pages_of(call, {"Bucket": LAKE}) for content in page.get("Contents", [])]


def test_every_row_of_the_log_is_in_the_lake_in_its_day(call: Call, tmp_path: Path) -> None:
    assert flushed(call) == sum(COUNTS.values())
    assert counts(call, tmp_path) == COUNTS
    days = ask(call, tmp_path, "SELECT dt, count(*) FROM bars GROUP BY dt ORDER BY dt")
    assert days == [("2026-01-31", 10), ("2026-02-01", 10)]


def test_a_day_is_flushed_compacted_and_read_on_every_emulator(cloud: Cloud, tmp_path: Path) -> None:
    call = filled(cloud.call, cloud.admin)
    flushed(call, rows_max=8)
    compacted(call)
    assert counts(call, tmp_path) == COUNTS


def test_amounts_and_times_come_back_exact(call: Call, tmp_path: Path) -> None:
    flushed(call)
    wanted = "SELECT closes_at, open, volume FROM bars WHERE instrument = 'BTC/USDT' ORDER BY 1 LIMIT 1"
    (bar,) = ask(call, tmp_path, wanted)
    assert bar == (datetime(2026, 1, 31, 23, 55), Decimal(100), Decimal("1.5"))  # noqa: DTZ001
    assert ask(call, tmp_path, "SELECT sum(fee) FROM trades") == [(Decimal("0.10"),)]


def test_a_flush_brings_only_what_is_new(call: Call, tmp_path: Path) -> None:
    flushed(call)
    assert flushed(call) == 0
    record([arrival(message) for message in minute(MINUTES)], S3Log(call, AUDIT), DynamoViews(call, VIEWS), AT_ONCE)
    assert flushed(call) == 7
    assert counts(call, tmp_path)["bars"] == 2 * MINUTES + 2


@pytest.mark.parametrize("operation", ["PutObject", "PutItem"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_flush_that_crashed_is_repeated_without_a_trace(call: Call, tmp_path: Path, operation: str, nth: int) -> None:
    with pytest.raises(Crash):
        flushed(crashing_at(call, operation, nth), rows_max=8)
    record([arrival(message) for message in minute(MINUTES)], S3Log(call, AUDIT), DynamoViews(call, VIEWS), AT_ONCE)
    flushed(call)
    assert counts(call, tmp_path)["orders"] == 3 * (MINUTES + 1)
    assert counts(call, tmp_path)["bars"] == 2 * (MINUTES + 1)


def test_the_log_is_read_a_page_at_a_time(call: Call) -> None:
    seen: list[RecordedCall] = []
    flushed(with_recording(call, seen.append), rows_max=6)
    names = [made.operation for made in seen if made.operation != "ListObjectsV2"]
    longest = max(len(run) for run in " ".join(names).replace("GetObject ", "g").split())
    assert longest <= len("gggg") + len("PutObject")


def test_two_flushes_at_once_leave_every_row_once(call: Call, tmp_path: Path) -> None:
    waiting = [lambda: flushed(call)]

    def interrupt(service: str, name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        if name == "PutItem" and waiting:
            waiting.pop()()
        return call(service, name, parameters)

    with pytest.raises(Conflict):
        flushed(interrupt, rows_max=8)
    flushed(call)
    compacted(call)
    assert counts(call, tmp_path) == COUNTS


def test_compaction_leaves_one_file_a_day_and_the_same_rows(call: Call, tmp_path: Path) -> None:
    flushed(call, rows_max=8)
    before = ask(call, tmp_path, "SELECT * FROM orders ORDER BY event_id")
    assert len(keys(call)) > 8
    assert compacted(call) == 8
    days = [f"{name}/dt={day}" for name in TABLES for day in ("2026-01-31", "2026-02-01")]
    assert sorted(keys(call)) == sorted(f"{day}/{DAY}.parquet" for day in days)
    assert ask(call, tmp_path, "SELECT * FROM orders ORDER BY event_id") == before
    assert compacted(call) == 0


@pytest.mark.parametrize("operation", ["PutObject", "DeleteObject"])
@pytest.mark.parametrize("nth", [1, 2, 5])
def test_a_compaction_that_crashed_is_finished_by_the_next(
    call: Call, tmp_path: Path, operation: str, nth: int
) -> None:
    flushed(call, rows_max=8)
    with pytest.raises(Crash):
        compacted(crashing_at(call, operation, nth))
    compacted(call)
    assert counts(call, tmp_path) == COUNTS


def test_a_late_row_joins_its_compacted_day(call: Call, tmp_path: Path) -> None:
    flushed(call)
    compacted(call)
    record([arrival(message) for message in minute(MINUTES)], S3Log(call, AUDIT), DynamoViews(call, VIEWS), AT_ONCE)
    flushed(call)
    compacted(call)
    assert counts(call, tmp_path)["trades"] == MINUTES + 1
    assert {key.rpartition("/")[2] for key in keys(call)} == {f"{DAY}.parquet"}


def test_a_bar_that_was_published_twice_is_one_row_after_compaction(call: Call, tmp_path: Path) -> None:
    again = msgspec.structs.replace(minute(0)[0], id="bars-again")
    record([arrival(again)], S3Log(call, AUDIT), DynamoViews(call, VIEWS), AT_ONCE)
    flushed(call)
    compacted(call)
    assert counts(call, tmp_path) == COUNTS


def test_a_day_that_is_not_over_is_not_compacted(call: Call) -> None:
    flushed(call)
    assert compacted(call, before="2026-02-01") == len(TABLES)
    assert {key.rpartition("/")[2] == f"{DAY}.parquet" for key in keys(call) if "02-01" in key} == {False}


def test_a_file_whose_flush_is_not_over_is_left_alone(call: Call, tmp_path: Path) -> None:
    with pytest.raises(Crash):
        flushed(crashing_at(call, "PutItem", 1))
    assert compacted(call) == 0
    flushed(call)
    compacted(call)
    assert counts(call, tmp_path) == COUNTS


def test_files_have_the_columns_of_the_table_and_are_compressed(call: Call) -> None:
    flushed(call)
    key = next(key for key in keys(call) if key.startswith("trades/"))
    body = call("s3", "GetObject", {"Bucket": LAKE, "Key": key})["Body"]
    file = pa.parquet.ParquetFile(pa.BufferReader(body))
    assert file.schema_arrow.equals(lake_files.schema_of(TRADES))
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"


@given(amount=st.decimals(allow_nan=True, allow_infinity=True))
def test_every_amount_fits_the_lake_is_rounded_or_is_null_there(amount: Decimal) -> None:
    row, lost = fit_amounts(LakeRow(table="bars", dt="2026-01-01", values={"open": amount, "close": Decimal(1)}))
    (stored,) = lake_files.table_of(BARS, [row])["open"].to_pylist()
    if lost:
        assert (lost, stored) == (["open"], None)
        assert not amount.is_finite() or amount.copy_abs() > Decimal(99999999999999999999)
    else:
        with localcontext(prec=400, Emin=-999999, Emax=999999):
            assert abs(stored - amount) <= Decimal("5e-19")


def test_an_amount_too_large_for_the_lake_keeps_nothing_else_out(call: Call, tmp_path: Path) -> None:
    huge = msgspec.structs.replace(minute(MINUTES)[3], fills=[], updates=[], cash=Decimal("1e30"))
    fill = msgspec.structs.replace(minute(MINUTES)[3].fills[0], price=Decimal("1e30"), trade_id="huge")
    recorded = [huge, msgspec.structs.replace(huge, id="huge", fills=[fill]), minute(MINUTES)[0]]
    record([arrival(entry) for entry in recorded], S3Log(call, AUDIT), DynamoViews(call, VIEWS), AT_ONCE)
    flushed(call)
    assert counts(call, tmp_path)["bars"] == 2 * MINUTES + 2
    rows = ask(call, tmp_path, "SELECT price, quantity FROM trades WHERE trade_id = 'huge'")
    assert rows == [(None, Decimal("0.1"))]


def test_a_stream_that_cannot_be_flushed_stops_no_other(call: Call, tmp_path: Path) -> None:
    class Unreadable(S3Log):
        def read(self, key: str) -> bytes:
            return b"garbage" if "/main/" in key else super().read(key)

    views = DynamoViews(call, VIEWS)
    with pytest.raises(BadInput, match="audit log"):
        flush(Unreadable(call, AUDIT), S3Lake(call, LAKE), views, views.heads())
    assert counts(call, tmp_path) == {"bars": 2 * MINUTES, "signals": 0, "orders": 0, "trades": 0}


def test_a_time_of_any_zone_is_stored_as_utc() -> None:
    row = LakeRow(table="bars", dt="2026-01-01", values={"closes_at": datetime(2026, 1, 1, 12, tzinfo=UTC)})
    (stored,) = lake_files.table_of(BARS, [row])["closes_at"].to_pylist()
    assert stored == datetime(2026, 1, 1, 12)  # noqa: DTZ001
