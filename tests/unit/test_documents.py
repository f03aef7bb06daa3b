"""Documents that cannot go stale: their links lead somewhere, their command lines parse, what they show runs."""

import ast
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from fanfold.cli.app import parse
from fanfold.errors import BadInput
from fanfold.messages import Message, decode, encode
from fanfold_dev.documents.generate import DOCUMENTS
from fanfold_dev.documents.message_examples import EXAMPLES

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("services/*/README.md")])
FENCE = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[(`?)([^\]`]+)\1\]\(([^)\s]+)\)")
NAME = re.compile(r"[A-Za-z_]\w*(\.\w+)?")


def names(page: Path) -> str:
    return str(page.relative_to(ROOT))


def links(text: str) -> list[tuple[str, str, bool]]:
    """Text, target, and whether the text names code, of every link outside code blocks."""
    return [(text, target, tick == "`") for tick, text, target in LINK.findall(FENCE.sub("", text))]


def broken_links(page: Path, text: str) -> list[str]:
    """Links within the repository to no file, to no heading, or with the name of a function that the file lacks."""
    return [f"[{link[0]}]({link[1]})" for link in links(text) if not _resolves(page, *link)]


def _resolves(page: Path, name: str, target: str, is_code: bool) -> bool:
    if target.startswith(("https://", "http://", "mailto:")):
        return True
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    if not file.exists() or not file.is_relative_to(ROOT):
        return False
    if anchor:
        return anchor in _anchors(file.read_text())
    return file.suffix != ".py" or not is_code or not NAME.fullmatch(name) or _defines(file, name)


def _anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _defines(file: Path, name: str) -> bool:
    """Say whether a file defines a name, also of a method as ``Class.method``, or is the file of that name."""
    first, _, method = name.partition(".")
    if name == file.name:
        return True
    scope: dict[str, ast.AST] = {}
    for node in ast.parse(file.read_text()).body:
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        scope |= {target.id: node for target in targets if isinstance(target, ast.Name)}
        scope |= {node.name: node} if isinstance(node, ast.FunctionDef | ast.ClassDef) else {}
    body = getattr(scope.get(first), "body", [])
    return first in scope and (not method or method in {getattr(node, "name", "") for node in body})


def run_blocks(text: str) -> None:
    """Run every block that is marked ``python run``, each by itself."""
    for kind, marks, body in FENCE.findall(text):
        if kind == "python" and "run" in marks.split():
            scope: dict[str, Any] = {}
            exec(body, scope)


def unparsed(text: str) -> list[str]:
    """Calls of ``fanfold`` in blocks, and named in the running text, that the parser does not take."""
    blocks = [body for kind, _, body in FENCE.findall(text) if kind in {"", "sh", "bash", "shell", "console"}]
    lines = [line.removeprefix("$ ").strip() for body in blocks for line in body.splitlines()]
    shown = [command for line in lines for command in line.split(" && ")]
    named = re.findall(r"`(fanfold [a-z][^`]*)`", FENCE.sub("", text))
    wrong = [line for line in shown if line.startswith("fanfold ") and not _parses(line)]
    # What is only named may lack its arguments: then its help has to be there.
    return wrong + [line for line in named if not _parses(line) and (" -" in line or not _parses(f"{line} --help"))]


def _parses(line: str) -> bool:
    # Of `fanfold status | head` only the first part is ours.
    words = shlex.split(line.partition("|")[0].partition(" > ")[0], comments=True)[1:]
    try:
        parse(words)
    except BadInput:
        return False
    return True


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_every_link_resolves(page: Path) -> None:
    assert broken_links(page, page.read_text()) == []


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_every_command_line_parses(page: Path) -> None:
    assert unparsed(page.read_text()) == []


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_every_block_that_says_it_runs_does(page: Path) -> None:
    run_blocks(page.read_text())


def test_a_block_that_does_not_run_is_seen() -> None:
    with pytest.raises(ZeroDivisionError):
        run_blocks("```python run\n1 / 0\n```\n")


def test_the_tour_is_mostly_links_to_functions() -> None:
    tour = ROOT / "docs" / "tour.md"
    assert sum(target.endswith(".py") for _, target, _ in links(tour.read_text())) >= 30


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_generated_document_is_current(path: str) -> None:
    assert (ROOT / path).read_text() == DOCUMENTS[path](), f"{path} is behind: run `make documents`"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: type(example).__name__)
def test_every_example_decodes_to_what_it_was(example: Message) -> None:
    assert decode(encode(example)) == example


def test_there_is_an_example_of_every_message() -> None:
    assert {type(example) for example in EXAMPLES} == set(Message.__args__)


@pytest.mark.parametrize("number", sorted(int(file.name[:4]) for file in ROOT.glob("docs/decisions/*.md")))
def test_a_decision_has_its_parts_on_one_page(number: int) -> None:
    (page,) = ROOT.glob(f"docs/decisions/{number:04}-*.md")
    text = page.read_text()
    assert text.startswith(f"# {number}. ")
    assert len(text.splitlines()) <= 40
    parts = ["Context", "Decision", "Consequences", "Alternatives"]
    assert re.findall(r"^\*\*(\w+)\.\*\*", text, re.MULTILINE) == parts


@pytest.mark.parametrize(
    "link",
    [
        "[gone](gone.md)",
        "[`gone`](../shared/fanfold/market/bars.py)",
        "[`Series.gone`](../shared/fanfold/market/bars.py)",
        "[messages](messages.md#gone)",
        "[out](../../elsewhere.md)",
    ],
)
def test_a_broken_link_is_seen(link: str) -> None:
    assert broken_links(ROOT / "docs" / "tour.md", f"See {link}.") != []


@pytest.mark.parametrize("line", ["fanfold halt --speed 3", "fanfold gone", "fanfold run --gone", "fanfold audit gone"])
def test_a_wrong_command_line_is_seen(line: str) -> None:
    assert unparsed(f"Type `{line}`.") == [line]
    assert unparsed(f"```sh\n$ {line}\n```\n") == [line]
