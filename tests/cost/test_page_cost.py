"""The bill of the page: its polls by the page's own pace, and the units that each read takes."""

import re
from decimal import Decimal

from page_reads import measured

from fanfold.cli import cost_files
from fanfold.cost import page
from fanfold.cost.bill import priced
from support.packaged_stages import ROOT

READINGS = (ROOT / "shared" / "web" / "desk" / "readings.js").read_text()


def test_the_recorded_reads_are_what_the_api_takes_now():
    assert cost_files.page_reads() == measured(), "run tests/cost/record.py page, then make documents"


def test_a_reader_of_two_hours_a_day_stays_below_half_a_dollar():
    assert priced(page.page_usage(cost_files.page_reads())).listed <= Decimal("0.50")


def test_the_pace_is_that_of_the_page():
    constants = dict(re.findall(r"const (\w+_MS) = (\d+);", READINGS))
    assert (int(constants["SOON_MS"]), int(constants["UNCHANGED_MS"])) == (page.FIRST_S * 1_000, page.LAST_S * 1_000)
    assert f"this.delay * {page.GROWTH}" in READINGS
    for path, seconds in page.PACES.items():
        assert f'"{path}": {seconds * 1_000}' in READINGS


def test_a_path_that_changes_each_minute_is_asked_for_by_hand_counted_polls():
    # 2, 3, 4.5, 6.75, 10.125, 15, 15, 15: 71.375 s.
    assert page.polls_a_minute("/status") == 8
    assert page.polls_a_minute("/refusals") == 1
