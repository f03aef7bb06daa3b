"""Query bars, signals, orders and trades by SQL, as Athena would.

The lake is read from a copy that fetches only what changed. --lake reads one in a folder, as the import
writes it.

Example: fanfold query "SELECT instrument, count(*) AS fills FROM trades GROUP BY instrument"
"""

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from fanfold.cli import lake_copy
from fanfold.cli.argument_types import Shared, StageName, text
from fanfold.cli.exit_codes import DESK
from fanfold.cli.output import Answer, Grid, cell
from fanfold.errors import BadInput
from fanfold.importers.lake_days import held_for_reading
from fanfold.money import amount

if TYPE_CHECKING:
    from fanfold.cli.sql import QueryResult

EXITS = DESK


def command(
    sql: Annotated[
        str,
        Parameter(
            metavar="SQL",
            help="one statement of Athena's SQL that only reads; see docs/audit.md",
            allow_leading_hyphen=True,
            validator=text,
        ),
    ],
    /,
    *,
    options: Shared,
    stage: StageName = "",
    flush: Annotated[bool, Parameter(help="first bring what was just recorded into the lake")] = False,
    lake: Annotated[Path | None, Parameter(metavar="FOLDER", help="a lake in a folder, in place of the desk's")] = None,
) -> Answer:
    """Return the rows of a SELECT over the lake."""
    from fanfold.cli import sql as dialect  # noqa: PLC0415 - duckdb and sqlglot take a while to load

    dialect.translate(sql)
    if lake is not None and (stage or flush):
        raise BadInput("--lake reads a folder alone: leave --stage and --flush out")
    with held_for_reading(lake) if lake else lake_copy.of_desk(options, stage, flush=flush) as folder:
        files = dialect.files_in(folder)
        if lake is not None and not any(files.values()):
            raise BadInput(f"{lake} holds no lake, such as `fanfold import` makes")
        result = dialect.query(sql, files)
    rows = rows_of(result)
    document = {"columns": result.columns, "rows": rows}
    return Answer(document, [_grid(result.columns, result.rows), f"{len(rows)} rows"])


def rows_of(result: "QueryResult") -> list[dict[str, Any]]:
    """Return the rows of a query as records."""
    return [dict(zip(result.columns, map(_plain, row), strict=True)) for row in result.rows]


def _plain(value: Any) -> Any:
    """Return an amount without the zeros that fill up the lake's 18 decimals."""
    return amount(value) if isinstance(value, Decimal) else value


def _grid(columns: list[str], rows: list[tuple[Any, ...]]) -> Grid:
    right = {n for row in rows for n, value in enumerate(row) if not isinstance(value, str | None)}
    return Grid("", tuple(columns), [tuple(cell(value) for value in row) for row in rows], frozenset(right))
