"""Recorded files of real exchanges, with the defects that were counted in them by other means."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from fanfold.importers.data_files import DataFile, read
from fanfold.market.quality import DefectKind
from fanfold.market.resample import resample

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="recorded market data is not beside the repository")

OTHERS = (
    "candles_5m/defect_freqtrade_ADA_BTC_5m_2018-01.feather",
    "candles_5m/kraken_XBTUSD_5m_2023Q1.csv",
    "candles_1h/binance_BTCUSDT_1h_2017-08_2024-04.feather",
    "candles_1h/kraken_XBTUSD_1h_2023Q1.csv",
    "candles_1d/binance_XRPUSDT_1d_2024.feather",
    "candles_1d/binance_BTCUSDT_4h_2024.feather",
    "candles_1d/kraken_XBTUSD_1d_2023Q1.csv",
)
FILES = [*(f"candles_1m/{path.name}" for path in sorted((DATA / "candles_1m").glob("*"))), *OTHERS]
_TABLE_ROW = re.compile(
    r"\| `(?P<name>[^`]+)` \|[^|]*\| (?P<symbol>[^|]+) \| (?P<timeframe>\w+) \|[^|]*\| (?P<rows>\d+) \|.*"
    r"missing (?P<missing>\d+) in (?P<gaps>\d+) gaps; zero-vol (?P<zero>\d+); dup 0; out-of-order 0; bad OHLC 0;"
)


@pytest.fixture(scope="module")
def known() -> dict[str, re.Match[str]]:
    """File -> its line in the table of what was counted in it."""
    matches = map(_TABLE_ROW.match, (DATA / "README.md").read_text().splitlines())
    return {match["name"]: match for match in matches if match}


def counts(file: DataFile) -> tuple[int, int, int]:
    findings = {item.defect: item.finding for item in file.findings}
    gap, silent = findings.get(DefectKind.GAP), findings.get(DefectKind.ZERO_VOLUME)
    return (gap.count if gap else 0, gap.places if gap else 0, silent.count if silent else 0)


@pytest.mark.parametrize("name", FILES)
def test_a_recorded_file_has_just_the_defects_that_are_known_of_it(name: str, known: dict[str, re.Match[str]]) -> None:
    file = read(str(DATA / name))
    line = known[name]
    assert counts(file) == (int(line["missing"]), int(line["gaps"]), int(line["zero"]))
    assert {finding.defect for finding in file.findings} <= {DefectKind.GAP, DefectKind.ZERO_VOLUME}
    assert len(file.series.bars) == int(line["rows"])
    assert file.series.instrument == line["symbol"].replace("XBT", "BTC")
    assert file.series.timeframe == line["timeframe"]


def test_minutes_resample_to_the_bars_the_exchange_makes_of_them() -> None:
    """Its hours of 2024, made of its own five minutes."""
    minutes = read(str(DATA / "candles_5m/binance_BTCUSDT_5m_2024-01_2024-09.feather")).series
    hours = read(str(DATA / "candles_1h/binance_BTCUSDT_1h_2024-01_2024-09.feather")).series
    made = resample(minutes, "1h", minutes.through)
    assert (made.price_scale, made.volume_scale) == (hours.price_scale, hours.volume_scale)
    assert len(hours.bars) == 6412
    assert made.bars == hours.bars


def test_a_summer_of_minutes_resamples_to_five_minutes_without_loss() -> None:
    minutes = read(str(DATA / "candles_1m/binance_BTCUSDT_1m_2025-05_2025-08.feather")).series
    made = resample(minutes, "5m", minutes.through)
    assert len(made.bars) == 26_141
    whole = [bar for bar in minutes.bars if bar.closes_at_s <= made.through]
    assert sum(bar.volume for bar in made.bars) == sum(bar.volume for bar in whole)
    assert max(bar.high for bar in made.bars) == max(bar.high for bar in whole)
    assert all(later.closes_at_s - earlier.closes_at_s == 300 for earlier, later in pairwise(made.bars))


def test_two_sources_of_one_month_agree_to_the_last_digit() -> None:
    """Binance's own archive of March 2026, and what a trading program downloaded of it."""
    archive = read(str(DATA / "candles_1m/binance_vision_BTCUSDT-1m-2026-03.zip")).series
    downloaded = read(str(DATA / "candles_1m/binance_BTCUSDT_1m_2026-03_2026-04.feather")).series
    assert (archive.price_scale, archive.volume_scale) == (downloaded.price_scale, downloaded.volume_scale) == (2, 5)
    common = set(archive.bars) & set(downloaded.bars)
    assert len(common) == sum(downloaded.bars[0].closes_at_s <= bar.closes_at_s for bar in archive.bars)
