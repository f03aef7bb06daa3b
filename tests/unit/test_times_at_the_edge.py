"""A time that has no day before or after it is refused where it is written, not where it is reckoned with."""

import pytest

from fanfold.cli.argument_types import read_day, read_moment


@pytest.mark.parametrize(
    "written", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999-12-31", "1899-12-31T23:59"]
)
def test_a_moment_beyond_the_calendar_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="is not a time from 1900 to 9998"):
        read_moment(written)


def test_moments_within_it_are_taken() -> None:
    assert (read_moment("1970-01-01"), read_moment("2026-01-03T00:10+01:00")) == (0, 1_767_395_400)


@pytest.mark.parametrize("written", ["9999-12-31", "2026-13-01"])
def test_a_day_has_one_after_it(written: str) -> None:
    with pytest.raises(ValueError, match="is not a date such as"):
        read_day(written)
    assert read_day("9999-12-30") == "9999-12-30"
