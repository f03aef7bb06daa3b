"""``fanfold query``: SQL over the lake, read from a copy that fetches only what changed."""

import json
from argparse import ArgumentParser, Namespace
from decimal import Decimal
from pathlib import Path
from typing import Any

from fanfold.aws.client.call import Call
from fanfold.aws.s3.audit_log import pages_of
from fanfold.cli.commands.command import Command
from fanfold.cli.output import Answer, Grid, amount, cell
from fanfold.stages.session import reach

CACHE = "lake-cache"
ETAGS = "etags.json"


def query(arguments: Namespace) -> Answer:
    """The rows of a SELECT over the lake."""
    from fanfold.cli import sql  # noqa: PLC0415 - duckdb and sqlglot take a while to load

    sql.translate(arguments.sql)
    with reach(arguments) as session:
        if arguments.flush:
            session.invoke("audit", "flush", {})
        cache = session.state / CACHE
        fetch(session.call, session.bucket("lake"), cache)
        answer = sql.query(arguments.sql, sql.files_in(cache))
    rows = [dict(zip(answer.columns, map(_plain, row), strict=True)) for row in answer.rows]
    document = {"columns": answer.columns, "rows": rows}
    return Answer(document, [_grid(answer.columns, answer.rows), f"{len(rows)} rows"])


def fetch(call: Call, bucket: str, cache: Path) -> list[str]:
    """Make a directory the lake's copy; the keys that had to be fetched."""
    cache.mkdir(parents=True, exist_ok=True)
    known = _etags(cache)
    pages = pages_of(call, {"Bucket": bucket})
    there = {one["Key"]: one["ETag"] for page in pages for one in page.get("Contents", [])}
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
    found: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    return found


def _plain(value: Any) -> Any:
    """An amount without the zeros that fill the lake's 18 decimals up."""
    return amount(value) if isinstance(value, Decimal) else value


def _grid(columns: list[str], rows: list[tuple[Any, ...]]) -> Grid:
    right = {n for row in rows for n, value in enumerate(row) if not isinstance(value, str | None)}
    return Grid("", tuple(columns), [tuple(cell(value) for value in row) for row in rows], frozenset(right))


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("sql", metavar="SQL", help="one statement of Athena's SQL that only reads; see docs/audit.md")
    parser.add_argument("--flush", action="store_true", help="first bring what was just recorded into the lake")


COMMANDS = (
    Command(
        ("query",),
        "SQL over bars, signals, orders and trades, as Athena would answer it.",
        'fanfold query "SELECT instrument, count(*) AS fills FROM trades GROUP BY instrument"',
        query,
        _add_arguments,
        staged=True,
    ),
)
