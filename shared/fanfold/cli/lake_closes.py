"""The last closes before a time, from a lake by SQL."""

from datetime import UTC, datetime
from pathlib import Path

from fanfold.accounting.portfolio import Closes
from fanfold.cli import sql

_SQL = """
SELECT venue, instrument, max_by(close, closes_at) AS close
FROM closed_bars WHERE shortest = 1 AND closes_at <= TIMESTAMP '{at}' GROUP BY venue, instrument
"""


def closes_before(lake: Path, at: datetime) -> Closes:
    """Return the close of the last bar of each venue's instrument that closed until a time."""
    text = _SQL.format(at=f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}")
    rows = sql.query(text, sql.files_in(lake)).rows
    return {(venue, instrument): close for venue, instrument, close in rows}
