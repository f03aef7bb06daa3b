"""Files that any earlier version wrote into the lake stay readable: alone, beside newer ones, and merged with them."""

import json
from collections import defaultdict
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fanfold.audit.lake_schema import BARS, TABLES, LakeRow, day_of
from fanfold.audit.lake_views import VIEWS
from fanfold.aws.s3.lake import TYPES, S3Lake, schema_of, table_of
from fanfold.cli import sql
from support.lake_world import LakeWorld, world, write

# Each entry is what a version added. An entry is never edited; a new column is a new entry.
ADDED: list[dict[str, dict[str, Any]]] = json.loads((Path(__file__).parent / "lake_schemas.json").read_text())
# What says nothing where the columns of version 4 are missing; all else is the same.
LATER = {
    "closed_bars": {"published_at"},
    "fills": {"cash", "version", "reported_at"},
    "portfolio_value": {"cash", "value"},
    "order_results": {"decided_at", "approved_at", "reported_at"},
    "latency": {"publish_ms", "signal_ms", "risk_ms", "execution_ms", "total_ms"},
}


def columns(version: int) -> dict[str, dict[str, Any]]:
    known = defaultdict[str, dict[str, Any]](dict)
    for added in ADDED[:version]:
        for table, more in added.items():
            known[table] |= more
    return known


def write_old(made: LakeWorld, directory: Path, version: int, name: str) -> None:
    """Write the rows with the columns of a version alone."""
    for table, kinds in columns(version).items():
        days = defaultdict[str, list[dict[str, Any]]](list)
        for row in getattr(made, table):
            days[day_of(row["closes_at" if table == "bars" else "at"])].append(row)
        schema = pa.schema([(column, TYPES[kind]) for column, kind in kinds.items()])
        for dt, rows in days.items():
            path = directory / table / f"dt={dt}" / f"{name}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.table({column: [row.get(column) for row in rows] for column in kinds}, schema), path)


@pytest.fixture(scope="module")
def made() -> LakeWorld:
    """Rows as of before version 4: no fee was taken from the quantity, or in a third currency."""
    traded = world(11, 60, minutes=500)
    for row in traded.trades:
        row.pop("fee_base", None)
        row.pop("fee_other", None)
    return traded


def answer(directory: Path, view: str) -> list[dict[str, Any]]:
    result = sql.query(f"SELECT * FROM {view}", sql.files_in(directory))
    return sorted((dict(zip(result.columns, row, strict=True)) for row in result.rows), key=str)


def without(rows: list[dict[str, Any]], names: set[str]) -> list[str]:
    return sorted(str({name: value for name, value in row.items() if name not in names}) for row in rows)


def test_columns_are_only_ever_added() -> None:
    newest = columns(len(ADDED))
    assert {name: table.columns for name, table in TABLES.items()} == newest
    for table in TABLES.values():
        assert {*table.key, *table.sort} <= columns(1)[table.name].keys()


@pytest.mark.parametrize("version", range(1, len(ADDED)))
@pytest.mark.parametrize("view", [*TABLES, *VIEWS])
def test_files_of_an_earlier_version_answer_alone(made: LakeWorld, tmp_path: Path, version: int, view: str) -> None:
    write_old(made, tmp_path / "old", version, "day")
    write(made, tmp_path / "new")
    old, new = answer(tmp_path / "old", view), answer(tmp_path / "new", view)
    later = LATER.get(view) or {
        name for names in ADDED[version:] for name in names.get(view, {})
    }  # fmt: skip
    assert without(old, later) == without(new, later)
    assert all(row[name] is None for row in old for name in later)
    assert old


def test_files_of_all_versions_are_one_table(made: LakeWorld, tmp_path: Path) -> None:
    for version in range(1, len(ADDED) + 1):
        write_old(made, tmp_path, version, f"version-{version}")
    counts = {name: sql.query(f"SELECT count(*) FROM {name}", sql.files_in(tmp_path)).rows[0][0] for name in TABLES}
    assert counts == {name: len(ADDED) * len(getattr(made, name)) for name in TABLES}
    assert len(answer(tmp_path, "fills")) == len(made.trades)


@pytest.mark.parametrize("version", range(1, len(ADDED)))
def test_an_old_file_is_merged_into_the_columns_of_today(made: LakeWorld, tmp_path: Path, version: int) -> None:
    write_old(made, tmp_path, version, "main-000000000001")
    files = dict(stored(tmp_path))
    dt = min(key for key in files if key.startswith("bars/")).split("/")[1].removeprefix("dt=")
    more = [LakeRow(table="bars", dt=dt, values=row | {"venue": "other"}) for row in made.bars[:3]]
    lake = S3Lake(call_of(files), "lake")
    lake.write(BARS, dt, "main-000000000002", more)
    lake.merge(BARS, dt, ["main-000000000001", "main-000000000002"], into="day")
    merged = pq.read_table(BytesIO(files[f"bars/dt={dt}/day.parquet"]))
    assert merged.schema.names == schema_of(BARS).names
    assert merged.column("sent_at").null_count == len(merged) - len(table_of(BARS, more))


def stored(directory: Path) -> Iterator[tuple[str, bytes]]:
    for path in directory.rglob("*.parquet"):
        yield str(path.relative_to(directory)), path.read_bytes()


def call_of(files: dict[str, bytes]) -> Any:
    """A bucket in memory."""

    def call(_service: str, operation: str, parameters: Any) -> dict[str, Any]:
        if operation == "PutObject":
            files[parameters["Key"]] = parameters["Body"]
            return {}
        return {"Body": files[parameters["Key"]]}

    return call
