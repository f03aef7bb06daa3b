"""A search in fanfold's own pages: the sections that have most of the words, rare words first."""

import re
from collections import Counter
from functools import cache
from math import log
from pathlib import Path

from fanfold.cli.assistants.answers import Section
from fanfold.errors import NothingThere
from fanfold.local.launcher import repository_root

TEXT_MAX = 3_000
_HEADING = re.compile(r"^#{1,3} +(.*)$", re.MULTILINE)
_WORD = re.compile(r"[a-z0-9_]{2,}")
# A word of a heading says more than one of a text.
HEADING_WEIGHT = 4


def search(words: str, count: int) -> list[Section]:
    """Return the sections that fit best. Raises NothingThere where none has any of the words."""
    wanted = set(_WORD.findall(words.lower()))
    sections = _sections(repository_root() / "docs")
    counts = [Counter(_words_of(section)) for section in sections]
    within = Counter(word for each in counts for word in wanted & each.keys())
    scores = [
        sum((1 + log(each[word])) * log(1 + len(sections) / within[word]) for word in wanted & each.keys())
        for each in counts
    ]
    best = sorted(range(len(sections)), key=lambda place: -scores[place])[:count]
    if not best or not scores[best[0]]:
        raise NothingThere(f"no page of fanfold has any of {', '.join(sorted(wanted))}; try other words")
    return [sections[place] for place in best if scores[place]]


def _words_of(section: Section) -> list[str]:
    return _WORD.findall(f"{' '.join([section.heading] * HEADING_WEIGHT)} {section.text}".lower())


@cache
def _sections(folder: Path) -> tuple[Section, ...]:
    pages = sorted(path for path in folder.rglob("*.md") if "decisions" not in path.parts)
    return tuple(section for path in pages for section in _of_page(path, str(path.relative_to(folder.parent))))


def _of_page(path: Path, page: str) -> list[Section]:
    parts = _HEADING.split(path.read_text("utf-8"))
    texts = zip(parts[1::2], parts[2::2], strict=True)
    return [
        Section(page=page, heading=heading, text=text.strip()[:TEXT_MAX]) for heading, text in texts if text.strip()
    ]
