"""The lake's files: Parquet with zstd under table/dt=date/name.parquet. pyarrow lives here and nowhere else."""

from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from fanfold.audit.lake_schema import LakeRow, LakeTable, Type
from fanfold.aws.client.call import Call
from fanfold.aws.s3.audit_log import pages_of

# Athena knows times to the millisecond, and no time zones in files: all are UTC.
TYPES: dict[Type, pa.DataType] = {
    "string": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "timestamp": pa.timestamp("ms"),
    "decimal(38,18)": pa.decimal128(38, 18),
}
# A row group is the least that a reader takes of a day: some twenty instruments of a minute's bars.
ROW_GROUP_ROWS = 32_768
_SUFFIX = ".parquet"


def schema_of(table: LakeTable) -> pa.Schema:
    """Return the columns of a table's files; dt is in the path."""
    return pa.schema([(name, TYPES[kind]) for name, kind in table.columns.items()])


def table_of(table: LakeTable, rows: Sequence[LakeRow]) -> pa.Table:
    """Return rows as sorted columns. Raises pyarrow.ArrowInvalid for an amount that ``fit_amounts`` would not keep."""
    columns = {name: [row.values.get(name) for row in rows] for name in table.columns}
    return pa.table(columns, schema=schema_of(table)).sort_by([(name, "ascending") for name in table.sort])


def distinct(table: LakeTable, rows: pa.Table) -> pa.Table:
    """Return the rows sorted; of those that agree in the table's key, the first."""
    ordered = rows.sort_by([(name, "ascending") for name in table.sort])
    numbered = ordered.select(list(table.key)).append_column("_row", pa.array(range(len(ordered)), pa.int64()))
    first = numbered.group_by(list(table.key)).aggregate([("_row", "min")])["_row_min"]
    return ordered.take(first.combine_chunks().sort())


def encoded(rows: pa.Table) -> bytes:
    """Return rows as a file of the lake."""
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="zstd", row_group_size=ROW_GROUP_ROWS)
    body: bytes = sink.getvalue().to_pybytes()
    return body


class S3Lake:
    """The lake in one bucket."""

    def __init__(self, call: Call, bucket: str) -> None:
        self._call = call
        self._bucket = bucket

    def write(self, table: LakeTable, dt: str, name: str, rows: Sequence[LakeRow]) -> None:
        self._put(_key(table, dt, name), table_of(table, rows))

    def names(self, table: LakeTable) -> dict[str, list[str]]:
        names: dict[str, list[str]] = {}
        for page in pages_of(self._call, {"Bucket": self._bucket, "Prefix": f"{table.name}/dt="}):
            for entry in page.get("Contents", []):
                _, day, name = entry["Key"].split("/", 2)
                names.setdefault(day.removeprefix("dt="), []).append(name.removesuffix(_SUFFIX))
        return names

    def merge(self, table: LakeTable, dt: str, names: Iterable[str], into: str) -> None:
        # A part that is older than a column has nulls there.
        parts = [schema_of(table).empty_table(), *(self._read(_key(table, dt, name)) for name in names)]
        self._put(_key(table, dt, into), distinct(table, pa.concat_tables(parts, promote_options="default")))

    def delete(self, table: LakeTable, dt: str, names: Iterable[str]) -> None:
        for name in names:
            self._call("s3", "DeleteObject", {"Bucket": self._bucket, "Key": _key(table, dt, name)})

    def _read(self, key: str) -> pa.Table:
        body = self._call("s3", "GetObject", {"Bucket": self._bucket, "Key": key})["Body"]
        return pq.read_table(pa.BufferReader(body))

    def _put(self, key: str, rows: pa.Table) -> None:
        self._call("s3", "PutObject", {"Bucket": self._bucket, "Key": key, "Body": encoded(rows)})


def _key(table: LakeTable, dt: str, name: str) -> str:
    return f"{table.name}/dt={dt}/{name}{_SUFFIX}"
