"""The table of aims at the top of the benchmarks says what the sections below it do, and judges it right."""

import re
from itertools import accumulate
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
TABLE, *SECTIONS = re.split(r"(?m)^## ", PAGE.read_text())
NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
LINK = re.compile(r"\(#([^)]+)\)")


def numbers(text: str) -> list[str]:
    return NUMBER.findall(text)


def value(number: str) -> float:
    return float(number.replace(",", ""))


def rows() -> list[list[str]]:
    """Return the cells of each row: what, figure, aim, met."""
    lines = [line.strip("|").split("|") for line in TABLE.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line] for line in lines[1:]]


def section(anchor: str) -> str:
    """Return the text of the section that a link leads to."""
    titles = {re.sub(r"[^a-z0-9 -]", "", each.split("\n")[0].lower()).replace(" ", "-"): each for each in SECTIONS}
    return titles[anchor]


def sections() -> list[str]:
    """Return the section of each row: the linked one, or that of the row before."""
    links: list[re.Match[str] | None] = [LINK.search(cells[0]) for cells in rows()]
    return [section(link[1]) for link in accumulate(links, _or_last) if link]


def _or_last(last: re.Match[str] | None, link: re.Match[str] | None) -> re.Match[str] | None:
    return link or last


def met(figure: str, aim: str) -> str:
    """Return whether a figure meets its aim: yes, no, or once where one of two runs does."""
    reached, wanted = [value(number) for number in numbers(figure)], [value(number) for number in numbers(aim)] or [1.0]
    more = "as fast" in figure or "a second" in figure
    wanted = wanted * len(reached) if len(wanted) == 1 else wanted
    held = [at >= aimed if more else at <= aimed for at, aimed in zip(reached, wanted, strict=True)]
    return "yes" if all(held) else "once" if any(held) and "run" in figure else "no"


@pytest.mark.parametrize(("cells", "text"), list(zip(rows(), sections(), strict=True)))
def test_a_figure_of_the_table_stands_in_its_section(cells: list[str], text: str) -> None:
    there = set(numbers(text))
    assert [number for number in numbers(cells[1]) if number not in there] == []


@pytest.mark.parametrize("cells", rows())
def test_an_aim_is_met_where_the_table_says_so(cells: list[str]) -> None:
    _what, figure, aim, judged = cells
    assert judged == met(figure, aim)
