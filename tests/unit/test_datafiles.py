"""Every format of bars is read to the same exact series, and what was inferred is stated."""

import gzip
import io
import json
import zipfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import feather, parquet

from fanfold.errors import BadInput
from fanfold.importers import scales, symbols
from fanfold.importers.data_files import DataFile, describe, read
from fanfold.market.bars import Bar

OPENS = 1_772_323_200  # 2026-03-01 00:00 UTC
ROWS = [
    (OPENS, 100.5, 101.25, 100.0, 101.0, 3.5),
    (OPENS + 60, 101.0, 101.0, 99.75, 100.0, 0.125),
    (OPENS + 120, 100.0, 100.5, 100.0, 100.25, 2.0),
]
BARS = [
    Bar(OPENS + 60, 10050, 10125, 10000, 10100, 3500),
    Bar(OPENS + 120, 10100, 10100, 9975, 10000, 125),
    Bar(OPENS + 180, 10000, 10050, 10000, 10025, 2000),
]
HEADER = "time,open,high,low,close,volume"


def lines(unit: int = 1, tail: str = "") -> str:
    return "".join(f"{row[0] * unit},{','.join(map(repr, row[1:]))}{tail}\n" for row in ROWS)


def text(path: Path, content: str) -> DataFile:
    path.write_text(content)
    return read(str(path))


def columns(name: str = "date") -> dict[str, object]:
    opened, *values = (np.array(column) for column in zip(*ROWS, strict=True))
    names = ("open", "high", "low", "close", "volume")
    return {name: opened.astype("datetime64[s]").astype("datetime64[ns]")} | dict(zip(names, values, strict=True))


def sound(file: DataFile) -> bool:
    series = file.series
    return (series.instrument, series.timeframe, series.bars, file.findings) == ("BTC/USDT", "1m", BARS, [])


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9])
def test_a_csv_is_read_in_any_unit_of_time(tmp_path: Path, unit: int) -> None:
    assert sound(text(tmp_path / "BTCUSDT.csv", f"{HEADER}\n{lines(unit)}"))


@pytest.mark.parametrize(
    "header",
    ["Date,Open,High,Low,Close,Volume", "OPEN_TIME,O,H,L,C,V", "ts,open,high,low,close,vol", '"t","o","h","l","c","v"'],
)
def test_a_csv_is_read_under_the_usual_names_in_any_case(tmp_path: Path, header: str) -> None:
    assert sound(text(tmp_path / "BTCUSDT.csv", f"{header}\n{lines()}"))


@pytest.mark.parametrize("form", ["{:%Y-%m-%dT%H:%M:%SZ}", "{:%Y-%m-%d %H:%M:%S}", "{:%Y-%m-%dT%H:%M}+00:00"])
def test_a_csv_is_read_with_iso_times_that_are_utc_unless_they_say_otherwise(tmp_path: Path, form: str) -> None:
    rows = "".join(
        f"{form.format(datetime.fromtimestamp(row[0], UTC))},{','.join(map(repr, row[1:]))}\n" for row in ROWS
    )
    assert sound(text(tmp_path / "BTCUSDT.csv", f"{HEADER}\n{rows}"))


def test_a_csv_may_use_semicolons_and_start_with_a_byte_order_mark(tmp_path: Path) -> None:
    assert sound(text(tmp_path / "BTCUSDT.csv", "\ufeff" + f"{HEADER}\n{lines()}".replace(",", ";")))


def test_a_column_of_closing_times_is_taken_as_such(tmp_path: Path) -> None:
    for early in (0, 1):
        rows = "".join(f"{(row[0] + 60) * 1000 - early},{','.join(map(repr, row[1:]))}\n" for row in ROWS)
        assert sound(text(tmp_path / "BTCUSDT.csv", f"{HEADER.replace('time', 'close_time')}\n{rows}"))


def test_a_kraken_csv_has_no_header_and_seven_columns(tmp_path: Path) -> None:
    file = text(tmp_path / "XBTUSD_1.csv", lines(tail=",17"))
    assert (file.format, file.series.instrument, file.series.bars) == ("kraken csv", "BTC/USD", BARS)


