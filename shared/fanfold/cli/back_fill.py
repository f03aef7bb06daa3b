"""Bars of an exchange's past, fetched day by day into a lake in a folder: what is stored is not asked for again.

The days that are stored whole stand in a file of each series, a line a day, beside the lake's tables. The bars alone
would not tell: an imported file may have a part of a day, and an exchange no bar of one.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from fanfold.cli import lake_folder
from fanfold.cli.retrying import retried
from fanfold.desk import Instrument, VenueSettings
from fanfold.market import timeframes
from fanfold.market.recording import Recording
from fanfold.market.timeframes import DAY_S
from fanfold.venues.ccxt.venue import ExchangeVenue, catalogue

# Bars that are fetched before they are stored: what an interruption costs.
BARS_MAX = 5_000


class BackFill(NamedTuple):
    """The bars to fetch: those that close on days (UTC) from ``first`` to ``last``; ``origin`` replaces the hosts."""

    exchange: str
    symbols: Sequence[str]
    timeframe: str
    first: date
    last: date
    origin: str = ""


class FilledSeries(NamedTuple):
    """A series after its back-fill: days that were there before, days fetched, bars fetched, and bars missing."""

    instrument: str
    days_before: int
    days: int
    bars: int
    missing: int


def back_fill(
    wanted: BackFill,
    folder: Path,
    on_days: Callable[[str, int], None] = lambda _instrument, _days: None,
    sleep: Callable[[float], None] = time.sleep,
) -> list[FilledSeries]:
    """Fetch what the lake lacks, in order of time, at the pace that the exchange permits; tell of days once stored.

    Raises BadInput for what the exchange does not have, and VenueUnavailable where it fails for good: the
    days until then are stored.
    """
    rules = catalogue(wanted.exchange, wanted.symbols, wanted.last.isoformat(), wanted.origin)
    venue = _connect(wanted, rules, sleep)
    return [_series(wanted, symbol, venue, folder, on_days, sleep) for symbol in wanted.symbols]


def days_over(until: date | None, now: datetime) -> date:
    """Return the last day to fetch: ``until``, or yesterday where that is earlier, for today is not whole."""
    yesterday = now.astimezone(UTC).date() - timedelta(days=1)
    return min(until, yesterday) if until else yesterday


def missing_days(wanted: BackFill, symbol: str, folder: Path) -> list[date]:
    """Return the days of a series that are not stored whole."""
    count = (wanted.last - wanted.first).days + 1
    path = _stored_days(wanted, symbol, folder)
    stored = set(path.read_text().split()) if path.exists() else set()
    wanted_days = (wanted.first + timedelta(days=n) for n in range(count))
    return [day for day in wanted_days if day.isoformat() not in stored]


def _stored_days(wanted: BackFill, symbol: str, folder: Path) -> Path:
    return folder / "back-fill" / f"{wanted.exchange}-{symbol.replace('/', '-')}-{wanted.timeframe}.days"


def _connect(wanted: BackFill, rules: Mapping[str, Instrument], sleep: Callable[[float], None]) -> ExchangeVenue:
    settings = VenueSettings(kind="ccxt", exchange=wanted.exchange, symbols=list(wanted.symbols))
    return ExchangeVenue.connect(settings, rules, wanted.origin, sleep=sleep)


def _series(
    wanted: BackFill,
    symbol: str,
    venue: ExchangeVenue,
    folder: Path,
    on_days: Callable[[str, int], None],
    sleep: Callable[[float], None],
) -> FilledSeries:
    days = missing_days(wanted, symbol, folder)
    before = (wanted.last - wanted.first).days + 1 - len(days)
    on_days(symbol, before)
    bars, length = 0, timeframes.seconds(wanted.timeframe)
    for part in _parts(days, max(1, BARS_MAX * length // DAY_S)):
        recording = _fetched(wanted, symbol, venue, part, sleep)
        _store(wanted, symbol, folder, part, recording)
        bars += recording.count
        on_days(symbol, len(part))
    return FilledSeries(symbol, before, len(days), bars, len(days) * (DAY_S // length) - bars)


def _parts(days: Sequence[date], most: int) -> Iterator[list[date]]:
    """Yield the days in parts of days that follow each other, of at most so many."""
    for _, numbered in groupby(enumerate(days), key=lambda entry: entry[1].toordinal() - entry[0]):
        run = [day for _, day in numbered]
        yield from (run[begin : begin + most] for begin in range(0, len(run), most))


def _fetched(
    wanted: BackFill, symbol: str, venue: ExchangeVenue, days: Sequence[date], sleep: Callable[[float], None]
) -> Recording:
    length = timeframes.seconds(wanted.timeframe)
    first, last = (int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) for day in (days[0], days[-1]))
    # Those that close on the days, from the first midnight to before the last.
    since, until = first - length, last + DAY_S - length
    return retried(
        lambda: Recording.of(venue.bars(symbol, wanted.timeframe, since, until)),
        sleep,
        held_s=lambda: venue.held_until() - time.time(),
    )


def _store(wanted: BackFill, symbol: str, folder: Path, days: Sequence[date], recording: Recording) -> None:
    lake_folder.keep(folder, [(recording, f"back-fill of {wanted.exchange}")], wanted.exchange)
    path = _stored_days(wanted, symbol, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Behind the bars: a day that is fetched twice does no harm, one that is taken for stored would be a hole.
    with path.open("a") as lines:
        lines.writelines(f"{day}\n" for day in days)
