"""The views risk, research and system in a browser, in every state, and the page that was saved with its data."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fanfold.api.problems import Problem
from fanfold.api.risk_schemas import LimitList, Refusals
from fanfold.api.schemas import OrderPage, Status
from fanfold.api.system_schemas import ClosedDay, Research
from fanfold.page.files import CostEstimate, CostLine, PageSettings
from fanfold.page.saved import saved_document
from support.canned_desk import CannedDesk, account, order
from support.canned_figures import limits, refusals, research, system

VIEWS = {"risk": "main", "research": "back-test-8", "system": "Queues"}
COST = CostEstimate(
    basis="of a recorded day", listed="4.24", after_free="2.56", lines=[CostLine(what="S3", listed="1")]
)


@pytest.fixture
def desk() -> CannedDesk:
    canned = CannedDesk()
    canned.responses |= {"/limits": limits(), "/refusals": refusals(), "/system": system(), "/research": research()}
    return canned


@pytest.fixture
def url(desk: CannedDesk) -> Iterator[str]:
    with desk.served() as address:
        yield address


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_drawn_without_a_complaint_or_a_barrier(opened, url, view, width, scheme):
    desk = opened(f"{url}/#/{view}", width=width, scheme=scheme)
    desk.page.get_by_text(VIEWS[view]).first.wait_for()
    assert desk.page.title() == f"{view.capitalize()} · Fanfold"
    assert (desk.barriers(), desk.complaints, desk.sideways()) == ([], [], 0)


def test_a_limit_says_what_is_used_and_left_and_whether_it_is_broken(opened, url):
    page = opened(f"{url}/#/risk").page
    row = page.get_by_role("row", name="Notional of a position, BTC/USDT")
    row.wait_for()
    assert row.locator("td").all_inner_texts()[1:] == ["8,500.00", "500.00", "9,000.00"]
    assert row.get_by_role("meter").get_attribute("aria-valuetext") == "94.44 %, near"
    broken = page.get_by_role("meter", name="Loss from the peak")
    assert broken.get_attribute("aria-valuetext") == "150.00 %, broken"
    assert "compared with each order" in page.get_by_role("row", name="Notional of an order").inner_text()
    assert page.get_by_role("row", name="Age of a price, BTC/USDT").locator("td").nth(1).inner_text() == "20 s"


def test_a_trading_state_has_its_reason_and_who_set_it(opened, desk, url):
    halted = {"trading_state": "HALTED", "trading_state_reason": "storm", "trading_state_actor": "anna"}
    desk.responses |= {"/status": Status(accounts=[account(**halted)]), "/limits": limits(trading_state="HALTED")}
    section = opened(f"{url}/#/risk").page.get_by_label("Limits of main", exact=True)
    section.get_by_text("storm, by anna").wait_for()


def test_a_broken_loss_limit_and_frozen_books_are_told(opened, desk, url):
    desk.responses["/limits"] = limits(breach="the day's loss 9 is over 5", frozen={"BTC/USDT": "an order is unknown"})
    page = opened(f"{url}/#/risk").page
    page.get_by_role("alert").get_by_text("the day's loss 9 is over 5").wait_for()
    page.get_by_text("BTC/USDT is frozen").wait_for()


def test_a_refusal_leads_to_its_orders(opened, url):
    page = opened(f"{url}/#/risk").page
    row = page.get_by_role("row", name="ORDER_NOTIONAL")
    assert "notional 6000 is over 5000" in row.inner_text()
    assert row.get_by_role("link", name="ORDER_NOTIONAL").get_attribute("href") == "#/orders?state=refused"


def test_an_empty_desk_says_what_is_missing_in_each_view(opened, desk, url):
    desk.responses |= {
        "/limits": limits(limits=[], marks=[], trading_state="not opened", equity=None),
        "/refusals": Refusals(decided=0, since=None, refusals=[]),
        "/research": Research(place="research", runs=[], why="research has no runs yet"),
        "/system": system(dead_letters=[], alarms=[], closed=None, absent={"alarms": "None here", "closed": "Not yet"}),
    }
    page = opened(f"{url}/#/risk").page
    page.get_by_text("Not opened yet").wait_for()
    page.get_by_text("Risk has not decided on any order yet").wait_for()
    page.goto(f"{url}/#/research")
    page.get_by_text("research has no runs yet").wait_for()
    page.goto(f"{url}/#/system")
    for text in ("No dead letters", "None here.", "Not yet.", "No bar has come yet", "No estimate"):
        page.get_by_text(text).wait_for()


@pytest.mark.parametrize(("view", "path"), [("risk", "/limits"), ("research", "/research"), ("system", "/system")])
def test_a_view_that_cannot_be_read_says_why_and_the_others_stay(opened, desk, url, view, path):
    desk.responses[path] = Problem(503, "unavailable", "the table is being moved")
    page = opened(f"{url}/#/{view}").page
    page.get_by_role("alert").get_by_text("the table is being moved").first.wait_for()
    page.get_by_text("main ACTIVE").wait_for()


def test_the_system_shows_dead_letters_alarms_code_and_the_chain(opened, url):
    page = opened(f"{url}/#/system").page
    assert "account '' is not in the desk" in page.get_by_label("Dead letters", exact=True).inner_text()
    assert "ALARM" in page.get_by_label("Alarms", exact=True).inner_text()
    assert "main: trend BTC/USDT is UNPROTECTED" in page.get_by_label("Alerts", exact=True).first.inner_text()
    assert "2026-02-28, every chain sound, sealed" in page.get_by_label("Audit chain", exact=True).inner_text()
    assert "how old a queue's oldest message is" in page.get_by_label("Queues", exact=True).inner_text()


def test_a_day_that_failed_is_told_with_what_to_run(opened, desk, url):
    failed = ClosedDay(day="2026-02-28", state="failed", sound=False, sealed=False, faults=["verify: ChainBroken"])
    desk.responses["/system"] = system(closed=failed)
    alert = opened(f"{url}/#/system").page.get_by_role("alert").filter(has_text="could not be closed")
    alert.wait_for()
    assert "fanfold audit verify" in alert.inner_text()


def test_two_runs_are_compared_and_a_tear_sheet_opens(opened, url):
    page = opened(f"{url}/#/research").page
    for fast in (8, 20):
        page.get_by_label(f"Compare back-test-{fast}, trial 0").check()
    rows = page.get_by_label("Compared").get_by_role("row").all_inner_texts()
    assert [row.split("\t") for row in rows] == [
        ["", "back-test-8", "back-test-20"],
        ["params", "fast=8", "fast=20"],
        ["sharpe", "0.80", "2.00"],
    ]
    sheet = page.get_by_label("open the tear sheet of back-test-8")
    assert sheet.get_attribute("href") == "/research/sheets/back-test-8"


def test_runs_are_asked_for_by_rank_and_kind(opened, desk, url):
    desk.responses["/research?rank=sharpe&kind=sweep"] = Research(place="elsewhere", runs=[])
    page = opened(f"{url}/#/research").page
    page.get_by_label("Rank by").select_option("sharpe")
    page.get_by_role("alert").get_by_text("there is no /research?rank=sharpe").wait_for()
    page.get_by_label("Kind").select_option("sweep")
    page.get_by_text("No run is as you asked for").wait_for()


@pytest.fixture
def saved(desk: CannedDesk, tmp_path: Path) -> str:
    """The address of a page that was saved with the desk's responses."""
    path, settings = tmp_path / "desk.html", PageSettings(control=True, cost=COST)
    path.write_text(saved_document(settings, desk.clock.isoformat(), desk.responses), encoding="utf-8")
    return path.as_uri()


