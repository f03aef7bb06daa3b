"""A recipe for each kind of change: short, with the same four parts, and with tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = {page.stem: page for page in sorted((ROOT / "docs" / "how-to").glob("*.md"))}
KINDS = {"strategy", "risk-rule", "message", "venue", "function", "service", "command", "alarm", "alert"}
PARTS = ["Files", "Generate", "The test that fails first", "Done when"]
LINES_MAX = 40


def wrong(text: str) -> list[str]:
    """The headings that a recipe lacks, or has too many of."""
    reasons = [] if re.findall(r"^## (.+)$", text, re.MULTILINE) == PARTS else ["its parts are not the four"]
    reasons += ["it is too long"] if len(text.splitlines()) > LINES_MAX else []
    first = text.partition(f"## {PARTS[2]}\n")[2].partition("## ")[0]
    linked = re.findall(r"\]\(\.\./\.\./(tests/[\w/]+\.py)\)", first)
    reasons += [] if linked else ["it links no test"]
    sources = "".join((ROOT / path).read_text() for path in linked if (ROOT / path).exists())
    return reasons + [
        name for name in re.findall(r"`(test_\w+)(?:\[[^`]*\])?`", first) if f"def {name}(" not in sources
    ]


def test_every_kind_of_change_has_a_recipe_and_the_contributor_a_link_to_it() -> None:
    assert PAGES.keys() == KINDS
    contributing = (ROOT / "CONTRIBUTING.md").read_text()
    assert [kind for kind in KINDS if f"(docs/how-to/{kind}.md)" not in contributing] == []


@pytest.mark.parametrize("kind", PAGES)
def test_a_recipe_has_its_parts_on_one_page(kind: str) -> None:
    assert wrong(PAGES[kind].read_text()) == []


def test_a_recipe_with_a_test_that_is_gone_is_seen() -> None:
    text = PAGES["alarm"].read_text()
    assert wrong(text.replace("test_every_alarm_names", "test_no_alarm_names")) != []
    assert wrong(text.replace("## Done when", "## Finished when")) != []
    assert wrong(text + "\n" * LINES_MAX) != []


def test_make_check_is_what_a_commit_passes() -> None:
    hook = (ROOT / ".pre-commit-config.yaml").read_text()
    assert "entry: make check" in hook
    assert re.search(r"^check: .*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
