"""Times of bars against one another, as sets and searches in plain Python have them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fanfold.research.sorted_times import rows_of, span_of, union_of

# Series with holes, and runs without.
HOLES = st.lists(st.integers(0, 40), unique=True, max_size=30).map(sorted)
RUNS = st.tuples(st.integers(0, 40), st.integers(0, 20)).map(lambda run: list(range(run[0], run[0] + run[1])))
SERIES = (HOLES | RUNS).map(lambda times: np.array(times, np.int64))


@given(st.lists(SERIES, min_size=1, max_size=4))
def test_the_union_has_each_time_once_in_order(series: list[np.ndarray]) -> None:
    assert union_of(series).tolist() == sorted({time for own in series for time in own.tolist()})


@given(SERIES, SERIES)
def test_a_time_has_the_row_at_which_the_series_has_it(times: np.ndarray, within: np.ndarray) -> None:
    places = {time: row for row, time in enumerate(within.tolist())}
    assert rows_of(times, within).tolist() == [places.get(time, -1) for time in times.tolist()]


@given(SERIES)
def test_a_span_picks_the_rows_it_was_made_of(rows: np.ndarray) -> None:
    table = np.arange(100)
    picked = span_of(rows)
    assert table[picked].tolist() == rows.tolist()
    assert isinstance(picked, slice) == (rows.size > 0 and rows.tolist() == list(range(rows[0], rows[-1] + 1)))