@pytest.mark.parametrize("unit", [10**3, 10**6])
@pytest.mark.parametrize(
    "header", ["", "open_time,open,high,low,close,volume,close_time,quote_volume,count,buy,buy_quote,ignore\n"]
)
def test_a_binance_archive_has_twelve_columns_with_a_header_or_without(tmp_path: Path, unit: int, header: str) -> None:
    archive = tmp_path / "BTCUSDT-1m-2026-03.zip"
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr("BTCUSDT-1m-2026-03.csv", header + lines(unit, tail=f",{OPENS * unit},1.0,5,0.5,0.5,0"))
    assert sound(read(str(archive)))


def test_feather_and_parquet_are_read_with_stored_timestamps(tmp_path: Path) -> None:
    feather.write_feather(pa.table(columns()), tmp_path / "BTC_USDT-1m.feather")
    parquet.write_table(pa.table(columns("ts")), tmp_path / "BTC_USDT-1m.parquet")
    for file in map(read, map(str, sorted(tmp_path.iterdir()))):
        assert sound(file), file.format


def test_freqtrade_json_is_read_plain_and_compressed(tmp_path: Path) -> None:
    rows = json.dumps([[row[0] * 1000, *row[1:]] for row in ROWS]).encode()
    (tmp_path / "BTC_USDT-1m.json").write_bytes(rows)
    (tmp_path / "BTC_USDT-1m.json.gz").write_bytes(gzip.compress(rows))
    for file in map(read, map(str, sorted(tmp_path.iterdir()))):
        assert sound(file), file.path


def test_the_format_is_told_by_the_content_and_not_by_the_name(tmp_path: Path) -> None:
    stream = io.BytesIO()
    parquet.write_table(pa.table(columns()), stream)
    (tmp_path / "BTCUSDT.csv").write_bytes(stream.getvalue())
    assert sound(read(str(tmp_path / "BTCUSDT.csv")))


def test_tick_and_lot_are_inferred_and_stated(tmp_path: Path) -> None:
    file = text(tmp_path / "BTCUSDT.csv", f"{HEADER}\n{lines()}")
    rules = file.instrument
    assert (rules.base, rules.quote, rules.tick, rules.lot) == ("BTC", "USDT", Decimal("0.01"), Decimal("0.001"))
    assert (rules.as_of, rules.source) == ("2026-03-01", "inferred from BTCUSDT.csv")
    assert (rules.notional_min, read(f"{file.path}=ETH/BTC").instrument.notional_min) == (Decimal(5), Decimal(0))
    assert describe(file)[1] == "tick 0.01, lot 0.001, minimum notional 5: inferred from BTCUSDT.csv"


def test_decimals_past_the_eighth_are_rounded_and_counted(tmp_path: Path) -> None:
    content = f"{HEADER}\n{lines()}".replace("3.5\n", f"{0.1 + 0.2!r}\n")
    file = text(tmp_path / "BTCUSDT.csv", content)
    assert (file.rounded, file.series.volume_scale, file.series.bars[0].volume) == (1, 3, 300)
    assert "1 values rounded, no price by more than a billionth of itself" in describe(file)


def test_a_bar_of_a_file_that_closes_in_the_future_is_dropped(tmp_path: Path) -> None:
    hour = int(datetime.now(UTC).timestamp()) // 3_600 * 3_600
    rows = [f"{hour - 3_600 * back},100,101,99,100.5,10\n" for back in range(20, -2, -1)]
    file = text(tmp_path / "BTCUSDT.csv", f"{HEADER}\n{''.join(rows)}")
    assert file.series.through <= datetime.now(UTC).timestamp()
    assert file.findings[-1].text.startswith("2 forming: dropped (first ")


