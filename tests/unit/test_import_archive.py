"""`fanfold import --archive` fetches each file of a public archive once, holds it against its checksum, and goes on."""

import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from fanfold.cli import archives
from fanfold.cli.app import parse
from fanfold.cli.archives import Archive
from fanfold.cli.retrying import TRIES
from fanfold.errors import BadInput, VenueUnavailable
from fanfold.importers import data_files
from support.exchange_server import Answer, serving


class ServedArchive:
    """Zips of bars by their paths, with checksums; ``faults`` answer in place of the first requests."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.paths: list[str] = []
        self.faults: list[Answer] = []

    def put(self, symbol: str, label: str, first: date, days: int) -> None:
        kind = "monthly" if len(label) == 7 else "daily"
        name = f"{symbol}-1m-{label}"
        body = zipped(name, first, days)
        path = f"/data/spot/{kind}/klines/{symbol}/1m/{name}.zip"
        self.files |= {path: body, f"{path}.CHECKSUM": f"{sha256(body).hexdigest()}  {name}.zip\n".encode()}

    def respond(self, request: Any) -> Answer:
        self.paths.append(request.path)
        if self.faults:
            return self.faults.pop()
        body = self.files.get(request.path)
        return Answer(404) if body is None else Answer(body=body)


def zipped(name: str, first: date, days: int) -> bytes:
    """Days of minutes in the columns of Binance's archive, in microseconds, without a header."""
    opens = int(datetime(first.year, first.month, first.day, tzinfo=UTC).timestamp())
    rows = [
        f"{at * 10**6},100.1{at % 7},101,99.5,100.{at % 9}5,{at % 4}.25,{(at + 60) * 10**6 - 1},0,1,0,0,0"
        for at in range(opens, opens + days * 86_400, 60)
    ]
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr(f"{name}.csv", "\n".join(rows))
    return body.getvalue()


@pytest.fixture
def served() -> ServedArchive:
    """February whole, and two days of March, of two instruments; one day is not there."""
    archive = ServedArchive()
    for symbol in ("BTCUSDT", "ETHUSDT"):
        archive.put(symbol, "2026-02", date(2026, 2, 1), 28)
        archive.put(symbol, "2026-03-01", date(2026, 3, 1), 1)
    archive.put("BTCUSDT", "2026-03-02", date(2026, 3, 2), 1)
    return archive


@pytest.fixture
def url(served: ServedArchive) -> Iterator[str]:
    with serving(served) as origin:  # type: ignore[arg-type]
        yield origin


def wanted(url: str, *symbols: str) -> Archive:
    return Archive(url, symbols or ("BTC/USDT",), "1m", date(2026, 2, 1), date(2026, 3, 2))


def test_months_and_days_of_an_archive_become_a_lake(url: str, tmp_path: Path) -> None:
    words = ["import", "--archive", url, "--symbols", "BTC/USDT,ETH/USDT", "--from", "2026-02-01",
             "--until", "2026-03-02", "--into", str(tmp_path), "--venue", "binance"]  # fmt: skip
    answer = parse(words).run()
    assert [row["bars"] for row in answer.document["imported"]] == [30 * 1_440, 29 * 1_440]
    assert answer.document["absent"] == ["ETHUSDT-1m-2026-03-02.zip"]
    recording = data_files.read(f"{tmp_path}=BTC/USDT").recording
    first = datetime(2026, 2, 1, 0, 1, tzinfo=UTC).timestamp()
    assert (recording.count, recording.closes_at_s(0)) == (30 * 1_440, first)
    assert recording.closes_at_s(-1) == first + 60 * (30 * 1_440 - 1)


def test_what_is_there_is_not_fetched_again(served: ServedArchive, url: str, tmp_path: Path) -> None:
    first = archives.fetch(wanted(url), tmp_path)
    asked_before = len(served.paths)
    assert archives.fetch(wanted(url), tmp_path) == first
    assert len(served.paths) == asked_before
    labels = ("2026-02", "2026-03-01", "2026-03-02")
    assert first.files == [f"{tmp_path}/BTCUSDT-1m-{label}.zip=BTC/USDT" for label in labels]


def test_two_imports_of_a_file_at_once_do_not_write_into_each_other_s(url: str, tmp_path: Path) -> None:
    others = tmp_path / "BTCUSDT-1m-2026-02.zip.new"
    others.write_bytes(b"half of what another import fetches")
    archives.fetch(wanted(url), tmp_path)
    assert others.read_bytes() == b"half of what another import fetches"


def test_a_month_that_is_not_published_is_taken_by_its_days(url: str, tmp_path: Path) -> None:
    march = Archive(url, ["BTC/USDT"], "1m", date(2026, 3, 1), date(2026, 3, 31))
    fetched = archives.fetch(march, tmp_path)
    assert len(fetched.files) == 2
    assert fetched.absent == [f"BTCUSDT-1m-{date(2026, 3, 3) + timedelta(days=n)}.zip" for n in range(29)]


def test_a_fault_that_passes_is_waited_out_and_one_that_stays_is_named(
    served: ServedArchive, url: str, tmp_path: Path
) -> None:
    waits: list[float] = []
    served.faults = [Answer(503), Answer(0)]
    assert len(archives.fetch(wanted(url), tmp_path / "a", sleep=waits.append).files) == 3
    assert waits == [2.0, 4.0]
    served.faults = [Answer(503)] * TRIES
    with pytest.raises(VenueUnavailable, match=r"BTCUSDT-1m-2026-02\.zip: HTTP Error 503.*run the same command again"):
        archives.fetch(wanted(url), tmp_path / "b", sleep=waits.append)


@pytest.mark.parametrize(("checksum", "why"), [(b"0" * 64, "differs from its checksum"), (None, "has no checksum")])
def test_a_file_that_does_not_fit_its_checksum_is_not_kept(
    served: ServedArchive, url: str, tmp_path: Path, checksum: bytes | None, why: str
) -> None:
    path = next(path for path in served.files if path.endswith("BTCUSDT-1m-2026-02.zip.CHECKSUM"))
    del served.files[path]
    if checksum:
        served.files[path] = checksum
    with pytest.raises(VenueUnavailable, match=why):
        archives.fetch(wanted(url), tmp_path)
    assert not list(tmp_path.glob("*"))


def test_an_archive_without_the_instrument_and_a_url_that_is_none_are_refused(url: str, tmp_path: Path) -> None:
    words = [
        "import",
        "--symbols",
        "SOL/USDT",
        "--from",
        "2026-02-01",
        "--until",
        "2026-02-02",
        "--into",
        str(tmp_path),
    ]
    with pytest.raises(BadInput, match=r"has none of SOLUSDT-1m-2026-02-01\.zip, SOLUSDT-1m-2026-02-02\.zip"):
        parse([*words, "--archive", url]).run()
    for none in ("file:///etc", "http://[bad", "http://", "https://archive.example/a b", "ftp://archive.example"):
        with pytest.raises(BadInput, match="is no URL, such as https://"):
            parse([*words, "--archive", none]).run()
