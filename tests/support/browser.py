"""A headless Chromium, as Debian packages it, for the tests of pages."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PHONE, DESK = 360, 1280


class Opened(NamedTuple):
    """A page that was opened, and everything that it wrote to the console or failed to load."""

    page: Page
    complaints: list[str]

    def barriers(self) -> list[str]:
        """Return what axe finds against WCAG 2 level A and AA: rule and element."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        result = self.page.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})")
        return [f"{rule['id']}: {node['target']}" for rule in result["violations"] for node in rule["nodes"]]

    def read_again(self) -> None:
        """Let the page ask at once, as when somebody comes back to its tab."""
        self.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    def sideways(self) -> int:
        """Return by how many pixels the page is wider than its window."""
        width: int = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        return width


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run a browser for one file: while Playwright is open its event loop runs, and no other can in that process."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium: `apt-get install chromium`")
    with sync_playwright() as driver:
        # Chromium cannot make a sandbox as root in a container; it opens nothing here but pages of ours.
        launched = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[..., Opened]]:
    """Open an address in a window of its own; nothing but files and this machine can be reached."""
    contexts = []

    def open_page(address: str, *, width: int = DESK, scheme: str = "light", paused: bool = False) -> Opened:
        """With ``paused`` the page's clock stands still, and its timers wait, until ``page.clock`` moves it."""
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light"
        )
        contexts.append(context)
        page, complaints = context.new_page(), []
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("requestfailed", lambda request: complaints.append(f"not loaded: {request.url}"))
        if paused:
            page.clock.install()
        page.goto(address)
        return Opened(page, complaints)

    yield open_page
    for context in contexts:
        context.close()
