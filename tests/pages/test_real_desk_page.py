"""The page of a desk that traded, through `fanfold serve`: each view draws what the desk's own API returns."""

import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from support import desk_fixture
from support.served_api import Served, served


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A desk with filled and refused orders, served to who may read and halt."""
    desk_fixture.skip_without_node()
    local = desk_fixture.traded(tmp_path_factory.mktemp("page") / "state")
    local.rest()
    with served(local.state, "--control") as answering:
        yield answering


def test_the_desk_shows_the_equity_that_the_api_returns(opened, api):
    desk = opened(f"{api.url}/#/desk")
    desk.page.get_by_text("Positions at their last closes").wait_for()
    equity = float(api.get("/equity?account=main").body["equity_now"])
    assert f"{equity:,.2f}" in desk.page.locator(".figures").inner_text()
    assert (desk.barriers(), desk.complaints) == ([], [])


def test_the_chart_shows_what_was_traded_and_refused(opened, api):
    desk = opened(f"{api.url}/#/instrument?instrument=BTC/USDT")
    orders = api.get("/orders?instrument=BTC/USDT&limit=100").body["orders"]
    fills = api.get(f"/trades?account=main&day={desk_fixture.DAY}&limit=100").body["trades"]
    traded = [fill for fill in fills if fill["instrument"] == "BTC/USDT"]
    assert {order["state"] for order in orders} >= {"FILLED", "REFUSED"}
    desk.page.get_by_label(f"{len(traded)} fills and {len(orders)} orders").wait_for()
    assert desk.complaints == []


def test_a_refused_order_is_explained_down_to_its_bar(opened, api):
    desk = opened(f"{api.url}/#/orders?state=refused")
    desk.page.get_by_role("region", name="Orders").get_by_role("link").first.click()
    steps = desk.page.get_by_role("dialog").locator(".chain li strong")
    steps.first.wait_for()
    assert [text.split(":")[0] for text in steps.all_inner_texts()] == [
        "Bar of 1m closed",
        "large wants",
        "Risk refuses",
        "REFUSED",
    ]
    assert (desk.barriers(), desk.complaints) == ([], [])


def test_a_halt_from_the_page_halts_the_desk(opened, api):
    page = opened(f"{api.url}/#/desk").page
    page.get_by_role("button", name="Halt").click()
    page.get_by_label("Reason").fill("a look at the page")
    page.get_by_role("button", name="Halt now").click()
    page.get_by_text("HALTED: main").wait_for()
    page.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Resume").wait_for()
    (account,) = api.get("/status").body["accounts"]
    assert (account["trading_state"], account["trading_state_reason"]) == ("HALTED", "a look at the page")


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://evil.example"}, {"sec_fetch_site": "cross-site"}, {"host": "evil.example:80"}],
    ids=["origin", "site", "host"],
)
def test_another_page_halts_nothing(api, headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(
        f"{api.url}/halt", b"{}", named | {"content-type": "application/json"}, method="POST"
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    assert refused.value.code in {403, 421}
