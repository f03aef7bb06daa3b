"""Public names say what they are for, and tracked files speak of the product alone."""

import ast
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeGuard

import pytest
from source_tree import ROOT, Module, files_of_tests, findings, module, modules

from fanfold.risk.rules import ORDER_RULES, TARGET_RULES

# A function of so few lines says what it does.
SHORT = 3
# Functions and classes whose words are somewhere else.
EXPLAINED = {
    r"fanfold\.strategies\..+": {"Params", "State", "lookback", "start", "step"},  # In docs/writing-a-strategy.md.
    r"fanfold\.risk\.rules": {  # In the table of rules.
        check.__name__ for check in (*(rule.check for rule in TARGET_RULES), *(rule.check for rule in ORDER_RULES))
    },
}
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
# Classes that every strategy, or every service, has under the same name.
SHARED = {"Params", "State", "Settings"}
UNFINISHED = ["TO" + "DO", "FIX" + "ME", "X" + "XX"]
FOREIGN = ["Cl" + "aude", "G" + "PT-", "ChatG" + "PT", "AI-gen" + "erated"]
PLACES = ["/wo" + "rk/", "/tm" + "p/s/", "/ho" + "me/", "py" + "pi.org", "registry.npm" + "js.org"]
FOREIGN_WORDS = re.compile("|".join(re.escape(word) for word in (*UNFINISHED, *FOREIGN, *PLACES)))

# Names that say nothing of what the variable holds, or the function does.
VAGUE = {"one", "found", "told", "asked", "given", "some", "it"}
# A docstring says what a thing is or does: it begins with a noun or a verb, and with none of these.
QUESTIONS = re.compile(r"(What|Whether|How|Who|Whom|Whose|Where|When|Which|Why|Until when|By how|As|Of)\b")
# The keys of a document that programs read: what `fanfold doctor --json` calls its findings.
NAMED_SO = {("fanfold.stages.finding", "found")}


def undocumented(source_file: Module) -> list[str]:
    """Public modules, classes, and functions of more than a few lines that have no docstring."""
    if not ast.get_docstring(source_file.tree):
        return ["the module has no docstring"]
    known = {name for shape, names in EXPLAINED.items() if re.fullmatch(shape, source_file.name) for name in names}
    # What a method does is said once, at its class or its port.
    return [f"{node.name} has no docstring" for node in source_file.tree.body if _owes(node) and node.name not in known]


def _owes(node: ast.stmt) -> TypeGuard[ast.FunctionDef | ast.ClassDef]:
    if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_") or ast.get_docstring(node):
        return False
    length = (node.body[-1].end_lineno or 0) - node.body[0].lineno + 1
    return isinstance(node, ast.ClassDef) or length > SHORT


def foreign(text: str) -> list[str]:
    return FOREIGN_WORDS.findall(text)


def tracked(*patterns: str) -> list[str]:
    """The files of the repository, or those whose names fit a pattern."""
    done = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("this is no checkout of the repository")
    return [name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


def test_public_names_are_explained() -> None:
    assert findings(undocumented) == []


def test_tracked_files_speak_of_the_product() -> None:
    # In a compressed picture any letters come by chance.
    contents = {name: (ROOT / name).read_bytes() for name in tracked()}
    texts = {name: content.decode(errors="replace") for name, content in contents.items() if b"\0" not in content}
    assert {name: words for name, text in texts.items() if (words := foreign(text))} == {}


@pytest.mark.parametrize(
    "source",
    [
        "x = 1",
        '"""Doc."""\nclass Row: ...',
        '"""Doc."""\ndef f():\n    a = 1\n    b = 2\n    c = 3\n    return a + b + c',
    ],
)
def test_a_public_name_without_docstring_is_reported(source: str) -> None:
    assert undocumented(module("shared/fanfold/market/bars.py", source)) != []


def test_private_names_and_short_functions_need_no_docstring() -> None:
    source = '"""Doc."""\nclass _Row: ...\ndef double(x):\n    return 2 * x\n'
    assert undocumented(module("shared/fanfold/market/bars.py", source)) == []


@pytest.mark.parametrize("word", [*UNFINISHED, *FOREIGN, *PLACES])
def test_a_foreign_word_is_reported(word: str) -> None:
    assert foreign(f"see {word} here") == [word]


def class_places(all_of: tuple[Module, ...]) -> dict[str, list[str]]:
    """The modules of each public class."""
    places: dict[str, list[str]] = {}
    for source_file in all_of:
        for node in source_file.tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(source_file.name)
    return places


def test_a_public_class_name_stands_in_one_module() -> None:
    shared = {name: places for name, places in class_places(modules()).items() if len(places) > 1}
    assert set(shared) == SHARED, shared


def test_a_class_name_in_two_modules_is_reported() -> None:
    two = (module("shared/fanfold/desk.py", "class Book: ..."), module("shared/fanfold/ids.py", "class Book: ..."))
    assert class_places(two) == {"Book": ["fanfold.desk", "fanfold.ids"]}


def vague(source: Module) -> list[str]:
    """Variables, arguments, attributes and functions with a name of VAGUE, with their lines."""
    named = ((line, name) for line, name in _named(source.tree) if name in VAGUE)
    return [f"line {line}: {name}" for line, name in named if (source.name, name) not in NAMED_SO]


def _named(tree: ast.Module) -> Iterator[tuple[int, str | None]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.MatchAs | ast.MatchStar | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, node.name


def test_every_folder_of_tests_is_read() -> None:
    folders = {file.name for file in (ROOT / "tests").iterdir() if any(file.glob("*.py"))}
    assert folders == {Path(test.path).parts[1] for test in files_of_tests()} - {"conftest.py"}


@pytest.mark.parametrize("files", [modules, files_of_tests])
def test_names_say_what_a_thing_holds_or_does(files: Callable[[], Iterable[Module]]) -> None:
    assert findings(vague, files) == []


@pytest.mark.parametrize(
    "source",
    [
        "for one in orders: ...",
        "def f(given): ...",
        "x = [some for some in orders]",
        "x = lambda told: 1",
        "x = {it: 1 for it in orders}",
        "self.told = []",
        "def found(): ...",
        "if found := f(): ...",
        "match x:\n    case [asked]: ...",
    ],
)
def test_a_vague_name_is_reported(source: str) -> None:
    assert len(vague(module("shared/fanfold/market/bars.py", source))) == 1


def questions(source: Module) -> list[str]:
    """Docstrings of modules, classes and functions that begin with a word of QUESTIONS, with their lines."""
    documented = (node for node in ast.walk(source.tree) if isinstance(node, DOCUMENTED))
    first = ((getattr(node, "lineno", 1), (ast.get_docstring(node) or "").partition("\n")[0]) for node in documented)
    return [f"line {line}: {text}" for line, text in first if QUESTIONS.match(text)]


@pytest.mark.parametrize("files", [modules, files_of_tests])
def test_docstrings_say_what_a_thing_is_or_does(files: Callable[[], Iterable[Module]]) -> None:
    assert findings(questions, files) == []


@pytest.mark.parametrize(
    "source",
    [
        '"""What is told of a run."""',
        'class Order:\n    """How an order is stored."""',
        'def of():\n    """Whether it is open."""',
        'class Order:\n    def of(self):\n        """Where it lies."""',
    ],
)
def test_a_docstring_that_begins_with_a_question_is_reported(source: str) -> None:
    assert len(questions(module("shared/fanfold/market/bars.py", source))) == 1
