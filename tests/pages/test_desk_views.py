"""The views of the desk's page in every state: drawn, empty, loading, failed; without a barrier or a complaint."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from threading import Event

import msgspec
import pytest

from fanfold.api.problems import Problem
from fanfold.api.schemas import OrderPage, ReportedLeg, Status, TradePage
from support.canned_desk import NOW, CannedDesk, account, bars, equity, explained, fill, order

BARS = "/bars?instrument=BTC%2FUSDT&venue=market&timeframe=1m&limit=500"
EQUITY = "/equity?account=main&days=1"
ORDERS = "/orders?limit=100"
ON_CHART = "/orders?account=main&instrument=BTC%2FUSDT&limit=100"
# What a view has drawn once it is whole, by its address.
DRAWN = {"#/desk": "Positions at their last closes", "#/instrument": "The newest orders", "#/orders": "40 orders read"}
# The reading that each view lives by.
READ = {"#/desk": EQUITY, "#/instrument": BARS, "#/orders": ORDERS}
PIXELS = """
canvases => canvases.some(canvas => {
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.some((value, n) => n % 4 === 3 && value > 0);
})
"""


@pytest.fixture
def desk() -> CannedDesk:
    return CannedDesk()


@pytest.fixture
def show(opened, desk) -> Iterator[Callable]:
    """Open a view by its address."""
    with desk.served() as url:
        yield lambda view, **window: opened(f"{url}/{view}", **window)


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
@pytest.mark.parametrize("view", DRAWN)
def test_a_view_is_drawn_without_a_complaint_or_a_barrier(show, view, width, scheme):
    shown = show(view, width=width, scheme=scheme)
    shown.page.get_by_text(DRAWN[view]).wait_for()
    assert (shown.barriers(), shown.complaints, shown.sideways()) == ([], [], 0)


@pytest.mark.parametrize("view", ["#/desk", "#/instrument"])
def test_charts_have_something_on_them(show, view):
    page = show(view).page
    page.get_by_text(DRAWN[view]).wait_for()
    for chart in page.locator(".chart").all():
        assert chart.locator("canvas").evaluate_all(PIXELS)


@pytest.mark.parametrize("view", READ)
def test_what_is_not_answered_yet_is_told_to_be_loading(show, desk, view):
    answers, desk.responses[READ[view]] = desk.responses[READ[view]], Event()
    page, held = show(view).page, desk.responses[READ[view]]
    try:
        page.get_by_label("Loading").wait_for()
    finally:
        desk.responses[READ[view]] = answers
        held.set()
    page.get_by_text(DRAWN[view]).wait_for()


@pytest.mark.parametrize("view", READ)
def test_what_cannot_be_read_is_told_with_its_reason_and_read_again(show, desk, view):
    answers, desk.responses[READ[view]] = desk.responses[READ[view]], Problem(500, "broken", "the lake is away")
    shown = show(view)
    shown.page.get_by_text("the lake is away").first.wait_for()
    desk.responses[READ[view]] = answers
    shown.read_again()
    shown.page.get_by_text(DRAWN[view]).wait_for()


@pytest.mark.parametrize("view", READ)
def test_what_was_read_stays_in_sight_when_the_desk_fails(show, desk, view):
    shown = show(view)
    shown.page.get_by_text(DRAWN[view]).wait_for()
    desk.responses[READ[view]] = Problem(503, "unavailable", "it is being moved")
    shown.read_again()
    shown.page.get_by_text("Not answered since").first.wait_for()
    assert shown.page.get_by_text(DRAWN[view]).is_visible()


@pytest.mark.parametrize("view", ["#/desk", "#/instrument"])
def test_data_that_is_late_is_told_on_the_view(show, desk, view):
    desk.clock = NOW + timedelta(minutes=5)
    show(view).page.get_by_text("The data of main is 5 min old").wait_for()


@pytest.mark.parametrize(
    ("view", "empty", "words"),
    [
        ("#/desk", {"/status": Status(accounts=[account(as_of=None, matched_through=None)]),
                    EQUITY: equity(1, at=[], equity=[], instances=[], positions=[])}, "Nothing has been traded yet"),
        ("#/desk", {EQUITY: equity(positions=[])}, "Nothing is held"),
        ("#/instrument", {BARS: bars(0)}, "No bar of BTC/USDT is known"),
        ("#/instrument", {ON_CHART: OrderPage(orders=[], next=None)}, "No order of BTC/USDT yet"),
        ("#/instrument", {"/status": Status(accounts=[account(instruments=[])])}, "The desk has no instrument"),
        ("#/orders", {ORDERS: OrderPage(orders=[], next=None)}, "There are no orders yet"),
        ("#/orders?state=unknown", {"/orders?unknown=true&limit=100": OrderPage(orders=[], next=None)},
         "No order is of unknown outcome"),
    ],
)  # fmt: skip
def test_what_is_empty_is_told_with_what_to_do(show, desk, view, empty, words):
    desk.responses |= empty
    shown = show(view)
    shown.page.get_by_text(words).wait_for()
    assert [line for line in shown.complaints if "404" not in line] == []


def test_what_signal_and_risk_report_of_a_leg_is_on_the_desk(show, desk):
    reported = [
        ReportedLeg(instance="trend", instrument="BTC/USDT", code=code, detail=detail, at=NOW)
        for code, detail in (("STOPPED_OUT", "its stop closed it"), ("MISSING_BARS", "two are not there"))
    ]
    desk.responses["/status"] = Status(accounts=[account(legs=reported)])
    shown = show("#/desk", width=360)
    legs = shown.page.get_by_label("Legs, line by line")
    legs.wait_for()
    assert [row.split("\t")[2:4] for row in legs.locator("tbody tr").all_inner_texts()] == [
        ["STOPPED_OUT", "its stop closed it"],
        ["MISSING_BARS", "two are not there"],
    ]
    assert (shown.barriers(), shown.complaints, shown.sideways()) == ([], [], 0)


# The colours of the style sheet in the light scheme, as pixels.
ON_THE_CHART = {"fill": (31, 95, 191), "refusal": (192, 50, 43), "order": (90, 98, 112)}
COUNT = """
(canvases, [red, green, blue]) => canvases.reduce((count, canvas) => {
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  for (let n = 0; n < data.length; n += 4) count += data[n] === red && data[n + 1] === green && data[n + 2] === blue;
  return count;
}, 0)
"""


def test_fills_refusals_and_stops_are_on_the_chart(show, desk):
    """Each adds pixels of its colour; candles that only rise have none of red."""
    rising = bars()
    rising = msgspec.structs.replace(rising, close=[value + 35 for value in rising.open],
                                     high=[value + 45 for value in rising.open])  # fmt: skip
    desk.responses[BARS] = rising
    trades = "/trades?account=main&day=2026-03-01&limit=100"
    bought = order(2)
    refused = order(4, state="REFUSED", code="GROSS_EXPOSURE")
    stop = order(6, state="OPEN", kind="stop", stop_price=rising.low[-1], reduce_only=True)
    counts = []
    for orders, fills in (([], []), ([bought], [fill(2)]), ([bought, refused], [fill(2)]), ([stop], [])):
        desk.responses |= {ON_CHART: OrderPage(orders=orders, next=None), trades: TradePage(trades=fills, next=None)}
        page = show("#/instrument").page
        page.get_by_label(f"{len(fills)} fills and {len(orders)} orders").wait_for()
        canvases = page.locator(".chart canvas")
        counts.append({name: canvases.evaluate_all(COUNT, colour) for name, colour in ON_THE_CHART.items()})
    nothing, traded, with_refusal, with_stop = counts
    assert traded["fill"] > nothing["fill"]
    assert traded["order"] > nothing["order"]
    assert nothing["refusal"] == 0
    assert with_refusal["refusal"] > 0
    assert with_stop["refusal"] > 0


def test_older_candles_are_read_as_the_chart_is_moved_to_them(show, desk):
    newest = desk.responses[BARS]
    older = f"/bars?instrument=BTC%2FUSDT&venue=market&timeframe=1m&limit=2000&until={newest.since}"
    desk.responses[older] = bars(2_000, NOW - timedelta(minutes=500))
    page = show("#/instrument").page
    page.get_by_text("500 bars").wait_for()
    page.get_by_label("Candles of").press("Home")
    page.get_by_text("2,500 bars").wait_for()


def test_older_candles_that_cannot_be_read_are_told_and_tried_again(show, desk):
    older = f"/bars?instrument=BTC%2FUSDT&venue=market&timeframe=1m&limit=2000&until={desk.responses[BARS].since}"
    desk.responses[older] = Problem(503, "unavailable", "the lake is being moved")
    page = show("#/instrument").page
    page.get_by_label("Candles of").press("Home")
    page.get_by_text("the lake is being moved").wait_for()
    desk.responses[older] = bars(2_000, NOW - timedelta(minutes=500))
    page.get_by_role("button", name="Try again").click()
    page.get_by_text("2,500 bars").wait_for()
    assert page.get_by_role("alert").count() == 0


def test_an_order_opens_with_the_chain_from_the_bar_to_the_fill(show):
    page = show("#/orders").page
    page.get_by_role("link", name="2026-03-01 11:59:00 UTC").click()
    steps = page.get_by_role("dialog").locator(".chain li strong")
    steps.first.wait_for()
    assert steps.all_inner_texts() == ["Bar of 1m closed", "trend wants", "Risk approves", "Fill"]
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")


def test_a_refused_order_names_the_rule_and_its_figures(show, desk):
    refused = desk.responses[ORDERS].orders[-1]
    shown = show(f"#/orders?order={refused.order_id}")
    dialog = shown.page.get_by_role("dialog")
    dialog.get_by_text("Risk refuses: GROSS_EXPOSURE").wait_for()
    assert (shown.barriers(), shown.complaints) == ([], [])


def test_an_order_that_is_not_there_is_told(show, desk):
    desk.responses["/orders/ff"] = Problem(404, "not-found", "no order 'ff' is recorded; give the whole id")
    show("#/orders?order=ff").page.get_by_text("give the whole id").wait_for()


def test_a_filter_is_in_the_address_and_in_the_question(show, desk):
    desk.responses["/orders?refused=true&limit=100"] = OrderPage(orders=[order(40, state="REFUSED")], next=None)
    page = show("#/orders").page
    page.get_by_label("State").select_option("refused by risk")
    page.get_by_text("1 orders read, all there are").wait_for()
    assert page.url.endswith("#/orders?state=refused")


def test_ten_thousand_orders_are_paged_in_and_only_those_in_sight_are_drawn(show, desk):
    everything = [order(n) for n in range(10_000)]
    for number in range(100):
        cursor = f"&cursor=c{number}" if number else ""
        following = f"c{number + 1}" if number < 99 else None
        page = OrderPage(orders=everything[number * 100 : number * 100 + 100], next=following)
        desk.responses[ORDERS + cursor] = page
    page = show("#/orders").page
    rows = page.get_by_role("region", name="Orders")
    for count in ("200", "300", "400"):
        rows.evaluate("rows => rows.scrollTo(0, rows.scrollHeight)")
        page.get_by_text(f"{count} orders read, older ones follow").wait_for()
    assert rows.locator("tbody tr").count() < 60
    assert len({path for path, _ in desk.reads if path.startswith("/orders")}) < 6


def test_an_order_of_unknown_outcome_is_told_with_its_doubt(show, desk):
    doubtful = order(2, state="SUBMITTING", filled="0", doubt="the venue did not answer")
    desk.responses[ORDERS] = OrderPage(orders=[doubtful], next=None)
    desk.responses[f"/orders/{doubtful.order_id}"] = explained(doubtful, [])
    page = show("#/orders").page
    page.get_by_text("the venue did not answer").wait_for()
    assert page.get_by_role("region", name="Orders").get_by_text("UNKNOWN").is_visible()
