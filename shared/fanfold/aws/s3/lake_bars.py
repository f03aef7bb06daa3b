"""Bars out of the lake's files, for a function that answers people: file by file, and each once in a process."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fanfold.audit.bar_history import BarSpan, PricedBar
from fanfold.audit.lake_schema import BARS
from fanfold.aws.client.call import AwsFault, Call, not_found
from fanfold.aws.s3.audit_log import pages_of
from fanfold.money import ROUGH

_PRICES = ("open", "high", "low", "close", "volume")
_COLUMNS = ("instrument", "closes_at", *_PRICES)
# Selections of files that a process keeps; a file that was merged has another tag.
KEPT_MAX = 200


class S3LakeBars:
    """The bars in the lake of one bucket."""

    def __init__(self, call: Call, bucket: str) -> None:
        self._call = call
        self._bucket = bucket
        # The files of a day that a venue's bars are in, by day and venue, with how far its stream was flushed.
        self._listed: dict[tuple[str, str], tuple[int, list[tuple[str, str]]]] = {}

    @cached_property
    def _kept(self) -> dict[tuple[str, str, str], pa.Table]:
        return {}

    def bars(self, span: BarSpan, flushed: int) -> Iterator[tuple[str, PricedBar]]:
        """Yield the bars of a span. Files are looked for once for each flush: only that adds bars."""
        for day in _days(span):
            for rows in self._of_day(day, span, flushed):
                yield from _bars(rows, span)

    def _of_day(self, day: str, span: BarSpan, flushed: int) -> list[pa.Table]:
        place = day, span.venue
        known, files = self._listed.get(place, (-1, []))
        try:
            if known == flushed:
                return [self._rows(key, tag, span) for key, tag in files]
        except AwsFault as fault:
            # The files were merged into one in the meantime.
            if not not_found(fault):
                raise
        if len(self._listed) >= KEPT_MAX:
            self._listed.clear()
        files = list(self._files(day))
        self._listed[place] = flushed, files
        return [self._rows(key, tag, span) for key, tag in files]

    def _files(self, day: str) -> Iterator[tuple[str, str]]:
        for page in pages_of(self._call, {"Bucket": self._bucket, "Prefix": f"{BARS.name}/dt={day}/"}):
            for entry in page.get("Contents", []):
                yield entry["Key"], entry["ETag"]

    def _rows(self, key: str, tag: str, span: BarSpan) -> pa.Table:
        """Return a file's rows of a venue and timeframe."""
        kept = (f"{key} {tag}", span.venue, span.timeframe)
        if kept not in self._kept:
            if len(self._kept) >= KEPT_MAX:
                self._kept.clear()
            body = self._call("s3", "GetObject", {"Bucket": self._bucket, "Key": key})["Body"]
            wanted = [("venue", "=", span.venue), ("timeframe", "=", span.timeframe)]
            self._kept[kept] = pq.read_table(pa.BufferReader(body), columns=list(_COLUMNS), filters=wanted)
        return self._kept[kept]


def _bars(rows: pa.Table, span: BarSpan) -> Iterator[tuple[str, PricedBar]]:
    named = rows.filter(pc.is_in(rows["instrument"], pa.array(sorted(span.instruments), pa.string())))
    closes = (milliseconds // 1000 for milliseconds in named["closes_at"].cast(pa.int64()).to_pylist())
    wanted = [n for n, closes_at in enumerate(closes) if span.holds(closes_at)]
    for row in named.take(pa.array(wanted, pa.int64())).to_pylist():
        closes_at = int(row["closes_at"].replace(tzinfo=UTC).timestamp())
        yield row["instrument"], PricedBar(closes_at, *(_short(row[name]) for name in _PRICES))


def _short(amount: Decimal | None) -> Decimal:
    """Return an amount without the zeros that the lake's scale adds; one that the lake could not keep is NaN."""
    return Decimal("NaN") if amount is None else amount.normalize(ROUGH)


def _days(span: BarSpan) -> Iterator[str]:
    # What closes at midnight is of the day that begins then.
    day, last = _date(span.since + 1), _date(span.until)
    while day <= last:
        yield day.isoformat()
        day += timedelta(days=1)


def _date(at: int) -> date:
    return datetime.fromtimestamp(at, UTC).date()
