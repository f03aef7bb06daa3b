"""Windows: what strategies look back on is the past itself, whatever was cut, and common times of a group."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.strategy.solo_window import SoloWindow
from fanfold.strategy.window import Window
from support.core_desk import A, B, series, walk


@pytest.mark.parametrize("kind", [Window, SoloWindow])
@given(lookback=st.integers(1, 30), count=st.integers(1, 300))
def test_the_close_of_n_bars_ago_is_where_it_belongs_however_long_it_runs(
    kind: type[Window | SoloWindow], lookback: int, count: int
) -> None:
    whole, window = walk(1, A, count), kind((A,), "1m", lookback)
    for now, bar in enumerate(whole):
        window.offer(0, series(A, []), [bar])
        assert window.advance()
        view = window.bars()
        padded = [whole[max(0, now - n)].close / 100 for n in range(lookback + 1)]
        assert [view.close[view.now - n] for n in range(lookback + 1)] == padded
        assert view.time[view.now] == bar.closes_at_s
        assert len(view.close) == view.now + 1 <= 4 * lookback + 66


@given(st.sets(st.integers(1, 20)), st.sets(st.integers(1, 20)), st.randoms(use_true_random=False))
def test_a_group_takes_the_times_that_all_have_whoever_comes_first(
    no_a: set[int], no_b: set[int], random: Random
) -> None:
    of = {0: walk(1, A, 20, missing=frozenset(no_a)), 1: walk(1, B, 20, missing=frozenset(no_b))}
    common = sorted({bar.closes_at_s for bar in of[0]} & {bar.closes_at_s for bar in of[1]})
    window, taken, left = Window((A, B), "1m", 3), [], dict(of)
    while left[0] or left[1]:
        member = random.choice([place for place in (0, 1) if left[place]])
        window.offer(member, series((A, B)[member], []), left[member][:1])
        left[member] = left[member][1:]
        while window.advance():
            taken.append(window.closes_at_s)
            seen = window.universe(0, 3)
            assert [seen.close[place][seen.now] for place in (0, 1)] == [
                next(bar.close / 100 for bar in of[place] if bar.closes_at_s == window.closes_at_s) for place in (0, 1)
            ]
    assert taken == common


def test_a_group_waits_for_the_one_that_has_no_bar_yet_and_steps_over_a_time_that_one_of_them_lacks() -> None:
    a, b = walk(1, A, 4), walk(1, B, 4, missing=frozenset({2}))
    window = Window((A, B), "1m", 1)
    window.offer(0, series(A, []), a)
    assert not window.advance()
    window.offer(1, series(B, []), b[:1])
    assert window.advance()
    assert not window.advance()
    window.offer(1, series(B, []), b[1:])
    assert window.advance()
    assert window.closes_at_s == a[2].closes_at_s


@given(st.sets(st.integers(1, 40)), st.sets(st.integers(1, 40)), st.integers(1, 8), st.integers(0, 40))
def test_a_window_that_is_filled_at_once_is_the_one_that_advanced_bar_by_bar(
    no_a: set[int], no_b: set[int], lookback: int, later: int
) -> None:
    """Bars after the last common time wait in both windows, and the next bars meet the same columns."""
    of = [walk(1, A, 40, missing=frozenset(no_a)), walk(1, B, 40, missing=frozenset(no_b))]
    alone, both = ((A,), of[:1]), ((A, B), of)
    for kind, other_kind, (names, whole) in (
        (Window, Window, alone),
        (SoloWindow, SoloWindow, alone),
        (SoloWindow, Window, alone),
        (Window, Window, both),
    ):
        filled, other = kind(names, "1m", lookback), other_kind(names, "1m", lookback)
        for member, bars in enumerate(whole):
            for window in (filled, other):
                window.offer(member, series(names[member], []), bars[:later])
        filled.fill()
        while other.advance():
            pass
        for member, bars in enumerate(whole):
            for window in (filled, other):
                window.offer(member, series(names[member], []), bars[later:])
        assert (filled.closes_at_s, filled.count) == (other.closes_at_s, other.count)
        while other.advance():
            assert filled.advance()
            assert (filled.closes_at_s, filled.count) == (other.closes_at_s, other.count)
            assert seen(filled, lookback) == seen(other, lookback)
        assert not filled.advance()


def seen(window: Window | SoloWindow, lookback: int) -> list[list[float]]:
    """The columns that a step may read."""
    view = window.bars()
    columns = [view.time, *view[2:]]
    if isinstance(window, Window):
        others = window.universe(0, 3)
        assert others is not None
        columns += [column for field in others[5:] for column in field[1:]]
    return [list(column[view.now - lookback : view.now + 1]) for column in columns]
