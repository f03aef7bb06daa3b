"""SQL over the lake's files as Athena would run it: translated, read-only, and with access to nothing else."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import sqlglot
from duckdb import DuckDBPyConnection
from pyarrow import dataset
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError, UnsupportedError

from fanfold.audit.lake_schema import TABLES, LakeTable
from fanfold.audit.lake_view import LakeView
from fanfold.audit.lake_views import VIEWS
from fanfold.aws.s3.lake import schema_of
from fanfold.cli.sql_arguments import check_types
from fanfold.cli.sql_grammar import check_tree
from fanfold.cli.sql_meaning import as_trino_means
from fanfold.cli.sql_names import check_names
from fanfold.cli.sql_words import check_words
from fanfold.errors import BadInput

DATABASE = "fanfold"
MEMORY = "2GB"
# Same name, other meaning or none at all in DuckDB: better refused than answered wrongly.
BANNED = {
    "format": "use CAST and || instead",
    "width_bucket": "use CASE WHEN or floor instead",
    "at_timezone": "times are UTC",
    "parse_datetime": "use date_parse instead",
    "millisecond": "use date_format with %f instead",
    "typeof": "DESCRIBE shows a column's type",
    "cbrt": "use power(x, 1e0 / 3) instead",
    "to_base": "use to_hex instead",
}
_READS = (exp.Query, exp.Values)
# Kinds of expressions that a read-only statement may not contain.
_WRITES = (exp.Into, exp.DML, exp.DDL, exp.Command)
_SHOW_COLUMNS = re.compile(r"show\s+columns\s+(?:in|from)\s+(\w+(?:\.\w+)?)", re.IGNORECASE)
_TABLES_SHOWN = f"SHOW TABLES FROM {DATABASE}"
_WORD = re.compile(r"\w+")
_FAULT = re.compile(r"(Binder|Catalog|Conversion|Invalid Input|Out of Range) Error: ")
_EXPLAIN = re.compile(r"explain\s+", re.IGNORECASE)


class QueryResult(NamedTuple):
    """Column names, and rows of plain values: Decimal, datetime without zone (UTC), str, int, float or None."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


class QueryBounds(NamedTuple):
    """The most rows to fetch, of which one more says that there are others, and the seconds that a query may take.

    A query that has bounds has MEMORY, and no disk.
    """

    rows: int
    seconds: float


def query(sql: str, files: Mapping[str, Sequence[Path]], bounds: QueryBounds | None = None) -> QueryResult:
    """Run a user's SQL over the files of each table; a table without files is empty.

    Raises BadInput, which names the column, table or function, for SQL that Athena or we refuse.
    """
    translated = translate(sql)
    with duckdb.connect(":memory:") as connection:
        if bounds:
            connection.execute(f"SET memory_limit = '{MEMORY}'")
            connection.execute("SET temp_directory = ''")
        _expose(connection, files, _named_views(translated))
        try:
            with _limited(connection, bounds):
                cursor = connection.execute(translated)
                rows = cursor.fetchmany(bounds.rows + 1) if bounds else cursor.fetchall()
        except duckdb.InterruptException as late:
            raise BadInput(f"the query did not end within {bounds.seconds if bounds else 0:.0f} s") from late
        except duckdb.Error as wrong:
            raise BadInput(_explained(str(wrong))) from wrong
        return QueryResult([column[0] for column in cursor.description or []], rows)


@contextmanager
def _limited(connection: DuckDBPyConnection, bounds: QueryBounds | None) -> Iterator[None]:
    """Interrupt what runs on a connection for longer than its bounds."""
    if bounds is None:
        yield
        return
    timer = Timer(bounds.seconds, connection.interrupt)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def files_in(directory: Path) -> dict[str, list[Path]]:
    """Return the files of each table in a copy of the lake: table/dt=date/name.parquet."""
    return {name: sorted(directory.glob(f"{name}/dt=*/*.parquet")) for name in TABLES}


def translate(sql: str) -> str:
    """Return DuckDB's SQL for a statement of Athena's that only reads. Raises BadInput for any other."""
    text = sql.strip().rstrip(";").strip()
    if (shown := _SHOW_COLUMNS.fullmatch(text)) is not None:
        return f"DESCRIBE {shown[1]}"
    if re.fullmatch(r"show\s+tables", text, re.IGNORECASE):
        return _TABLES_SHOWN
    if (explain := _EXPLAIN.match(text)) is not None:
        return f"EXPLAIN {_translated(text[explain.end() :])}"
    return _translated(text)


