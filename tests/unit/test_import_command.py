"""`fanfold import` brings bars into a lake bit by bit, whatever their format, and goes on where it was stopped."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from resource import RLIMIT_FSIZE, getrlimit, setrlimit
from threading import Event, Thread
from typing import Any

import pyarrow as pa
import pytest

from fanfold.cli import back_fill, lake_folder, sql
from fanfold.cli.app import parse
from fanfold.cli.back_fill import BackFill
from fanfold.cli.output import Answer
from fanfold.errors import BadInput, VenueUnavailable
from fanfold.exchange import server
from fanfold.importers import data_files, joining, lake_days
from fanfold.market.bars import Bar, Series
from support.exchange_server import Answer as HttpAnswer
from support.exchange_server import Candle, Exchange, serving

FIRST = date(2026, 3, 1)
MIDNIGHT = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp())
DAY_MINUTES = 1_440
REAL = Path(__file__).resolve().parents[3] / "shared" / "data"


def run(*words: object) -> Answer:
    answer = parse(["import", *map(str, words)]).run()
    assert isinstance(answer, Answer)
    return answer


def csv(path: Path, minutes: range, close: str = "100.5") -> Path:
    rows = [f"{MIDNIGHT + 60 * minute},100.25,101,99,{close},{minute % 7 + 1}.125" for minute in minutes]
    path.write_text("\n".join(["time,open,high,low,close,volume", *rows]) + "\n")
    return path


def bars(folder: Path, instrument: str = "BTC/USDT") -> list[tuple[Any, ...]]:
    text = f"SELECT closes_at, open, high, low, close, volume FROM bars WHERE instrument = '{instrument}' ORDER BY 1"
    return sql.query(text, sql.files_in(folder)).rows


def exact(file: data_files.DataFile) -> list[tuple[Any, ...]]:
    """The bars of a file as a query over the lake returns them."""
    series = file.series
    return [
        (datetime.fromtimestamp(bar.closes_at_s, UTC).replace(tzinfo=None), *map(series.price, bar[1:5]),
         series.volume(bar.volume))
        for bar in series.bars
    ]  # fmt: skip


def test_months_in_files_become_days_of_a_lake_to_the_last_digit(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    files = [csv(tmp_path / "BTCUSDT-a.csv", range(3_000)), csv(tmp_path / "BTCUSDT-b.csv", range(2_990, 5_000))]
    answer = run(*files, "--into", lake, "--venue", "binance")
    assert answer.document["imported"] == [{"instrument": "BTC/USDT", "timeframe": "1m", "bars": 5_000, "days": 4}]
    (file,) = joining.read_all(list(map(str, files)))
    assert bars(lake) == exact(file)
    assert {path.parent.name for path in lake.rglob("*.parquet")} == {f"dt=2026-03-0{n}" for n in range(1, 5)}


def test_an_import_that_is_repeated_or_overlaps_adds_nothing_twice(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    run(csv(tmp_path / "BTCUSDT-a.csv", range(2_000)), "--into", lake)
    run(csv(tmp_path / "BTCUSDT-b.csv", range(1_000, 3_000)), "--into", lake)
    run(csv(tmp_path / "BTCUSDT-a.csv", range(2_000)), "--into", lake)
    assert len(bars(lake)) == 3_000
    whole = data_files.read(str(csv(tmp_path / "BTCUSDT.csv", range(3_000))))
    assert bars(lake) == exact(whole)


def assert_refused(lake: Path, reason: str, *files: Path) -> None:
    """Import files that are refused for a reason, and find the lake as it was."""
    before = bars(lake)
    with pytest.raises(BadInput, match=reason):
        run(*files, "--into", lake)
    assert bars(lake) == before


def test_bars_that_differ_from_those_of_the_lake_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    run(csv(tmp_path / "BTCUSDT-a.csv", range(100)), "--into", lake)
    other = csv(tmp_path / "BTCUSDT-b.csv", range(90, 4_000), "100.75")
    assert_refused(lake, r"file-BTC-USDT-1m\.parquet has 10 of these bars with other figures", other)


def test_a_day_that_was_compacted_keeps_its_bars_too(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    for name in ("BTCUSDT", "ETHUSDT"):
        run(csv(tmp_path / f"{name}.csv", range(2_000)), "--into", lake)
    lake_folder.compact(lake)
    run(csv(tmp_path / "BTCUSDT-b.csv", range(1_000, 3_000)), "--into", lake)
    assert len(bars(lake)) == 3_000
    other = csv(tmp_path / "BTCUSDT-c.csv", range(90, 100), "100.75")
    assert_refused(lake, r"dt=2026-03-01/day\.parquet has 10 of these bars with other figures", other)


def test_of_several_instruments_none_is_written_where_one_differs(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    run(csv(tmp_path / "BTCUSDT.csv", range(100)), "--into", lake)
    other = csv(tmp_path / "BTCUSDT-b.csv", range(90, 100), "100.75")
    files = csv(tmp_path / "AAVEUSDT.csv", range(100)), other
    assert_refused(lake, "has 10 of these bars with other figures", *files)
    assert bars(lake, "AAVE/USDT") == []


def test_two_imports_into_one_day_lose_no_bar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second begins while the first has read the day and not yet written it."""
    lake = tmp_path / "lake"
    parts = [csv(tmp_path / f"BTCUSDT-{n}.csv", range(n * 100, n * 100 + 100)) for n in range(2)]
    read, late, write = Event(), [], lake_folder.write

    def second() -> None:
        read.wait(10)
        run(parts[1], "--into", lake)

    def slow(path: Path, rows: pa.Table) -> int:
        if not read.is_set():
            read.set()
            other.join(0.5)
            late.append(other.is_alive())
        return write(path, rows)

    monkeypatch.setattr(lake_folder, "write", slow)
    other = Thread(target=second)
    other.start()
    run(parts[0], "--into", lake)
    other.join()
    assert late == [True]
    assert len(bars(lake)) == 200


