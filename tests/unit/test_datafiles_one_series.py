"""A file is one series with all its digits: two instruments, two timeframes and lost digits are refused."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.errors import BadInput
from fanfold.importers import one_series, scales
from fanfold.importers.data_files import describe, read

OPENS = 1_772_323_200  # 2026-03-01 00:00 UTC
HEADER = "time,open,high,low,close,volume"
MINUTE, FIVE = 60, 300


def bar(opens: int, price: str = "100", volume: str = "5.5") -> str:
    return f"{opens},{price},{price},{price},{price},{volume}"


def file(path: Path, rows: list[str], header: str = HEADER) -> str:
    path.write_text("\n".join([header, *rows]) + "\n")
    return str(path)


@pytest.mark.parametrize("column", ["symbol", "Ticker", "pair", "instId"])
@pytest.mark.parametrize("order", ["in turn", "one after the other"])
def test_a_column_that_names_two_instruments_refuses_the_file(tmp_path: Path, column: str, order: str) -> None:
    times = range(OPENS, OPENS + 20 * MINUTE, MINUTE)
    first = [f"BTCUSDT,{bar(at, '67000')}" for at in times]
    second = [f"ETHUSDT,{bar(at, '3350')}" for at in times]
    rows = [row for pair in zip(first, second, strict=True) for row in pair] if order == "in turn" else first + second
    named = rf"column {column} names 2 instruments \(BTCUSDT, ETHUSDT\); make a file of each"
    with pytest.raises(BadInput, match=named):
        read(file(tmp_path / "BTCUSDT.csv", rows, f"{column},{HEADER}"))


def test_a_column_that_names_another_instrument_than_the_file_asks_which_it_is(tmp_path: Path) -> None:
    rows = [f"ETHUSDT,{bar(OPENS + n * MINUTE)}" for n in range(5)]
    path = file(tmp_path / "BTCUSDT.csv", rows, f"symbol,{HEADER}")
    with pytest.raises(BadInput, match="its name tells BTC/USDT, its column symbol ETH/USDT; say which"):
        read(path)
    assert read(f"{path}=ETH/USDT").series.instrument == "ETH/USDT"
    assert read(file(tmp_path / "ETHUSDT.csv", rows, f"symbol,{HEADER}")).series.instrument == "ETH/USDT"


def test_a_column_whose_name_tells_nothing_is_left_alone(tmp_path: Path) -> None:
    rows = [f"Bitcoin,{bar(OPENS + n * MINUTE)}" for n in range(5)]
    assert read(file(tmp_path / "BTCUSDT.csv", rows, f"symbol,{HEADER}")).series.instrument == "BTC/USDT"


@pytest.mark.parametrize("rows", [4, 100])
def test_more_than_a_few_times_with_two_bars_that_differ_refuse_the_file(tmp_path: Path, rows: int) -> None:
    lines = [bar(OPENS + n * MINUTE, price) for n in range(rows) for price in ("67000", "3350")]
    with pytest.raises(
        BadInput,
        match=(
            rf"row 3, column time: {rows} times have two bars that differ "
            r"\(first closes 67000.0 and 3350.0\): two instrum"
        ),
    ):
        read(file(tmp_path / "BTCUSDT.csv", lines))


@pytest.mark.parametrize("prices", [("100", "101"), ("100", "100")])
def test_a_few_bars_that_differ_and_any_that_are_the_same_are_dropped(tmp_path: Path, prices: tuple[str, str]) -> None:
    twice = 3 if prices[0] != prices[1] else 50
    lines = [bar(OPENS + n * MINUTE, prices[0]) for n in range(60)]
    lines += [bar(OPENS + n * MINUTE, prices[1]) for n in range(twice)]
    data_file = read(file(tmp_path / "BTCUSDT.csv", lines))
    assert len(data_file.series.bars) == 60
    where = (
        "3 differ, the first 2026-03-01 00:01; the later row counts"
        if twice == 3
        else "first 2026-03-01 00:01, all the same"
    )
    assert f"{twice} duplicate: dropped ({where})" in describe(data_file)


@pytest.mark.parametrize(("minutes", "fives"), [(60, 12), (60, 6), (11, 11), (200, 6), (30, 40)])
@pytest.mark.parametrize("first", [MINUTE, FIVE])
def test_bars_of_two_lengths_refuse_the_file(tmp_path: Path, minutes: int, fives: int, first: int) -> None:
    short = range(0, minutes * MINUTE, MINUTE)
    start = -(-minutes * MINUTE // FIVE) * FIVE
    long = range(start, start + fives * FIVE, FIVE)
    if first == FIVE:
        long = range(0, fives * FIVE, FIVE)
        short = range(fives * FIVE, fives * FIVE + minutes * MINUTE, MINUTE)
    lines = [bar(OPENS + at) for at in sorted({*short, *long})]
    with pytest.raises(BadInput, match=r"mixed timeframes|off the .* grid"):
        read(file(tmp_path / "BTCUSDT.csv", lines))


@given(st.integers(0, 2**32))
def test_holes_that_fall_as_they_like_are_no_second_timeframe(seed: int) -> None:
    dice = np.random.default_rng(seed)
    kept = np.flatnonzero(dice.random(2_000) < dice.uniform(0.6, 1)) * MINUTE + OPENS
    one_series.refuse_timeframes(Path("BTCUSDT.csv"), kept, MINUTE)


@pytest.mark.parametrize(
    ("price", "places"), [("0.000000014740", 11), ("0.00000000015", 11), ("1.34e-9", 11), ("0.123456789012", 12)]
)
def test_prices_keep_their_digits(tmp_path: Path, price: str, places: int) -> None:
    data_file = read(file(tmp_path / "SATSUSDT.csv", [bar(OPENS + n * MINUTE, price) for n in range(3)]))
    assert data_file.series.price(data_file.series.bars[0].close) == Decimal(price)
    assert data_file.series.price_scale == places
    assert data_file.instrument.tick == Decimal(1).scaleb(-places)
    assert data_file.rounded == 0


def test_prices_that_need_more_digits_than_can_be_kept_are_refused_with_the_error(tmp_path: Path) -> None:
    lines = [bar(OPENS, "1.5e-10"), bar(OPENS + MINUTE, "999999"), bar(OPENS + 2 * MINUTE, "1.5e-10")]
    with pytest.raises(
        BadInput,
        match=(
            r"column open, high, low, close: values from 1.5e-10 to 999999 need more than the 9 decimals "
            r"that can be kept beside each other; a value would be 1 of itself off"
        ),
    ):
        read(file(tmp_path / "SHIBBTC.csv", lines))


@given(st.lists(st.decimals(min_value=Decimal("1e-12"), max_value=Decimal("1e-9"), places=15), min_size=1))
def test_every_digit_of_a_tiny_price_comes_through(values: list[Decimal]) -> None:
    (units,), scale, rounded = scales.whole([np.array([float(value) for value in values])])
    assert [Decimal(unit).scaleb(-scale) for unit in units.tolist()] == values
    assert rounded == 0


@pytest.mark.parametrize(
    ("name", "price", "lot"),
    [
        ("BTC-USD", "66500", "0.00001"),
        ("ETHUSDT", "3350", "0.0001"),
        ("XRPUSDT", "0.52", "1"),
        ("SATSUSDT", "1e-8", "1"),
        ("ETHBTC", "0.05", "0.001"),
    ],
)
def test_whole_volumes_tell_no_lot_and_a_small_one_is_assumed(tmp_path: Path, name: str, price: str, lot: str) -> None:
    data_file = read(file(tmp_path / f"{name}.csv", [bar(OPENS + n * MINUTE, price, "3100650000") for n in range(3)]))
    assert data_file.instrument.lot == Decimal(lot)
    assert "the lot assumed: its volumes are whole numbers" in describe(data_file)[1]


def test_a_file_without_any_volume_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="every volume is 0: orders fill against volume"):
        read(file(tmp_path / "BTCUSDT.csv", [bar(OPENS + n * MINUTE, volume="0") for n in range(3)]))
