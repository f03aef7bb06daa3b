"""Query bars, signals, orders and trades by SQL, as Athena would.

The lake is read from a copy that fetches only what changed. --lake reads one in a folder, as the import
writes it.

Example: fanfold query "SELECT instrument, count(*) AS fills FROM trades GROUP BY instrument"
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from fanfold.aws.client.call import Call
from fanfold.aws.s3.audit_log import pages_of
from fanfold.cli.argument_types import Options, Shared, StageName, text
from fanfold.cli.exit_codes import DESK
from fanfold.cli.output import Answer, Grid, amount, cell
from fanfold.errors import BadInput
from fanfold.stages.session import reach

EXITS = DESK
CACHE = "lake-cache"
ETAGS = "etags.json"


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
    if lake is not None and not any(dialect.files_in(lake).values()):
        raise BadInput(f"{lake} holds no lake, such as `fanfold import` makes")
    with nullcontext(lake) if lake else _copy(options, stage, flush=flush) as folder:
        result = dialect.query(sql, dialect.files_in(folder))
    rows = [dict(zip(result.columns, map(_plain, row), strict=True)) for row in result.rows]
    document = {"columns": result.columns, "rows": rows}
    return Answer(document, [_grid(result.columns, result.rows), f"{len(rows)} rows"])


@contextmanager
def _copy(options: Options, stage: str, *, flush: bool) -> Iterator[Path]:
    """Yield the folder of a desk's lake as it is now."""
    with reach(options.state, stage, options.command) as session:
        if flush:
            session.invoke("audit", "flush", {})
        cache = session.state / CACHE
        fetch(session.call, session.bucket("lake"), cache)
        yield cache


def fetch(call: Call, bucket: str, cache: Path) -> list[str]:
    """Make a directory the lake's copy, and return the keys that had to be fetched."""
    cache.mkdir(parents=True, exist_ok=True)
    known = _etags(cache)
    pages = pages_of(call, {"Bucket": bucket})
    there = {item["Key"]: item["ETag"] for page in pages for item in page.get("Contents", [])}
    for key in known.keys() - there.keys():
        (cache / key).unlink(missing_ok=True)
    fresh = [key for key, etag in there.items() if known.get(key) != etag or not (cache / key).exists()]
    for key in fresh:
        path = cache / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(call("s3", "GetObject", {"Bucket": bucket, "Key": key})["Body"])
    (cache / ETAGS).write_text(json.dumps(there))
    return fresh


def _etags(cache: Path) -> dict[str, str]:
    path = cache / ETAGS
    etags: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    return etags


def _plain(value: Any) -> Any:
    """Return an amount without the zeros that fill up the lake's 18 decimals."""
    return amount(value) if isinstance(value, Decimal) else value


def _grid(columns: list[str], rows: list[tuple[Any, ...]]) -> Grid:
    right = {n for row in rows for n, value in enumerate(row) if not isinstance(value, str | None)}
    return Grid("", tuple(columns), [tuple(cell(value) for value in row) for row in rows], frozenset(right))
