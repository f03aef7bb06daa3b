"""Strategies that an assistant wrote: kept as files of a folder of their own, once their text imports nothing else.

This reads a text alone and runs nothing of it. The checker, and the limits of a process, come after it.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from fanfold import indicators, strategies
from fanfold.errors import BadInput

FOLDER = "strategies"
SOURCE_MAX = 20_000
# The names that a strategy may import of each module; through a module's other names, a text gets at everything.
IMPORTS = {
    "fanfold.indicators": frozenset(indicators.__all__),
    "fanfold.strategies": frozenset(strategies.__all__),
    "math": frozenset({"inf", "isfinite", "isnan", "nan", "sqrt"}),
    "typing": frozenset({"NamedTuple"}),
}
# Names by which a text gets at files, at other code, or at the insides of objects.
BANNED = frozenset(
    {"breakpoint", "compile", "delattr", "dir", "eval", "exec", "getattr", "globals", "locals", "open", "setattr",
     "type", "vars"}
)  # fmt: skip
BANNED_NODES = (ast.AsyncFunctionDef, ast.Await, ast.Global, ast.Nonlocal)
BANNED_ATTRIBUTES = frozenset({"format", "format_map"})


def keep(folder: Path, name: str, source: str) -> Path:
    """Keep a text as the strategy of a name, and return its file. Raises BadInput, which names refused lines."""
    if not name.isidentifier() or name.startswith("_") or not name.isascii():
        raise BadInput(f"{name!r} cannot be a strategy's name; write letters, digits and _, such as rsi_dip")
    wrong = list(refusals(source))
    if wrong:
        raise BadInput("the strategy is not run: " + "; ".join(wrong[:5]))
    path = folder / FOLDER / f"{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, "utf-8")
    return path


def refusals(source: str) -> Iterator[str]:
    """Yield what a text does that no strategy needs, with its line."""
    if len(source) > SOURCE_MAX:
        yield f"it has {len(source):,} characters, and {SOURCE_MAX:,} are the most"
        return
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as wrong:
        yield f"it is no Python: {wrong}"
        return
    for node in ast.walk(tree):
        if (words := _refusal(node)) is not None:
            yield f"line {getattr(node, 'lineno', 0)}: {words}"


def _refusal(node: ast.AST) -> str | None:
    match node:
        case ast.Import():
            return f"it imports {node.names[0].name}; {_ADVICE}"
        case ast.ImportFrom():
            return _refused_import(node)
        case ast.Name():
            return f"it uses {node.id}" if node.id in BANNED or _is_inside(node.id) else None
        case ast.Attribute():
            return f"it uses .{node.attr}" if node.attr in BANNED_ATTRIBUTES or _is_inside(node.attr) else None
        case ast.MatchClass() if any(map(_is_inside, node.kwd_attrs)):
            return "it matches the insides of an object"
    return f"it uses {type(node).__name__}" if isinstance(node, BANNED_NODES) else None


_ADVICE = "a strategy imports, by `from ... import ...`, names of " + ", ".join(IMPORTS)


def _refused_import(node: ast.ImportFrom) -> str | None:
    module = "." * node.level + (node.module or "")
    others = [alias.name for alias in node.names if alias.name not in IMPORTS.get(module, ())]
    return f"it imports {', '.join(others)} of {module}; {_ADVICE}" if others else None


def _is_inside(name: str) -> bool:
    return name.startswith("__")