@pytest.mark.parametrize("view", [*VIEWS, "desk"])
def test_a_saved_page_shows_its_data_and_asks_nobody(opened, saved, view):
    requested: list[str] = []
    desk = opened("about:blank")
    desk.page.on("request", lambda request: requested.append(request.url))
    desk.page.goto(f"{saved}#/{view}")
    desk.page.get_by_text(VIEWS.get(view, "main")).first.wait_for()
    assert "2026-03-01 12:00:20 UTC" in desk.page.locator(".saved").inner_text()
    assert desk.page.get_by_role("button", name="Halt").count() == 0
    assert [url for url in requested if not url.startswith((saved, "data:"))] == []
    assert (desk.barriers(), desk.complaints, desk.sideways()) == ([], [], 0)


def test_a_saved_page_ranks_and_filters_by_itself(opened, saved):
    page = opened(f"{saved}#/research").page
    page.get_by_label("Rank by").select_option("sharpe")
    page.locator("tbody tr th", has_text="back-test-20").wait_for()
    assert page.locator("tbody tr th").all_inner_texts() == ["back-test-20", "back-test-8"]
    page.get_by_label("Tag").fill("other")
    page.get_by_label("Tag").blur()
    page.get_by_text("No run is as you asked for").wait_for()
    page.goto(f"{saved}#/system")
    page.get_by_text("4.24 $").wait_for()


def test_a_saved_page_finds_orders_of_unknown_outcome_as_the_api_does(opened, desk, tmp_path):
    orders = OrderPage(orders=[order(1), order(2, state="SUBMITTING"), order(3, doubt="was dealt with")], next=None)
    path = tmp_path / "desk.html"
    responses = desk.responses | {"/orders": orders}
    path.write_text(saved_document(PageSettings(), desk.clock.isoformat(), responses), encoding="utf-8")
    page = opened(f"{path.as_uri()}#/orders?state=unknown").page
    page.get_by_text("1 orders read, all there are").wait_for()
    page.get_by_role("link", name="2026-03-01 11:58:00 UTC").wait_for()


def test_names_in_a_saved_page_are_text_whatever_they_hold(opened, desk, tmp_path):
    name = "</script><script>console.error('run')</script>"
    text = saved_document(PageSettings(), desk.clock.isoformat(), {"/status": Status(accounts=[account(name)])})
    path = tmp_path / "desk.html"
    path.write_text(text, encoding="utf-8")
    shown = opened(path.as_uri())
    shown.page.get_by_text(name).first.wait_for()
    assert shown.complaints == []


def test_what_was_not_saved_says_so(opened, desk, tmp_path):
    path = tmp_path / "desk.html"
    text = saved_document(PageSettings(), desk.clock.isoformat(), {"/status": Status(accounts=[account()])})
    path.write_text(text, encoding="utf-8")
    page = opened(f"{path.as_uri()}#/risk").page
    page.get_by_text("was not saved with the page").first.wait_for()


def test_a_limit_list_without_accounts_is_no_fault(opened, desk, url):
    desk.responses["/limits"] = LimitList(accounts=[])
    shown = opened(f"{url}/#/risk")
    shown.page.get_by_text("From risk's own ledger").wait_for()
    assert shown.complaints == []
