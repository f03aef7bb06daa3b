"""The frame of the desk's page in a browser: the header in every state, halting, and what it asks of the API."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest

from fanfold.api.control_schemas import HaltAnswer, LeftAccount, ResumeAnswer
from fanfold.api.problems import Problem
from fanfold.api.schemas import Status
from fanfold.messages import TradingState
from support.browser import Opened
from support.canned_desk import NOW, CannedDesk, account


@pytest.fixture
def desk() -> CannedDesk:
    return CannedDesk()


@pytest.fixture
def url(desk: CannedDesk) -> Iterator[str]:
    with desk.served() as address:
        yield address


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_frame_is_drawn_without_a_complaint_or_a_barrier(opened, url, width, scheme):
    desk = opened(url, width=width, scheme=scheme)
    desk.page.get_by_role("heading", name="main").wait_for()
    assert desk.page.title() == "Desk · Fanfold"
    assert (desk.barriers(), desk.complaints, desk.sideways()) == ([], [], 0)


def test_an_order_of_unknown_outcome_is_in_sight(opened, desk, url):
    desk.responses["/status"] = Status(accounts=[account(unknown_orders=2), account("spare", unknown_orders=1)])
    opened(url).page.get_by_role("link", name="3 UNKNOWN orders").wait_for()


def test_data_older_than_two_bars_is_told_with_what_to_do(opened, desk, url):
    desk.clock = NOW + timedelta(minutes=3)
    page = opened(url).page
    page.get_by_text("The data of main is 3 min old").wait_for()
    assert "fanfold status" in page.locator(".notice.stale").inner_text()


def test_a_desk_that_fails_is_told_and_read_again(opened, desk, url):
    desk.responses["/status"] = Problem(503, "unavailable", "the table is being moved")
    shown = opened(url)
    page = shown.page
    page.get_by_role("alert").get_by_text("the table is being moved").wait_for()
    desk.responses["/status"] = Status(accounts=[account()])
    shown.read_again()
    page.get_by_role("heading", name="main").wait_for()
    assert page.get_by_role("alert").count() == 0


def test_what_is_unchanged_is_answered_without_a_body(opened, desk, url):
    shown = opened(url)
    shown.page.get_by_role("heading", name="main").wait_for()
    with shown.page.expect_response(lambda response: response.url.endswith("/status") and response.status == 304):
        shown.read_again()
    assert [status for path, status in desk.reads if path == "/status"][:2] == [200, 304]
    assert shown.complaints == []


def test_a_halt_takes_one_step_and_its_confirmation(opened, desk, url):
    desk.responses["POST /halt"] = HaltAnswer(
        state=TradingState.HALTED, accounts=["main"], reason="storm", actor="anna"
    )
    page = opened(url).page
    page.get_by_role("button", name="Halt").click()
    page.get_by_label("Reason").fill("storm")
    page.get_by_role("button", name="Halt now").click()
    page.get_by_text("HALTED: main").wait_for()
    assert desk.posted == [("/halt", {"state": "HALTED", "accounts": [], "reason": "storm"})]


def test_a_halt_that_would_loosen_a_state_asks_for_its_code_and_shows_what_was_left(opened, desk, url):
    detail = "is FLATTENING, set by bert, which is stricter than HALTED. name it: c0ffee00"
    desk.responses["POST /halt"] = Problem(409, "stricter-state", f"account main {detail}")
    shown = opened(url)
    page = shown.page
    page.get_by_role("button", name="Halt").click()
    assert page.get_by_label("Code of the stricter state").count() == 0
    page.get_by_label("Reason").fill("storm")
    page.get_by_role("button", name="Halt now").click()
    page.get_by_role("alert").get_by_text("set by bert").wait_for()
    page.get_by_label("Code of the stricter state").fill(" c0ffee00 ")
    assert shown.barriers() == []
    desk.responses["POST /halt"] = HaltAnswer(
        state=TradingState.HALTED, accounts=["main"], reason="storm", actor="anna",
        left=[LeftAccount(account="spare", state="FLATTENING", actor="bert", change="c0ffee01", detail=detail)],
    )  # fmt: skip
    page.get_by_role("button", name="Halt now").click()
    page.get_by_text("HALTED: main").wait_for()
    assert f"spare {detail}" in page.get_by_role("status").last.inner_text()
    assert desk.posted[-1][1]["replaces"] == ["c0ffee00"]


def test_a_resume_shows_the_confirmation_for_a_second_person(opened, desk, url):
    desk.responses["/status"] = Status(accounts=[account(trading_state="HALTED")])
    confirmation = "0123456789abcdef" * 2
    desk.responses["POST /resume"] = ResumeAnswer(
        account="main", state="PENDING", confirmation=confirmation, own_from=NOW, until=NOW
    )
    page = opened(url).page
    page.get_by_role("button", name="Resume").click()
    page.get_by_label("Reason").fill("the venue is back")
    page.get_by_role("button", name="Ask to resume").click()
    page.get_by_text(confirmation).wait_for()
    assert desk.posted == [("/resume", {"account": "main", "reason": "the venue is back", "rearm": False})]


def test_a_page_that_may_only_read_has_no_halt(opened, desk):
    with desk.served(control=False) as address:
        page = opened(address).page
        page.get_by_role("heading", name="main").wait_for()
        assert page.get_by_role("button").count() == 0


def test_the_keyboard_reaches_the_halt_and_leaves_it(opened, url):
    page = opened(url).page
    page.get_by_role("heading", name="main").wait_for()
    halt = page.get_by_role("button", name="Halt")
    for _ in range(20):
        page.keyboard.press("Tab")
        if halt.evaluate("button => button === document.activeElement"):
            break
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")


def asked_for(shown: Opened, desk: CannedDesk, seconds: int) -> Counter[str]:
    """Return how often each path is asked for in so many seconds of the page's own clock, without its query."""
    desk.reads.clear()
    for _ in range(seconds):
        shown.page.clock.run_for(1_000)
        shown.page.evaluate("fetch('config.json')")
    return Counter(path.partition("?")[0] for path, _ in desk.reads)


def test_what_is_recorded_is_asked_for_again_when_the_status_says_that_more_is(opened, desk, url):
    desk.recorded = "first"
    shown = opened(url, paused=True)
    shown.page.get_by_role("region", name="Positions").wait_for()
    quiet = asked_for(shown, desk, 60)
    desk.recorded = "second"
    after = asked_for(shown, desk, 60)
    assert set(quiet) == {"/status"}
    assert (after["/equity"], after["/status"] >= 2) == (1, True)


def test_a_desk_that_does_not_say_what_it_recorded_is_asked_for_everything(opened, desk, url):
    shown = opened(url, paused=True)
    shown.page.get_by_role("region", name="Positions").wait_for()
    counts = asked_for(shown, desk, 60)
    assert min(counts["/equity"], counts["/status"]) > 4


def test_a_status_that_fails_lets_what_is_recorded_be_asked_for_without_it(opened, desk, url):
    desk.recorded = "first"
    shown = opened(f"{url}/#/orders", paused=True)
    shown.page.get_by_role("table").wait_for()
    failure = Problem(503, "unavailable", "the table is being moved")
    desk.responses |= {"/status": failure, "/orders?limit=100": failure}
    asked_for(shown, desk, 20)
    shown.page.get_by_role("alert").get_by_text("the table is being moved").wait_for()
