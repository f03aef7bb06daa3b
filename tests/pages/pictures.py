"""Draw the pictures of docs/page.md of a page that `fanfold serve` serves: ``pictures.py ADDRESS``."""

import sys
from pathlib import Path
from shutil import which

from playwright.sync_api import sync_playwright

INTO = Path(__file__).resolve().parents[2] / "docs" / "pictures"
# Each view by its address, and what stands on it once it is drawn.
VIEWS = {
    "desk": "Positions at their last closes",
    "instrument": "The newest orders",
    "orders": "orders read",
    "risk": "Gross exposure",
    "research": "Runs in",
    "system": "Audit chain",
}


def main() -> None:
    INTO.mkdir(exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=which("chromium"), args=["--no-sandbox"])
        page = browser.new_context(viewport={"width": 820, "height": 560}).new_page()
        for view, drawn in VIEWS.items():
            page.goto(f"{sys.argv[1]}#/{view}")
            page.get_by_text(drawn).first.wait_for()
            page.screenshot(path=INTO / f"page-{view}.png")
        browser.close()


if __name__ == "__main__":
    main()
