"""The findings of a check in rows, and the action for each."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from fanfold.market.bars import Bar
from fanfold.market.quality import Action, Checked, CheckedRow, DefectKind, check, per_second
from fanfold.market.sequence import unbroken

START = 1_700_000_040  # A whole minute.
JUMP_MAX = Decimal("0.25")


def row(minute: int, close: int = 100, volume: int = 5) -> CheckedRow:
    return CheckedRow(START + minute * 60, 100, max(100, close), min(100, close), close, volume)


def checked(*rows: CheckedRow, now: int | None = None, before: Bar | None = None) -> Checked:
    return check("BTC/USDT", "1m", rows, JUMP_MAX, now=now, before=before)


def counts(result: Checked) -> dict[str, int]:
    return {finding.defect: finding.count for finding in result.findings}


def test_sound_rows_become_bars_that_close_a_timeframe_after_they_open() -> None:
    result = checked(row(0), row(1))
    assert result.bars == [Bar(START + 60, 100, 100, 100, 100, 5), Bar(START + 120, 100, 100, 100, 100, 5)]
    assert result.findings == []


def test_missing_bars_are_counted_by_gap_and_none_is_invented() -> None:
    result = checked(row(0), row(2), row(6), row(7))
    gap = result.finding(DefectKind.GAP)
    assert gap is not None
    assert (gap.count, gap.places, gap.longest, gap.row, gap.at) == (4, 2, 3, 0, START + 60)
    assert gap.text == "4 bars missing in 2 gaps, the longest 3: reported"
    assert len(result.bars) == 4


def test_a_gap_after_the_bar_known_before_is_seen() -> None:
    known = Bar(START + 60, 100, 100, 100, 100, 5)
    gap = checked(row(3), before=known).finding(DefectKind.GAP)
    assert gap is not None
    assert (gap.count, gap.row) == (2, -1)
    assert checked(row(1), before=known).findings == []


def test_rows_that_overlap_the_bar_known_before_make_no_gap_and_no_jump() -> None:
    assert checked(row(0), row(1), before=Bar(START + 120, 500, 500, 500, 500, 5)).findings == []


def test_of_two_rows_of_one_time_the_later_one_counts() -> None:
    result = checked(row(0), row(1, volume=5), row(1, volume=9))
    assert counts(result) == {"duplicate": 1}
    assert [bar.volume for bar in result.bars] == [5, 9]


def test_rows_out_of_order_are_sorted() -> None:
    result = checked(row(2), row(0), row(1))
    assert counts(result) == {"out-of-order": 2}
    assert [bar.closes_at_s for bar in result.bars] == [START + 60, START + 120, START + 180]


def test_a_bar_that_cannot_be_is_dropped_and_named_by_its_row() -> None:
    impossible = [
        CheckedRow(START + 60, 100, 99, 90, 95, 1),
        CheckedRow(START + 60, 100, 110, 96, 95, 1),
        CheckedRow(START + 60, 0, 110, 0, 95, 1),
        CheckedRow(START + 60, 100, 110, 90, 95, -1),
        CheckedRow(START + 60, 100, 110, 90, 111, 1),
    ]
    for wrong_row in impossible:
        result = checked(row(0), wrong_row, row(2))
        assert counts(result) == {"impossible": 1, "gap": 1}, wrong_row
        assert result.findings[0].row == 1
        assert result.findings[0].action is Action.DROPPED


def test_a_silent_bar_is_kept_and_reported() -> None:
    result = checked(row(0), row(1, volume=0))
    assert counts(result) == {"zero-volume": 1}
    assert len(result.bars) == 2


def test_a_move_of_more_than_the_limit_is_reported_and_one_of_just_the_limit_is_not() -> None:
    assert counts(checked(row(0), row(1, close=125))) == {}
    assert counts(checked(row(0), row(1, close=126))) == {"jump": 1}
    assert counts(checked(row(0), row(1, close=74))) == {"jump": 1}


def test_rows_in_another_unit_of_time_than_the_first_are_converted() -> None:
    seconds, milliseconds = row(0), row(1)._replace(opens_at=(START + 60) * 1000)
    result = checked(seconds, milliseconds)
    assert counts(result) == {"time-unit": 1}
    assert [bar.closes_at_s for bar in result.bars] == [START + 60, START + 120]


def test_a_bar_off_the_grid_of_its_timeframe_is_dropped_even_by_a_millisecond() -> None:
    assert counts(checked(row(0), row(1)._replace(opens_at=START + 61))) == {"misaligned": 1}
    late = row(0)._replace(opens_at=START * 1000 + 17)
    assert counts(checked(late)) == {"misaligned": 1}


def test_a_bar_that_has_not_closed_is_dropped() -> None:
    result = checked(row(0), row(1), now=START + 119)
    assert counts(result) == {"forming": 1}


@given(st.integers(min_value=10**8, max_value=10**10), st.sampled_from([1, 10**3, 10**6, 10**9]))
def test_the_unit_of_a_time_is_told_by_its_size(seconds: int, unit: int) -> None:
    assert per_second(seconds * unit) == unit


rows = st.builds(row, st.integers(0, 30), close=st.integers(50, 150), volume=st.integers(0, 3))


@given(st.lists(rows))
def test_bars_come_out_in_order_once_and_each_out_of_a_row(given_rows: list[CheckedRow]) -> None:
    bars = checked(*given_rows).bars
    times = [bar.closes_at_s for bar in bars]
    assert times == sorted(set(times))
    assert {bar.closes_at_s for bar in bars} == {source.opens_at + 60 for source in given_rows}
    assert {bar[1:] for bar in bars} <= {source[1:] for source in given_rows}


@given(st.lists(rows))
def test_a_second_check_of_what_a_check_left_finds_nothing_more_to_repair(given_rows: list[CheckedRow]) -> None:
    first = checked(*given_rows)
    second = checked(*[CheckedRow(bar.closes_at_s - 60, *bar[1:]) for bar in first.bars])
    assert second.bars == first.bars
    assert {finding.action for finding in second.findings} <= {Action.REPORTED}


@given(
    st.lists(st.tuples(st.sampled_from([0, 60, 60, 60, 120, 30]), st.integers(-1, 130), st.integers(0, 9)), max_size=6),
    st.sampled_from([0, 7]),
)
def test_bars_that_are_unbroken_are_all_kept_with_nothing_found(steps: list[tuple[int, int, int]], off: int) -> None:
    bars, closes_at_s = [], 1_767_225_600 + off
    for step, close, volume in steps:
        closes_at_s += step
        bars.append(Bar(closes_at_s, close, close + 1, max(close - 1, 0), close, volume))
    jump_max = Decimal("0.2")
    result = check("BTC/USDT", "1m", [CheckedRow(bar.closes_at_s - 60, *bar[1:]) for bar in bars], jump_max)
    wrong = [finding for finding in result.findings if finding.defect is not DefectKind.ZERO_VOLUME]
    assert unbroken(bars, 60, jump_max) == (result.bars == bars and not wrong)
