"""The checks of whole columns against those of rows, and what a recording gives back of its bars."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import feather, parquet

from fanfold.importers import checking, data_files
from fanfold.market import quality
from fanfold.market.bars import Bar, Series
from fanfold.market.quality import CheckedRow
from fanfold.market.recording import Recording

START = 1_700_000_040  # A whole minute.
REAL = Path(__file__).resolve().parents[3] / "shared" / "data"

# Close to each other, so that rows repeat, go back, and jump at the edge of a quarter.
prices = st.integers(-1, 9)
opens = st.builds(
    lambda minute, second, units: (START + minute * 60 + second) * units,
    st.integers(0, 12),
    st.sampled_from([0, 0, 0, 0, 0, 17]),
    st.sampled_from([1, 1, 1, 1_000, 10**6, 10**9]),
)
rows = st.lists(
    st.builds(CheckedRow, opens, prices, prices, prices, prices, st.integers(-1, 2)), min_size=1, max_size=20
)
shares = st.sampled_from([Decimal("0.25"), Decimal("0.1"), Decimal("0.5"), Decimal(1)])


@given(rows, shares, st.integers(START, START + 12 * 60))
def test_whole_columns_are_checked_as_rows_are(checked: list[CheckedRow], jump_max: Decimal, now: int) -> None:
    by_rows = quality.check("BTC/USDT", "1m", checked, jump_max, now=now)
    times, *figures = np.array(checked, dtype=np.int64).T
    by_columns = checking.check(times, figures, 60, jump_max, now)
    assert [Bar(*map(int, row)) for row in by_columns.bars] == by_rows.bars
    assert [entry.finding for entry in by_columns.findings] == by_rows.findings


sound = st.builds(
    lambda first, high: (first, first + high, first, first + high), st.integers(1, 9), st.integers(0, 9)
).map(lambda prices: (*prices, 5))


@given(st.lists(st.tuples(st.integers(0, 12), sound), min_size=1, max_size=20), shares)
def test_sound_bars_are_checked_as_rows_are(minutes: list[tuple[int, tuple[int, ...]]], jump_max: Decimal) -> None:
    checked = [CheckedRow(START + minute * 60, *figures) for minute, figures in minutes]
    by_rows = quality.check("BTC/USDT", "1m", checked, jump_max, now=START + 20 * 60)
    times, *columns = np.array(checked, dtype=np.int64).T
    by_columns = checking.check(times, columns, 60, jump_max, START + 20 * 60)
    assert [Bar(*map(int, row)) for row in by_columns.bars] == by_rows.bars
    assert [entry.finding for entry in by_columns.findings] == by_rows.findings


@given(st.sets(st.integers(1, 40), min_size=1), st.integers(-1, 42), st.integers(-1, 42))
def test_a_recording_gives_the_bars_after_one_time_and_up_to_another(minutes: set[int], since: int, until: int) -> None:
    bars = [Bar(START + minute * 60, 5, 6, 4, 5, 7) for minute in sorted(minutes)]
    series = Series(instrument="BTC/USDT", timeframe="1m", price_scale=2, volume_scale=3, after=9, bars=bars)
    recording = Recording.of(series)
    assert (recording.count, list(recording.bars())) == (len(bars), bars)
    assert recording.series(0, 2**62) == series
    after, end = START + since * 60, START + until * 60
    part = recording.series(after, end)
    assert part.bars == [bar for bar in bars if after < bar.closes_at_s <= end]
    earlier = [bar.closes_at_s for bar in bars if bar.closes_at_s <= after]
    assert part.after == (earlier[-1] if earlier else 9)


@pytest.mark.parametrize("ending", ["feather", "parquet"])
def test_real_files_hold_what_arrow_reads_of_them(ending: str) -> None:
    files = sorted(REAL.glob(f"candles_*/*.{ending}"))
    if not files:
        pytest.skip("the recorded files are not at hand")
    for path in files:
        table = (feather.read_table if ending == "feather" else parquet.read_table)(path)
        file = data_files.read(f"{path}=BTC/USDT")
        recording = file.recording
        own = np.frombuffer(recording.records, dtype=np.int64).reshape(-1, len(Bar._fields))
        # What was rounded is said, and is a float's own noise.
        allowed = 1e-9 if file.rounded else 0.0
        for place, name in enumerate(("open", "high", "low", "close"), 1):
            kept = own[:, place] / 10.0**recording.price_scale
            assert np.allclose(kept, table[name].to_numpy(), rtol=allowed, atol=0.0), path