def test_bars_of_two_venues_are_no_series(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    run(csv(tmp_path / "BTCUSDT-a.csv", range(100)), "--into", lake, "--venue", "binance")
    run(csv(tmp_path / "BTCUSDT-b.csv", range(100, 200)), "--into", lake, "--venue", "kraken")
    with pytest.raises(
        BadInput, match="it holds BTC/USDT of binance, kraken: keep the bars of a venue in a lake of its"
    ):
        data_files.read(str(lake))


@pytest.mark.parametrize("venue", ["../../binance", "/etc/binance", "", "a b", "a\nb", ".."])
def test_a_venue_is_a_name_and_no_path(tmp_path: Path, venue: str) -> None:
    source = csv(tmp_path / "BTCUSDT.csv", range(100))
    with pytest.raises(BadInput, match="is no name of a venue"):
        run(source, "--into", tmp_path / "lake", "--venue", venue)
    assert list(tmp_path.rglob("*.parquet")) == []


@pytest.mark.parametrize("words", [("--timeframe", "5m"), ("--from", "2026-01-01"), ("--symbols", "BTC/USDT")])
def test_files_take_no_options_of_an_exchange(tmp_path: Path, words: tuple[str, str]) -> None:
    with pytest.raises(BadInput, match="go with --exchange or --archive alone"):
        run(csv(tmp_path / "BTCUSDT.csv", range(100)), "--into", tmp_path / "lake", *words)


def test_a_file_that_cannot_be_written_whole_leaves_no_part(tmp_path: Path) -> None:
    lake, file, (before, most) = tmp_path / "lake", csv(tmp_path / "BTCUSDT.csv", range(100)), getrlimit(RLIMIT_FSIZE)
    setrlimit(RLIMIT_FSIZE, (10, most))
    try:
        with pytest.raises(BadInput, match="cannot be written"):
            run(file, "--into", lake)
    finally:
        setrlimit(RLIMIT_FSIZE, (before, most))
    assert [path.name for path in lake.rglob("*") if path.is_file()] == [lake_days.LOCK]


def test_a_lake_is_read_as_a_file_of_bars(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    source = data_files.read(str(csv(tmp_path / "BTCUSDT.csv", range(3_000))))
    run(csv(tmp_path / "BTCUSDT.csv", range(3_000)), "--into", lake)
    assert data_files.read(str(lake)).recording == source.recording
    lake_folder.compact(lake)
    assert data_files.read(f"{lake}=BTC/USDT").recording == source.recording


def test_an_instrument_of_a_lake_with_several_is_to_be_named(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    for name in ("BTCUSDT", "ETHUSDT"):
        run(csv(tmp_path / f"{name}.csv", range(100)), "--into", lake)
    with pytest.raises(BadInput, match=r"the lake holds bars of BTC/USDT, ETH/USDT; say which: .*=BTC/USDT"):
        data_files.read(str(lake))
    with pytest.raises(BadInput, match="the lake holds bars of BTC/USDT, ETH/USDT"):
        data_files.read(f"{lake}=SOL/USDT")
    assert data_files.read(f"{lake}=ETH/USDT").recording.count == 100


@pytest.mark.parametrize(
    "name",
    [
        "candles_1m/binance_vision_BTCUSDT-1m-2026-03.zip",
        "candles_5m/kraken_XBTUSD_5m_2023Q1.csv",
        "lean_coinbase/minute_btcusd_20180404_trade.zip",
        "candles_1h/binance_BTCUSDT_1h_2024-01_2024-09.feather",
        "candles_1m/defect_freqtrade_UNITTEST_BTC_1m_2017-11.json",
    ],
)
def test_archives_of_five_sources_are_in_the_lake_bit_by_bit(tmp_path: Path, name: str) -> None:
    if not (REAL / name).exists():
        pytest.skip("the recorded market data is not here")
    file = data_files.read(str(REAL / name))
    run(REAL / name, "--into", tmp_path)
    assert bars(tmp_path, file.recording.instrument) == exact(file)
    assert data_files.read(str(tmp_path)).recording == file.recording


def candles(days: int) -> list[Candle]:
    """Minutes of some days, without one in fifty, and without an hour around the second midnight."""
    return [
        Candle(
            MIDNIGHT - 60 + 60 * n, f"{100 + n % 9}.25", f"{120 + n % 9}.5", "90.125", f"{101 + n % 7}.75", f"{n % 5}.5"
        )
        for n in range(days * DAY_MINUTES)
        if n % 50 and not DAY_MINUTES - 30 < n < DAY_MINUTES + 30
    ]


def expected(made: list[Candle], until: date) -> list[tuple[Any, ...]]:
    end = datetime(until.year, until.month, until.day) + timedelta(days=1)  # noqa: DTZ001
    rows: list[tuple[Any, ...]] = [
        (datetime.fromtimestamp(candle.opens_at + 60, UTC).replace(tzinfo=None), *map(Decimal, candle[1:]))
        for candle in made
    ]
    return [row for row in rows if row[0] < end]


@pytest.fixture
def exchange() -> Exchange:
    made = Exchange()
    made.candles = candles(5)
    return made


@pytest.fixture
def origin(exchange: Exchange) -> Iterator[str]:
    with serving(exchange) as served:
        yield served


def wanted(origin: str, last: date = date(2026, 3, 4)) -> BackFill:
    return BackFill("binance", ["BTC/USDT"], "1m", FIRST, last, origin)


def test_a_back_fill_has_every_bar_of_the_exchange_and_no_other(
    exchange: Exchange, origin: str, tmp_path: Path
) -> None:
    days: list[tuple[str, int]] = []
    (series,) = back_fill.back_fill(wanted(origin), tmp_path, lambda *told_of: days.append(told_of))
    assert bars(tmp_path) == expected(exchange.candles, date(2026, 3, 4))
    assert (series.days, series.bars, series.bars + series.missing) == (4, len(bars(tmp_path)), 4 * DAY_MINUTES)
    assert sum(count for _, count in days) == 4


def test_a_back_fill_that_is_repeated_asks_for_no_bar(exchange: Exchange, origin: str, tmp_path: Path) -> None:
    back_fill.back_fill(wanted(origin), tmp_path)
    asked_before = exchange.count("klines")
    (series,) = back_fill.back_fill(wanted(origin), tmp_path)
    assert exchange.count("klines") == asked_before
    assert (series.days_before, series.days) == (4, 0)


def test_a_back_fill_that_was_stopped_goes_on_and_is_as_if_it_was_not(
    exchange: Exchange, origin: str, tmp_path: Path
) -> None:
    """It fails behind the first part, for good; the next run asks for what follows alone."""
    seen = list[int]()

    def breaks(path: str, query: dict[str, str]) -> HttpAnswer | None:
        if path.endswith("klines"):
            seen.append(int(query["startTime"]))
            return HttpAnswer(status=503) if max(seen) > (MIDNIGHT + 3 * 86_400) * 1_000 else None
        return None

    exchange.fault = breaks
    with pytest.raises(VenueUnavailable, match="what came before is stored: run the same command again"):
        back_fill.back_fill(wanted(origin), tmp_path, sleep=lambda _s: None)
    stored = bars(tmp_path)
    assert stored == expected(exchange.candles, date(2026, 3, 3))
    exchange.fault = lambda _path, _query: None
    (series,) = back_fill.back_fill(wanted(origin), tmp_path)
    assert (series.days_before, series.days) == (3, 1)
    assert bars(tmp_path) == expected(exchange.candles, date(2026, 3, 4))


def test_a_fault_that_passes_is_waited_out(exchange: Exchange, origin: str, tmp_path: Path) -> None:
    waits, left = list[float](), [2]

    def stumbles(path: str, _query: dict[str, str]) -> HttpAnswer | None:
        left[0] -= path.endswith("klines")
        return HttpAnswer(status=503) if left[0] >= 0 and path.endswith("klines") else None

    exchange.fault = stumbles
    back_fill.back_fill(wanted(origin), tmp_path, sleep=waits.append)
    assert bars(tmp_path) == expected(exchange.candles, date(2026, 3, 4))
    assert waits


def test_a_part_of_a_day_in_the_lake_is_no_day_that_is_stored(exchange: Exchange, origin: str, tmp_path: Path) -> None:
    """Neither an imported file nor compaction makes a back-fill leave a day out, or ask for one again."""
    half = [f"{candle.opens_at},{','.join(candle[1:])}" for candle in exchange.candles[1_600:1_700]]
    path = tmp_path / "BTCUSDT.csv"
    path.write_text("\n".join(["time,open,high,low,close,volume", *half]) + "\n")
    run(path, "--into", tmp_path, "--venue", "binance")
    back_fill.back_fill(wanted(origin), tmp_path)
    run(path, "--into", tmp_path, "--venue", "other")
    lake_folder.compact(tmp_path)
    (series,) = back_fill.back_fill(wanted(origin), tmp_path)
    assert (series.days_before, series.days) == (4, 0)
    assert len(bars(tmp_path)) == len(expected(exchange.candles, date(2026, 3, 4))) + 100


def test_a_day_without_a_bar_is_asked_for_once(exchange: Exchange, origin: str, tmp_path: Path) -> None:
    exchange.candles = [candle for candle in exchange.candles if not 1 <= (candle.opens_at - MIDNIGHT) // 86_400 < 3]
    back_fill.back_fill(wanted(origin, date(2026, 3, 4)), tmp_path)
    asked_before = exchange.count("klines")
    back_fill.back_fill(wanted(origin, date(2026, 3, 4)), tmp_path)
    assert exchange.count("klines") == asked_before


def test_the_past_of_the_exchange_in_the_box_comes_over_its_socket(tmp_path: Path) -> None:
    minutes = [Bar(MIDNIGHT + 60 * n, 6_000_000 + n, 6_000_900 + n, 5_999_000 + n, 6_000_100 + n, 1_000 + n)
               for n in range(3 * DAY_MINUTES + 10)]  # fmt: skip
    recorded = Series(instrument="BTC/USDT", timeframe="1m", price_scale=2, volume_scale=3, after=0, bars=minutes)
    now_ms = (MIDNIGHT + 60 * len(minutes)) * 1_000
    with server.serve([recorded], clock=lambda: now_ms, moved=False) as box:
        answer = run("--exchange", "binance", "--symbols", "BTC/USDT", "--from", "2026-03-01", "--until", "2026-03-03",
                     "--origin", box.origin, "--into", tmp_path)  # fmt: skip
    (row,) = answer.document["imported"]
    assert (row["days"], row["bars"], row["missing"]) == (3, 3 * DAY_MINUTES, 0)
    stored = data_files.read(str(tmp_path)).recording
    assert list(stored.bars()) == minutes[: 3 * DAY_MINUTES]


def test_today_is_not_over_and_not_fetched() -> None:
    now = datetime(2026, 3, 5, 0, 30, tzinfo=UTC)
    assert back_fill.days_over(None, now) == date(2026, 3, 4)
    assert back_fill.days_over(date(2026, 3, 5), now) == date(2026, 3, 4)
    assert back_fill.days_over(date(2026, 3, 2), now) == date(2026, 3, 2)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "name files of bars, an --exchange, or an --archive, and one of these alone"),
        (["a.csv", "--exchange", "binance"], "one of these alone"),
        (["--exchange", "binance"], "it needs --symbols and --from"),
        (
            ["--exchange", "binance", "--symbols", "BTC/USDT", "--from", "2026-03-02", "--until", "2026-03-01"],
            "there is no whole day from 2026-03-02 to 2026-03-01",
        ),
    ],
)
def test_a_source_is_needed_and_one_alone(tmp_path: Path, words: list[str], reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        run(*words, "--into", tmp_path)
