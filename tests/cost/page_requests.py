"""The requests of the page's views, counted in a browser whose clock is moved: all else is the page's own doing.

The desk's answers are made in the page, so that none is late: what follows from the record changes as often as audit is
woken, the limits and the system each minute.
"""

import json

import msgspec
import page_reads
from playwright.sync_api import Browser, Page, sync_playwright

from fanfold.cli import cost_files
from fanfold.cost.page import PageUse, Polls, Views
from fanfold.cost.scenarios import PROFILES
from support.browser import CHROMIUM
from support.canned_desk import CannedDesk, _encode

MINUTES = 10
LIMITS_CHANGE_S = 60
# Of the answers by `window.fetch` only what the page uses of them.
DESK = """
(({ bodies, recordedMs, otherMs, others }) => {
  const real = window.fetch;
  window.reads = [];
  window.fetch = async (url, request = {}) => {
    const path = String(url).replace(location.origin, "");
    if (path.endsWith("config.json")) return real(url, request);
    const [place] = path.split("?");
    const other = others.includes(place);
    const tag = String(Math.floor(Date.now() / (other ? otherMs : recordedMs)));
    const known = request.headers?.["if-none-match"] === tag;
    window.reads.push([place + (path.startsWith("/orders?account") ? "?instrument" : ""), known]);
    const body = bodies[path] ?? bodies[place] ?? "{}";
    const headers = new Map([["etag", tag], ...(other ? [] : [["fanfold-recorded", tag]])]);
    const status = known ? 304 : 200;
    return { ok: true, status, headers, json: async () => JSON.parse(body), arrayBuffer: async () => null };
  };
})"""
# Views whose answers are of no account here, with what the page needs to draw them.
BARE = {
    "/limits": {"accounts": []},
    "/refusals": {"decided": 0, "since": None, "refusals": []},
    "/research": {"place": "the lake", "runs": [], "why": "none", "figures": [], "costs": []},
    "/system": {
        "stage": "test", "queues": [], "dead_letters": [], "alarms": [], "functions": [], "chains": [], "closed": None,
        "absent": {},
    },
}  # fmt: skip
OTHERS = ["/limits", "/research", "/system"]


def measured() -> PageUse:
    """Count what the page asks for in a browser of its own, and measure what each answer takes."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        profiles = {profile: counted(browser, profile) for profile in PROFILES}
        browser.close()
    return PageUse(MINUTES, profiles, page_reads.measured())


def text(use: PageUse) -> bytes:
    """Return the requests of the page as they are recorded."""
    return msgspec.json.format(msgspec.json.encode(use, order="sorted"), indent=1) + b"\n"


def counted(browser: Browser, profile: str) -> Views:
    """Return what each view of the page asks for in MINUTES, after what it asks for at first."""
    changes_s = cost_files.recorded_s(profile)
    with CannedDesk().served() as url:
        page = _opened(browser, url, changes_s)
        views = page.eval_on_selector_all("header nav a", "links => links.map(link => link.hash)")
        counts = {view.removeprefix("#/"): _view(page, view) for view in views}
        page.context.close()
    return counts


def _view(page: Page, view: str) -> dict[str, Polls]:
    page.evaluate(f"location.hash = {json.dumps(view)}")
    page.locator("header a[aria-current=page]").get_by_text(view.removeprefix("#/").capitalize()).wait_for()
    page.clock.run_for(1_000)
    page.evaluate("window.reads.length = 0")
    page.clock.run_for(MINUTES * 60_000)
    polls: dict[str, Polls] = {}
    for path, known in page.evaluate("window.reads"):
        before = polls.get(path, Polls(0, 0))
        polls[path] = Polls(before.changed + (not known), before.unchanged + known)
    return dict(sorted(polls.items()))


def _opened(browser: Browser, address: str, changes_s: int) -> Page:
    desk = CannedDesk()
    bodies = {path: _encode(body).decode() for path, body in desk.responses.items()}
    about = {
        "bodies": bodies | {path: json.dumps(body) for path, body in BARE.items()},
        "recordedMs": changes_s * 1_000,
        "otherMs": LIMITS_CHANGE_S * 1_000,
        "others": OTHERS,
    }
    page = browser.new_context().new_page()
    page.clock.install(time=0)
    page.add_init_script(f"{DESK}({json.dumps(about)})")
    page.goto(address)
    page.locator("h1").wait_for()
    return page
