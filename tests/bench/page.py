"""The desk's page in a headless Chromium: its first view with 10,000 orders, and 200,000 candles that are panned."""

from shutil import which

from playwright.sync_api import Page, sync_playwright
from printed import table

from fanfold.api.schemas import OrderPage
from support.canned_desk import CannedDesk, bars, order

ORDERS, PAGE = 10_000, 100
CANDLES = 200_000
FRAMES = 120
CHART = "#/instrument"
# Frames a second that the browser draws while the chart is moved by a tenth of what is in sight at each.
PANNED = """
(frames) => new Promise((done) => {
  const chart = document.querySelector(".chart");
  const began = performance.now();
  let left = frames;
  const move = () => {
    if (!left--) return done((frames * 1000) / (performance.now() - began));
    const key = left % 60 < 30 ? "ArrowLeft" : "ArrowRight";
    chart.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    requestAnimationFrame(move);
  };
  requestAnimationFrame(move);
})
"""


def main() -> None:
    desk = CannedDesk()
    everything = [order(number) for number in range(ORDERS)]
    for number in range(ORDERS // PAGE):
        following = f"c{number + 1}" if number + 1 < ORDERS // PAGE else None
        cursor = f"&cursor=c{number}" if number else ""
        page = OrderPage(orders=everything[number * PAGE : (number + 1) * PAGE], next=following)
        desk.responses[f"/orders?limit={PAGE}{cursor}"] = page
    desk.responses["/bars?instrument=BTC%2FUSDT&venue=market&timeframe=1m&limit=500"] = bars(CANDLES)
    with desk.served() as url, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=which("chromium"), args=["--no-sandbox"])
        rows = [
            ("first view of 10,000 orders, ms from the request to the first row drawn", _first_view(browser, url)),
            (
                "200,000 candles, frames a second while panned, the newest in sight",
                _panned(browser, url, all_of_them=False),
            ),
            ("200,000 candles, frames a second while panned, all in sight", _panned(browser, url, all_of_them=True)),
        ]
        browser.close()
    table("The page, in a headless Chromium on this machine", ("what", "figure"), rows)


def _first_view(browser: object, url: str) -> float:
    """Return the best of five, each in a window without a cache."""
    return min(_first_row(browser.new_context().new_page(), url) for _ in range(5))  # type: ignore[attr-defined]


def _first_row(page: Page, url: str) -> float:
    page.goto(f"{url}/#/orders")
    page.locator("tbody tr a").first.wait_for()
    drawn: float = page.evaluate("performance.now()")
    page.context.close()
    return drawn


def _panned(browser: object, url: str, *, all_of_them: bool) -> float:
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()  # type: ignore[attr-defined]
    page.goto(f"{url}/{CHART}")
    page.get_by_text("200,000 bars").wait_for()
    if all_of_them:
        page.locator(".chart").press("Home")
    rate: float = max(page.evaluate(PANNED, FRAMES) for _ in range(3))
    page.context.close()
    return rate


if __name__ == "__main__":
    main()