def _translated(text: str) -> str:
    try:
        statements = sqlglot.parse(text, read="athena", error_level=sqlglot.ErrorLevel.RAISE)
    except ParseError as wrong:
        raise BadInput(f"the SQL cannot be read: {_place(wrong)}") from wrong
    except TokenError as wrong:
        raise BadInput(f"the SQL cannot be read: {wrong}") from wrong
    if len(statements) != 1 or statements[0] is None:
        raise BadInput(
            f"give one statement, not {len([statement for statement in statements if statement is not None])}"
        )
    statement = statements[0]
    if not isinstance(statement, (*_READS, exp.Describe)) or statement.find(*_WRITES):
        raise BadInput("the lake is read-only: SELECT, WITH, VALUES, SHOW TABLES, SHOW COLUMNS, DESCRIBE and EXPLAIN")
    aliases = statement.find_all(exp.TableAlias)
    check_words(text, {alias.name.lower() for alias in aliases if alias.columns})
    for node in statement.find_all(exp.Func, exp.AtTimeZone):
        _check_function(node)
    check_tree(statement, text)
    check_names(statement)
    check_types(statement)
    _name_columns(statement)
    meant = as_trino_means(statement)
    try:
        # Quoted: DuckDB reserves the names of several columns. What has no equivalent would be left out.
        return meant.sql(dialect="duckdb", identify=True, unsupported_level=sqlglot.ErrorLevel.RAISE)
    except UnsupportedError as wrong:
        raise BadInput(f"the SQL has no equivalent here: {wrong}") from wrong


def _place(wrong: ParseError) -> str:
    first = wrong.errors[0]
    return f"{first['description']} At line {first['line']}, column {first['col']}, near {first['highlight']!r}"


def _name_columns(statement: exp.Expr) -> None:
    """Name columns without a name _col0, _col1 and so on, by their place."""
    if not isinstance(statement, exp.Select):
        return
    for n, column in enumerate(statement.expressions):
        if not isinstance(column, exp.Column | exp.Alias) and not column.is_star:
            column.replace(exp.alias_(column.copy(), f"_col{n}"))


def _check_function(node: exp.Expr) -> None:
    name = node.name if isinstance(node, exp.Anonymous) else "at_timezone"
    if isinstance(node, exp.Func) and not isinstance(node, exp.Anonymous):
        name = node.sql_name()
    if (name := name.lower()) in BANNED:
        raise BadInput(f"{name} is not to be used on the lake: {BANNED[name]}")


def _expose(connection: DuckDBPyConnection, files: Mapping[str, Sequence[Path]], views: Sequence[LakeView]) -> None:
    """Create views over the files, then lock the database: no other file can be read, nothing can be written."""
    connection.execute(f"CREATE SCHEMA {DATABASE}")
    connection.execute(f"SET schema = '{DATABASE}'")
    # As in Trino: 7 / 2 is 3, and 1 / 0 an error.
    connection.execute("SET integer_division = true")
    connection.execute("SET ieee_floating_point_ops = false")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_external_access = false")
    # A function of an extension would otherwise fetch it, or load its machine code from the user's folder.
    connection.execute("SET autoinstall_known_extensions = false")
    connection.execute("SET autoload_known_extensions = false")
    connection.execute("SET python_enable_replacements = false")
    for table in TABLES.values():
        connection.register(f"{table.name}_files", _rows_of(table, files.get(table.name, [])))
        connection.execute(f"CREATE VIEW {table.name} AS FROM {table.name}_files")
    for view in views:
        connection.execute(f"CREATE VIEW {view.name} AS {_translated(view.sql)}")
    connection.execute("SET lock_configuration = true")


def _named_views(translated: str) -> list[LakeView]:
    """Return the views that a statement reads, and those that they read; their translation takes half a second."""
    if translated == _TABLES_SHOWN:
        return list(VIEWS.values())
    words = set(_WORD.findall(translated.lower()))
    for view in reversed(VIEWS.values()):
        if view.name in words:
            words |= set(_WORD.findall(view.sql))
    return [view for view in VIEWS.values() if view.name in words]


def _rows_of(table: LakeTable, paths: Sequence[Path]) -> dataset.Dataset:
    """Return a table's rows, unread: only days and columns that a statement asks for are opened.

    A column that was added after a file was written is null for it.
    """
    day = pa.schema([("dt", pa.string())])
    # To the microsecond, DuckDB's own; in files they are to the millisecond.
    times = {"timestamp[ms]": pa.timestamp("us")}
    stored = pa.schema([(field.name, times.get(str(field.type), field.type)) for field in schema_of(table)])
    schema = pa.unify_schemas([stored, day])
    if not paths:
        return dataset.dataset(schema.empty_table())
    partitions = dataset.partitioning(day, flavor="hive")
    return dataset.dataset([str(path) for path in paths], schema=schema, format="parquet", partitioning=partitions)


def _explained(text: str) -> str:
    first = _FAULT.sub("", text.splitlines()[0], count=1)
    if "Table with name" in first:
        return f"{first} The lake has {', '.join([*TABLES, *VIEWS])}"
    if "Referenced column" in first:
        return f"{first} DESCRIBE shows a table's columns"
    if "Division by zero" in first:
        return "Division by zero; write TRY(a / b) or a / NULLIF(b, 0)"
    return first
