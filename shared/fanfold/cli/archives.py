"""Files of a public archive of bars, laid out as Binance's is: fetched once, and held against its checksums.

Under the archive's URL a file is ``data/spot/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2026-03.zip``, for a day of a month
that is not whole ``daily/…-2026-03-24.zip``; beside each is one that ends in ``.CHECKSUM``, with its SHA-256.
"""

import http.client
import time
from calendar import monthrange
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

from fanfold.cli.retrying import retried
from fanfold.cli.whole_files import replacing
from fanfold.errors import BadInput, VenueUnavailable

TIMEOUT_S = 30.0
_NOT_THERE = 404


class Archive(NamedTuple):
    """An archive by its URL, and the bars to take of it: those that open on days (UTC) from ``first`` to ``last``."""

    url: str
    symbols: Sequence[str]
    timeframe: str
    first: date
    last: date


class FetchedFiles(NamedTuple):
    """The files on the disk, each as path=BASE/QUOTE, and the names of those that the archive does not have."""

    files: list[str]
    absent: list[str]


def fetch(
    archive: Archive,
    folder: Path,
    on_days: Callable[[str, int], None] = lambda _instrument, _days: None,
    sleep: Callable[[float], None] = time.sleep,
) -> FetchedFiles:
    """Bring the archive's files into a folder; one that is there is not fetched again. Tell of each file's days.

    Raises BadInput for an URL that is none, VenueUnavailable where the archive fails for good, or a file does not
    fit its checksum.
    """
    if not _is_url(archive.url):
        raise BadInput(f"--archive {archive.url!r} is no URL, such as https://archive.example")
    fetched = FetchedFiles([], [])
    for symbol in archive.symbols:
        for month in _months(archive):
            whole = month.whole and _bring(archive, symbol, month.label, folder, sleep)
            labels = [month.label] if whole else [str(day) for day in month.dates]
            for label in labels:
                name = _name(archive, symbol, label)
                if whole or _bring(archive, symbol, label, folder, sleep):
                    fetched.files.append(f"{folder / name}={symbol}")
                else:
                    fetched.absent.append(name)
            on_days(symbol, len(month.dates))
    return fetched


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not any(map(str.isspace, text))


class _Month(NamedTuple):
    """The days of a month that are wanted."""

    dates: list[date]

    @property
    def label(self) -> str:
        return f"{self.dates[0]:%Y-%m}"

    @property
    def whole(self) -> bool:
        return len(self.dates) == monthrange(self.dates[0].year, self.dates[0].month)[1]


def _months(archive: Archive) -> Iterator[_Month]:
    day, month = archive.first, list[date]()
    while day <= archive.last:
        month.append(day)
        day += timedelta(days=1)
        if day.day == 1 or day > archive.last:
            yield _Month(month)
            month = []


def _name(archive: Archive, symbol: str, label: str) -> str:
    return f"{symbol.replace('/', '')}-{archive.timeframe}-{label}.zip"


def _bring(archive: Archive, symbol: str, label: str, folder: Path, sleep: Callable[[float], None]) -> bool:
    """Bring the file of a month or a day into the folder, unless it is there; False where the archive has none."""
    name = _name(archive, symbol, label)
    path = folder / name
    if path.exists():
        return True
    kind = "monthly" if len(label) == len("2026-03") else "daily"
    place = f"data/spot/{kind}/klines/{symbol.replace('/', '')}/{archive.timeframe}/{name}"
    url = f"{archive.url.rstrip('/')}/{place}"
    body = retried(lambda: _body(url), sleep)
    if body is None:
        return False
    _check(url, body, retried(lambda: _body(f"{url}.CHECKSUM"), sleep))
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(body)
    return True


def _check(url: str, body: bytes, checksum: bytes | None) -> None:
    """Raise VenueUnavailable where a file is not the one that the archive's checksum is of."""
    stated = (checksum or b"").split()
    if not stated or stated[0].decode(errors="replace") != sha256(body).hexdigest():
        why = "differs from its checksum" if stated else "has no checksum"
        raise VenueUnavailable(f"{url} {why}; what came before is stored: run the same command again")


def _body(url: str) -> bytes | None:
    """Return what is at a URL, None where nothing is. Raises VenueUnavailable."""
    try:
        with urlopen(url, timeout=TIMEOUT_S) as response:  # noqa: S310 - http or https, by fetch
            body: bytes = response.read()
            return body
    except HTTPError as answer:
        if answer.code == _NOT_THERE:
            return None
        raise VenueUnavailable(f"{url}: {answer}") from answer
    except (OSError, http.client.HTTPException) as wrong:
        raise VenueUnavailable(f"{url}: {wrong}") from wrong
