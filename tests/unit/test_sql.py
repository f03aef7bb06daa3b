"""SQL over the lake answers what Athena would, reads nothing but the lake, and says what is wrong."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from fanfold.audit.lake_schema import TABLES, LakeRow
from fanfold.audit.lake_views import VIEWS
from fanfold.aws.s3.lake import table_of
from fanfold.cli import sql
from fanfold.errors import BadInput
from support.lake_world import DUCKDB_TYPES

DOCS = Path(__file__).resolve().parents[2] / "docs"
EXAMPLES = re.findall(r"```sql\n(.*?)```", (DOCS / "audit.md").read_text(), re.DOTALL)


def put(lake: Path, table: str, *values: dict[str, object], dt: str = "2026-01-31") -> None:
    path = lake / table / f"dt={dt}" / "day.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table_of(TABLES[table], [LakeRow(table=table, dt=dt, values=value) for value in values]), path)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    at = datetime(2026, 1, 31, 12, tzinfo=UTC)
    order = {"order_id": "o1", "instance": "trend", "at": at}
    put(tmp_path, "orders", order | {"state": "APPROVED", "reference_price": Decimal(100)})
    put(tmp_path, "orders", order | {"order_id": "o2", "state": "REFUSED", "code": "KILL_STATE"}, dt="2026-02-01")
    trade = {"instance": "trend", "order_id": "o1", "instrument": "BTC/USDT", "side": "buy", "at": at}
    numbers = {"price": Decimal("100.5"), "quantity": Decimal("0.2"), "fee": Decimal("0.02")}
    put(tmp_path, "trades", trade | numbers | {"trade_id": "t1"}, trade | numbers | {"trade_id": "t2"})
    bar: dict[str, object] = {"instrument": "BTC/USDT", "timeframe": "1m"}
    put(tmp_path, "bars", *(bar | {"closes_at": at.replace(minute=minute)} for minute in (0, 1, 4)))
    return tmp_path


def ask(text: str, lake: Path | None = None) -> sql.QueryResult:
    return sql.query(text, sql.files_in(lake) if lake else {})


def value_of(expression: str) -> object:
    return ask(f"SELECT {expression}").rows[0][0]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("7 / 2", 3),
        ("-7 / 2", -3),
        ("CAST(7 AS double) / 2", 3.5),
        ("date_diff('day', timestamp '2026-01-01 23:00:00', timestamp '2026-01-02 01:00:00')", 0),
        ("date_diff('hour', timestamp '2026-01-01 23:00:00', timestamp '2026-01-02 01:59:00')", 2),
        ("date_diff('minute', timestamp '2026-01-01 00:01:00', timestamp '2026-01-01 00:00:01')", 0),
        ("date_format(timestamp '2026-01-01 09:05:00', '%H:%i')", "09:05"),
        ("date_trunc('hour', timestamp '2026-01-01 09:05:00')", datetime(2026, 1, 1, 9)),  # noqa: DTZ001
        ("cardinality(array[1, 2])", 2),
        ("TRY(1 / 0)", None),
        ("TRY(CAST('x' AS bigint))", None),
        # A double is rounded half away from zero.
        ("CAST(CAST(2.5 AS double) AS bigint)", 3),
        ("CAST(CAST(-4.5 AS double) AS integer)", -5),
        ("TRY_CAST(CAST(0.5 AS double) AS bigint)", 1),
        ("CAST(9007199254740993 AS bigint)", 9007199254740993),
        ("TRY_CAST('2.5' AS bigint)", None),
        ("CAST('-25' AS bigint)", -25),
        ("CAST(2.5 AS varchar)", "2.5"),
        # What is not there is null.
        ("regexp_extract('x', '[0-9]+')", None),
        ("regexp_extract('x12', '[0-9]+')", "12"),
        ("regexp_extract('x12', '([a-z])([0-9]+)', 2)", "12"),
        ("split_part('a,b', ',', 2)", "b"),
        ("split_part('a,b', ',', 3)", None),
        ("element_at(array[1, 2], 3)", None),
        # A part of a list is taken by its length, and a list with a null has no greatest.
        ("slice(array[1, 2, 3, 4], 2, 2)", [2, 3]),
        ("slice(array[1, 2, 3, 4], -2, 2)", [3, 4]),
        ("slice(array[1, 2, 3, 4], -2, 9)", [3, 4]),
        ("slice(array[1, 2, 3, 4], 3, 9)", [3, 4]),
        ("slice(array[1, 2, 3, 4], -9, 2)", []),
        ("slice(array[1, 2, 3, 4], 1, 0)", []),
        ("array_position(array[1, 2, 3], 9)", 0),
        ("array_position(array[1, 2, 3], 2)", 2),
        ("array_max(array[1, NULL])", None),
        ("array_min(array[3, 1])", 1),
        ("element_at(array[1, 2], -1)", 2),
        # A text begins at 1, or from its end.
        ("substr('abc', 0)", ""),
        ("substr('abc', -4)", ""),
        ("substr('abc', -2, 1)", "b"),
        ("substring('abc', 2, 0)", ""),
        ("concat('a', NULL)", None),
        ("'abc' LIKE 'A%'", False),
        # Weeks begin on Monday, and the Sunday is the seventh day.
        ("extract(dow FROM date '2026-01-04')", 7),
        ("day_of_week(date '2026-01-04')", 7),
        ("extract(year_of_week FROM date '2027-01-01')", 2026),
        ("round(CAST(-2.5 AS double))", -3.0),
        ("CAST(CAST(1 AS decimal(38,18)) AS double) / CAST(3 AS decimal(38,18))", 1 / 3),
        ("CAST(1 AS decimal(38,18)) / CAST(4 AS double)", 0.25),
    ],
)
def test_an_expression_has_the_same_value_as_in_trino(expression: str, expected: object) -> None:
    assert value_of(expression) == expected


@pytest.mark.parametrize("expression", ["1 / 0", "CAST(1 AS double) / 0", "5 % 0"])
def test_a_division_by_zero_is_refused(expression: str) -> None:
    with pytest.raises(BadInput, match="NULLIF"):
        value_of(expression)


@pytest.mark.parametrize(
    ("expression", "instead"),
    [
        ("format('%d', 3)", "CAST"),
        ("width_bucket(1, 0, 2, 3)", "CASE"),
        ("at_timezone(now(), 'UTC')", "UTC"),
        ("now() AT TIME ZONE 'UTC'", "UTC"),
        ("parse_datetime('2026', 'yyyy')", "date_parse"),
        ("1 + (SELECT width_bucket(1, 0, 2, 3))", "CASE"),
        ("CAST(1 AS decimal(38,18)) / CAST(3 AS decimal(38,18))", "double"),
        ("1.0 / 3", "double"),
        ("TRY(1.0 / 3)", "double"),
        ("2 * (1 + CAST(1 AS decimal(10,2)) / 3)", "double"),
        ("CAST('2.5' AS bigint)", "double"),
        ("CAST(CAST(1.115 AS double) AS decimal(10,2))", "round"),
        ("CAST(CAST(1e21 AS double) AS varchar)", "leave it a number"),
        ("CAST(timestamp '2026-01-01 00:00:00' AS varchar)", "date_format"),
        ("CAST('abcdef' AS varchar(3))", "substr"),
        ("array[1, 2][3]", "element_at"),
        ("regexp_replace('aab', '(a)', '<$1>')", "without"),
        ("split_part('a,b', ',', -1)", "from 1"),
        ("slice(array[1, 2], 0, 1)", "a start other than 0"),
        ("split('a,b,c', ',', 2)", "split_part"),
        ("strpos('hello', 'l', 2)", "no equivalent"),
        ("reduce(array[1, 2], 0, (s, x) -> s + x, s -> s * 100)", "no equivalent"),
        ("repeat('a', 3)", "rpad"),
        ("1e0" + " / 2" * 6, "more than 5 quotients"),
        ("millisecond(timestamp '2026-01-01 00:00:01.5')", "date_format"),
        ("typeof(1)", "DESCRIBE"),
    ],
)
def test_syntax_that_athena_lacks_is_rejected_with_an_alternative(expression: str, instead: str) -> None:
    with pytest.raises(BadInput, match=instead):
        value_of(expression)


@pytest.mark.parametrize(
    "mean",
    [
        "avg(price)",
        "avg(DISTINCT price)",
        "avg(price) OVER (PARTITION BY instrument)",
        "sum(fee) / sum(quantity)",
        "sum(fee) / count(*)",
    ],
)
def test_a_mean_of_amounts_is_taken_of_doubles(mean: str, lake: Path) -> None:
    with pytest.raises(BadInput, match="double"):
        ask(f"SELECT {mean} FROM trades", lake)
    doubled = re.sub(r"(price|fee|quantity)", r"CAST(\1 AS double)", mean)
    assert isinstance(ask(f"SELECT {doubled} FROM trades", lake).rows[0][0], float)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_without_files_is_empty_and_has_its_columns_and_types(name: str) -> None:
    assert ask(f"SELECT * FROM {name}") == sql.QueryResult([*TABLES[name].columns, "dt"], [])
    described = {row[0]: row[1] for row in ask(f"DESCRIBE {name}").rows}
    assert described == {
        column: DUCKDB_TYPES[kind] for column, kind in (TABLES[name].columns | {"dt": "string"}).items()
    }
    assert ask(f"SHOW COLUMNS IN {name}").rows == ask(f"DESCRIBE {name}").rows


def test_files_have_the_types_that_an_empty_table_has(lake: Path) -> None:
    assert ask("DESCRIBE trades", lake) == ask("DESCRIBE trades")


def test_a_day_is_a_string_and_can_be_asked_for(lake: Path) -> None:
    assert ask("SELECT dt, state, at FROM orders WHERE dt = '2026-02-01'", lake).rows == [
        ("2026-02-01", "REFUSED", datetime(2026, 1, 31, 12))  # noqa: DTZ001
    ]


def test_tables_may_be_named_with_their_database_and_catalogue(lake: Path) -> None:
    text = "SELECT count(*) FROM AwsDataCatalog.fanfold.trades AS t JOIN fanfold.orders o USING (order_id)"
    assert ask(text, lake).rows == [(2,)]


def test_columns_without_a_name_are_named_as_athena_names_them() -> None:
    assert ask("SELECT 1, 2 AS two, 1 + 1").columns == ["_col0", "two", "_col2"]


def test_tables_are_shown_and_plans_explained(lake: Path) -> None:
    assert sorted(ask("SHOW TABLES;", lake).rows) == sorted((name,) for name in [*TABLES, *VIEWS])
    assert ask("EXPLAIN SELECT * FROM trades", lake).rows


@pytest.mark.parametrize(
    "text",
    [
        "DROP TABLE trades",
        "INSERT INTO trades SELECT * FROM trades",
        "CREATE TABLE x AS SELECT 1",
        "COPY trades TO '/tmp/x'",
        "SET schema = 'main'",
        "PRAGMA version",
        "ATTACH '/tmp/x'",
        "INSTALL httpfs",
        "EXPLAIN DROP TABLE trades",
        "SELECT 1; SELECT 2",
        "",
    ],
)
def test_statements_that_write_are_rejected(text: str, lake: Path) -> None:
    with pytest.raises(BadInput):
        ask(text, lake)


@pytest.mark.parametrize("source", ["read_csv('{0}')", "read_text('{0}')", "read_blob('{0}')", "'{0}'", '"{0}"'])
def test_no_query_reads_a_file_outside_the_lake(source: str, lake: Path) -> None:
    secret = lake / "secret.csv"
    secret.write_text("a\n1\n")
    with pytest.raises(BadInput):
        ask(f"SELECT * FROM {source.format(secret)}", lake)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("SELECT colour FROM trades", "colour"),
        ("SELECT * FROM tradez", "tradez.*bars, signals, orders, trades"),
        ("SELECT nosuch(1)", "nosuch"),
        ("SELEC 1", "line 1, column"),
        ("SELECT 'open", "cannot be read"),
    ],
)
def test_bad_sql_is_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(BadInput, match=named):
        ask(text)


@pytest.mark.parametrize("example", EXAMPLES, ids=[text.splitlines()[0] for text in EXAMPLES])
def test_every_query_of_the_documentation_runs_and_finds_something(example: str, lake: Path) -> None:
    assert ask(example, lake).rows


def test_the_examples_say_what_is_true_of_the_rows(lake: Path) -> None:
    volume, _, slippage, gaps = (ask(example, lake).rows for example in EXAMPLES)
    assert volume == [("2026-01-31", "BTC/USDT", 2, Decimal("0.04"), pytest.approx(100.5))]
    assert slippage == [("trend", pytest.approx(50))]
    assert [row[2] for row in gaps] == [3]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * INTO mine FROM bars",
        "SELECT * FROM iceberg_scan('/x')",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM which_secret('x', 'y')",
        "WITH gone AS (DELETE FROM trades RETURNING *) SELECT * FROM gone",
    ],
)
def test_no_part_of_a_statement_writes_or_reaches_beyond_the_lake(text: str) -> None:
    with pytest.raises(BadInput, match=r"read-only|Athena has no function"):
        ask(text)


@pytest.mark.parametrize(
    "text",
    ["DELETE FROM trades", "DELETE FROM trades WHERE epoch(at) = 1", "UPDATE trades SET price = 1", "DROP TABLE trades",
     "INSERT INTO trades SELECT * FROM trades", "CREATE TABLE mine AS SELECT 1"],
)  # fmt: skip
def test_a_statement_that_writes_is_told_that_the_lake_is_read_only(text: str) -> None:
    with pytest.raises(BadInput, match="read-only"):
        ask(text)


def test_a_bounded_query_takes_no_more_memory_than_it_may_and_no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "MEMORY", "50MB")
    with pytest.raises(BadInput, match="Out of Memory"):
        sql.query(
            "SELECT max(length(s)) FROM (SELECT array_agg(rpad('x', 1000000, 'x')) AS s "
            "FROM UNNEST(sequence(1, 100)) AS t (n))",
            {},
            sql.QueryBounds(1, 60),
        )
