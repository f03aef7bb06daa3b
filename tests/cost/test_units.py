"""The units that AWS bills for sizes, times and schedules, held against arithmetic done by hand."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.cost import units
from fanfold.cost.prices import PRICES
from fanfold.errors import BadInput

SIZES = st.integers(0, 10_000_000)


@pytest.mark.parametrize(("size", "billed"), [(0, 1), (1, 1), (65_536, 1), (65_537, 2), (131_072, 2), (262_144, 4)])
def test_messages_are_billed_by_64_kb(size, billed):
    assert units.chunks(size) == billed


@pytest.mark.parametrize(("size", "billed"), [(0, 1), (1_024, 1), (1_025, 2), (409_600, 400)])
def test_a_write_is_billed_by_the_kilobyte_and_twice_in_a_transaction(size, billed):
    assert units.write_units(size) == billed
    assert units.write_units(size, transactional=True) == 2 * billed


@pytest.mark.parametrize(("size", "billed"), [(0, 1), (4_096, 1), (4_097, 2), (40_960, 10)])
def test_a_read_is_billed_by_four_kilobytes_by_half_or_twice(size, billed):
    assert units.read_units(size) == billed
    assert units.read_units(size, consistent=False) == Decimal(billed) / 2
    assert units.read_units(size, transactional=True) == 2 * billed


def test_gb_seconds_are_memory_times_whole_milliseconds():
    # 256 MB = 1/4 GB; 100 ms = 1/10 s; 1/4 * 1/10 = 0.025. A tenth of a millisecond more is a whole one more.
    assert units.gb_seconds(256, Decimal(100)) == Decimal("0.025")
    assert units.gb_seconds(256, Decimal("100.1")) == Decimal("0.02525")


def test_a_month_of_two_idle_pollers_costs_thirteen_cents():
    # 2 pollers, a poll each 20 s: 2 * 30 * 86,400 / 20 = 259,200 requests; at 0.50 $ a million 0.1296 $.
    assert units.long_polls(2, 30) == 259_200
    assert PRICES["sqs-idle"].listed(Decimal(259_200)) == Decimal("0.1296")


@pytest.mark.parametrize(
    ("item", "size"),
    [
        ({}, 0),
        ({"pk": {"S": "ab"}}, 2 + 2),
        ({"é": {"S": "é"}}, 2 + 2),
        # Five digits are three bytes and one; a sign is one more; zeros at either end are none.
        ({"n": {"N": "12345"}}, 1 + 4),
        ({"n": {"N": "-12345"}}, 1 + 5),
        ({"n": {"N": "100000"}}, 1 + 2),
        ({"n": {"N": "0.0012"}}, 1 + 2),
        ({"b": {"B": b"123"}}, 1 + 3),
        ({"t": {"BOOL": True}, "u": {"NULL": True}}, 2 + 2),
        # A list is 3 and 1 an element; a map 3, 1 an entry, and its names.
        ({"l": {"L": [{"S": "ab"}, {"N": "1"}]}}, 1 + 3 + (2 + 1) + (2 + 1)),
        ({"m": {"M": {"ab": {"S": "c"}}}}, 1 + 3 + (2 + 1 + 1)),
        ({"s": {"SS": ["ab", "c"]}, "m": {"NS": ["1"]}}, 1 + 3 + 1 + 2),
    ],
)
def test_an_item_is_as_large_as_its_names_and_values(item, size):
    assert units.item_bytes(item) == size


@pytest.mark.parametrize(
    ("expression", "runs"),
    [
        ("rate(1 minute)", 43_200),
        ("rate(15 minutes)", 2_880),
        ("rate(1 hour)", 720),
        ("rate(1 day)", 30),
        ("cron(20 0 * * ? *)", 30),
        ("cron(0/15 * * * ? *)", 2_880),
        ("cron(0,30 8-17 * * ? *)", 600),
    ],
)
def test_a_schedule_fires_so_often_in_thirty_days(expression, runs):
    assert units.runs_a_month(expression) == runs


def test_a_schedule_of_an_unknown_form_is_rejected():
    with pytest.raises(BadInput, match="fortnightly"):
        units.runs_a_month("fortnightly")


def test_a_size_below_zero_is_refused():
    with pytest.raises(BadInput):
        units.chunks(-1)


@given(SIZES, SIZES)
def test_more_bytes_never_cost_less(first, second):
    small, large = sorted((first, second))
    assert units.chunks(small) <= units.chunks(large)
    assert units.write_units(small) <= units.write_units(large)
    assert units.read_units(small) <= units.read_units(large)


@given(SIZES, SIZES)
def test_one_message_never_costs_more_than_two_that_hold_the_same(first, second):
    assert units.chunks(first + second) <= units.chunks(first) + units.chunks(second)


@given(st.sampled_from(sorted(PRICES)), st.decimals(0, 10**9, places=2), st.decimals(0, 10**9, places=2))
def test_more_of_anything_never_costs_less_and_free_is_never_dearer(item, first, second):
    price, (few, many) = PRICES[item], sorted((first, second))
    assert price.listed(few) <= price.listed(many)
    assert 0 <= price.after_free(few) <= price.after_free(many) <= price.listed(many)


def test_the_free_tier_is_subtracted_only_up_to_its_limit():
    # 1,000,000 requests of Lambda are free; one more costs 0.20 $ / 1,000,000.
    price = PRICES["lambda-request"]
    assert price.after_free(Decimal(1_000_000)) == 0
    assert price.after_free(Decimal(1_000_001)) == Decimal("0.0000002")
    # A million requests of 100 ms at 128 MB: 12,500 GB-s * 0.0000133334 $ + 0.20 $ = 0.3666675 $.
    seconds = 1_000_000 * units.gb_seconds(128, Decimal(100))
    assert PRICES["lambda-gb-second"].listed(seconds) + price.listed(Decimal(1_000_000)) == Decimal("0.3666675")
