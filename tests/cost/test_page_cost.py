"""The bill of the page: its requests as its views make them, and the units that each takes."""

from decimal import Decimal

import page_reads
import page_requests
import pytest

from fanfold.cli import cost_files
from fanfold.cost import page
from fanfold.cost.bill import priced
from fanfold.cost.page import PageUse, PathUse, Polls, ReadUse
from fanfold.cost.scenarios import PROFILES
from support.browser import browser

__all__ = ["browser"]
# Of the 0.50 $ that alerts, chat and page may cost one person a month.
CEILING = Decimal("0.20")
MENDED = "run tests/cost/record.py page, then make documents"


def test_the_recorded_requests_are_what_the_page_makes_now(browser):
    recorded, now = cost_files.page_use().profiles["full"], page_requests.counted(browser, "full")
    assert {view: polls.keys() for view, polls in recorded.items()} == {
        view: polls.keys() for view, polls in now.items()
    }, MENDED
    for view, polls in now.items():
        for path, count in polls.items():
            known = recorded[view][path]
            # An answer that takes a moment longer moves one poll over the end of the time that is counted.
            assert (known.changed, abs(known.unchanged - count.unchanged) <= 1) == (count.changed, True), MENDED


def test_the_recorded_reads_are_what_the_api_takes_now():
    assert cost_files.page_use().paths == page_reads.measured(), MENDED


def test_every_view_has_a_share_of_the_time_and_every_path_its_reads():
    use = cost_files.page_use()
    for views in use.profiles.values():
        assert (set(views), sum(page.VIEWS.values())) == (set(page.VIEWS), 100)
        assert {path for polls in views.values() for path in polls} == set(use.paths)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_reader_of_two_hours_a_day_stays_below_the_ceiling(profile):
    assert priced(page.page_usage(cost_files.page_use(), profile)).listed <= CEILING


def test_what_is_unchanged_costs_next_to_no_read():
    paths = cost_files.page_use().paths
    assert {path: read.unchanged.units["dynamodb-read"] for path, read in paths.items() if path in RECORDED} == {
        "/status": 1, "/orders": 1, "/trades": 1, "/refusals": 1, "/bars": 3, "/equity": 4,
    }  # fmt: skip


def test_only_the_status_is_polled_of_what_is_recorded():
    for view, polls in cost_files.page_use().profiles["lean"].items():
        assert {path for path, counts in polls.items() if path in RECORDED and counts.unchanged} == {"/status"}, view


RECORDED = {"/status", "/orders", "/trades", "/refusals", "/bars", "/equity"}


def test_a_month_of_one_view_by_hand():
    read = ReadUse({"dynamodb Query": Decimal(1)}, {"dynamodb-read": Decimal(3)}, body_bytes=200)
    still = ReadUse({"dynamodb Query": Decimal(1)}, {"dynamodb-read": Decimal(1)}, body_bytes=0)
    paths = {"/orders": PathUse(read, read, still)}
    views = {view: {} for view in page.VIEWS} | {"orders": {"/orders": Polls(changed=2, unchanged=10)}}
    quantities = page.page_usage(PageUse(30, {"lean": views}, paths), "lean", hours_a_day=1)
    # Six minutes a day: 0.4 changed and 2 unchanged ones; and four visits.
    changed, unchanged, visits = 12, 60, 120
    assert quantities["http-request"] == changed + unchanged + visits
    assert quantities["cdn-request"] == changed + unchanged + visits * (1 + page.FILES)
    assert quantities["dynamodb-read"] == 3 * (changed + visits) + unchanged
    # A query takes 5 ms, the runtime 2, and the work of both what the part of a core takes that the memory has.
    for memory_mb in (512, 256):
        taken = 5 + 2 + (Decimal("0.15") + Decimal("0.2")) * (Decimal(1_769) / memory_mb)
        assert page.duration_ms(read, memory_mb) == taken


def test_memory_and_functions_are_those_of_the_stacks():
    functions = cost_files.recorded_stacks("full").functions
    assert functions["audit/api"].memory_mb == page.API_MB
    assert {functions[name].memory_mb for name in ("risk/api_limits", "audit/api_system")} == {page.OTHER_MB}
    answering = [functions[name] for name in ("audit/api", "risk/api_limits", "audit/api_system")]
    assert not any(function.traced or function.platform_lines for function in answering)
