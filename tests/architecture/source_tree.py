"""The product's source files, and the questions that the architecture tests ask of a syntax tree."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Module(NamedTuple):
    """A source file: its path from the root of the repository, its dotted name, and its text."""

    path: str
    name: str
    source: str

    @property
    def tree(self) -> ast.Module:
        return _parsed(self.source)

    @property
    def functions(self) -> list[Function]:
        return [node for node in ast.walk(self.tree) if isinstance(node, Function)]

    @property
    def classes(self) -> list[ast.ClassDef]:
        return [node for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef)]


def module(path: str, source: str) -> Module:
    """A module under a path such as ``shared/fanfold/market/bars.py`` or ``services/risk/risk_service/assess.py``."""
    parts = Path(path).with_suffix("").parts[1 if path.startswith("shared/") else 2 :]
    return Module(path, ".".join(part for part in parts if part != "__init__"), source)


@cache
def modules() -> tuple[Module, ...]:
    """Every file of the product."""
    files = sorted([*(ROOT / "shared").rglob("*.py"), *(ROOT / "services").rglob("*.py")])
    return tuple(module(str(file.relative_to(ROOT)), file.read_text()) for file in files)


@cache
def files_of_tests() -> tuple[Module, ...]:
    """Every file of the tests."""
    files = sorted((ROOT / "tests").rglob("*.py"))
    return tuple(module(str(file.relative_to(ROOT)), file.read_text()) for file in files)


def findings(rule, only=modules) -> list[str]:
    """The findings of a rule in all modules, each with its place."""
    return [f"{source_file.path}: {wrong}" for source_file in only() for wrong in rule(source_file)]


def imported(source_file: Module) -> Iterator[str]:
    """Dotted names of what a module imports, at the top or in a function; ``from a import b`` is both a.b and a."""
    for node in ast.walk(source_file.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{source_file.path} has a relative import; write the whole name"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(name: str) -> str:
    """The room of a dotted name: core, market, aws.client, <service>.verb, or the first part of a library's name."""
    head, *rest = name.split(".")
    if head == "fanfold":
        if len(rest) > 1 and f"{rest[0]}.{rest[1]}" in INNER:
            return f"{rest[0]}.{rest[1]}"
        return FLAT.get(rest[0], rest[0]) if rest else "core"
    if head.endswith("_service"):
        return f"{head}.{rest[0] if rest and rest[0] in PARTS else 'verb'}"
    return head


# Files of the top level, by what they are for; folders are rooms of their own names.
FLAT = {
    **dict.fromkeys(("errors", "ids", "money", "codes", "records", "packing", "__version__"), "core"),
    **dict.fromkeys(("messages", "splitting", "deployment"), "messages"),
    **dict.fromkeys(("desk", "desk_entries"), "desk"),
}
INNER = ("simulation.schedules", "aws.client", "aws.dynamodb", "aws.s3", "aws.telemetry", "aws.function")
PARTS = ("handler", "wiring", "settings")


@cache
def _parsed(source: str) -> ast.Module:
    return ast.parse(source)