def test_a_bar_still_forming_is_dropped_when_the_time_is_given(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT.csv"
    path.write_text(f"{HEADER}\n{lines()}")
    file = read(str(path), now=OPENS + 179)
    assert file.series.bars == BARS[:2]
    assert [finding.text for finding in file.findings] == ["1 forming: dropped (first 2026-03-01 00:03)"]


def test_repairs_are_made_and_told(tmp_path: Path) -> None:
    shuffled = lines().splitlines(keepends=True)
    file = text(tmp_path / "BTCUSDT.csv", f"{HEADER}\n{shuffled[1]}{shuffled[0]}{shuffled[0]}{shuffled[2]}")
    assert file.series.bars == BARS
    repairs = ["2 out-of-order: sorted", "1 duplicate: dropped (first 2026-03-01 00:01, all the same)"]
    assert [finding.text for finding in file.findings] == repairs


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("BTCUSDT.csv", "BTC/USDT"),
        ("BTC_USDT-1m.feather", "BTC/USDT"),
        ("XBTUSD_1440.csv", "BTC/USD"),
        ("BTC-USD.parquet", "BTC/USD"),
        ("binance_BTCUSDT_1m_2025-05_2025-08.feather", "BTC/USDT"),
        ("binance_spot_BTC_USDT.csv", "BTC/USDT"),
        ("UNITTEST_BTC-1m.json", "UNITTEST/BTC"),
        ("LTCUSDT_1m_holes.parquet", "LTC/USDT"),
        ("WBTC_USDT.csv", "WBTC/USDT"),
        ("ETHBTC.csv", "ETH/BTC"),
        ("BTCFDUSD-1m-2026-03.zip", "BTC/FDUSD"),
        ("BTCTUSD.csv", "BTC/TUSD"),
        ("DOTUSD_60.csv", "DOT/USD"),
        ("BTCUSDT_usd.csv", "BTC/USDT"),
        ("ETHUSDT_volume_btc.csv", "ETH/USDT"),
    ],
)
def test_the_instrument_is_told_by_the_file_name(name: str, symbol: str) -> None:
    assert symbols.infer(Path(name)) == symbol


@pytest.mark.parametrize("name", ["bars.csv", "ABTUSD.csv"])
def test_a_name_that_tells_no_instrument_or_two_asks_for_it(name: str) -> None:
    with pytest.raises(BadInput, match=f"say which: {name}=BTC/USDT"):
        symbols.infer(Path(name))


@pytest.mark.parametrize(
    ("name", "spot"),
    [
        ("XRPUSD_PERP-1m-2026-03.zip", "XRP/USD"),
        ("BTCUSDT_PERP.csv", "BTC/USDT"),
        ("ETH_USDT_USDT-1h-futures.feather", "ETH/USDT"),
        ("BTC_USD_BTC-1m.csv", "BTC/USD"),
        ("BTC-PERPETUAL.csv", "BTC/USDT"),
        ("SOL-USDT-SWAP.csv", "SOL/USDT"),
        ("BTCUSD_260327-1h.zip", "BTC/USD"),
    ],
)
def test_a_name_of_a_contract_is_not_read_as_spot(name: str, spot: str) -> None:
    with pytest.raises(BadInput, match=f"only spot is traded; if it is spot, say so: {name}={spot}$"):
        symbols.infer(Path(name))


def test_an_argument_that_says_a_contract_is_refused_with_the_spot_one() -> None:
    with pytest.raises(BadInput, match=r"'BTC/USDT:USDT' is a contract.*x.csv=BTC/USDT"):
        symbols.locate("x.csv=BTC/USDT:USDT")
    assert symbols.locate("BTCUSDT_PERP.csv=BTC/USDT") == (Path("BTCUSDT_PERP.csv"), "BTC/USDT")


def test_weekly_bars_are_refused_by_the_name_of_their_file(tmp_path: Path) -> None:
    monday = 1_772_409_600
    rows = "".join(f"{monday + week * 604_800},1,1,1,1,1\n" for week in range(9))
    with pytest.raises(BadInput, match=r"BTCUSDT.csv.*Monday"):
        text(tmp_path / "BTCUSDT.csv", f"{HEADER}\n{rows}")


def test_the_argument_may_say_the_instrument() -> None:
    assert symbols.locate("a=b/bars.csv=SOL/USDT") == (Path("a=b/bars.csv"), "SOL/USDT")
    assert symbols.locate("a=b/bars.csv") == (Path("a=b/bars.csv"), "")
    with pytest.raises(BadInput, match=r"'sol/usdt' is no instrument; write bars.csv=BTC/USDT"):
        symbols.locate("bars.csv=sol/usdt")


decimals = st.decimals(min_value=0, max_value=10**6, places=8)


@given(st.lists(decimals, min_size=1))
def test_every_decimal_of_eight_places_comes_through_exactly(given_values: list[Decimal]) -> None:
    (units,), scale, rounded = scales.whole([np.array([float(value) for value in given_values])])
    assert [Decimal(unit).scaleb(-scale) for unit in units.tolist()] == given_values
    assert rounded == 0
    assert scale == 0 or any(unit % 10 for unit in units.tolist())
