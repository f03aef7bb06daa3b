"""Strategies that an assistant wrote: kept as files of a folder of their own, once their text imports nothing else.

This reads a text alone and runs nothing of it. The checker, and the limits of a process, come after it.
"""

import ast
import io
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tokenize import detect_encoding
from types import AsyncGeneratorType, CodeType, CoroutineType, FrameType, GeneratorType, TracebackType
from typing import Any

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
    {"breakpoint", "compile", "copyright", "credits", "delattr", "dir", "eval", "exec", "getattr", "globals", "help",
     "input", "license", "locals", "open", "setattr", "type", "vars"}
)  # fmt: skip
BANNED_NODES = (ast.AsyncFunctionDef, ast.Await, ast.Global, ast.Nonlocal)
BANNED_ATTRIBUTES = frozenset({"format", "format_map"})
# What leads from a generator, a traceback or a frame to the names of other modules.
STEPS = (AsyncGeneratorType, CodeType, CoroutineType, FrameType, GeneratorType, TracebackType)


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
        written = source.encode()
        encoding, _ = detect_encoding(io.BytesIO(written).readline)
        tree = ast.parse(written)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as wrong:
        yield f"it is no Python: {wrong}"
        return
    if encoding != "utf-8":
        # Python would read another text in it than whoever looks at it.
        yield f"it says that it is written in {encoding}; leave that out, it is UTF-8"
    for node in ast.walk(tree):
        if (words := _refusal(node)) is not None:
            yield f"line {getattr(node, 'lineno', 0)}: {words}"


def _refusal(node: ast.AST) -> str | None:
    inside = next(filter(_is_inside, _identifiers(node)), None)
    match node:
        case ast.Import():
            return f"it imports {node.names[0].name}; {_ADVICE}"
        case ast.ImportFrom():
            return _refused_import(node)
        case ast.Name(id=name) if name in BANNED:
            return f"it uses {name}"
        case ast.Attribute(attr=name) if name in BANNED_ATTRIBUTES:
            return f"it uses .{name}"
    if inside is not None:
        return f"it uses {inside}, an inside of an object"
    return f"it uses {type(node).__name__}" if isinstance(node, BANNED_NODES) else None


def _identifiers(node: ast.AST) -> Iterator[Any]:
    """Yield every name that a node itself has, whatever it stands for; a constant's text is none."""
    if not isinstance(node, ast.Constant):
        for _, value in ast.iter_fields(node):
            yield from value if isinstance(value, list) else [value]


_ADVICE = "a strategy imports, by `from ... import ...`, names of " + ", ".join(IMPORTS)


def _refused_import(node: ast.ImportFrom) -> str | None:
    module = "." * node.level + (node.module or "")
    others = [alias.name for alias in node.names if alias.name not in IMPORTS.get(module, ())]
    return f"it imports {', '.join(others)} of {module}; {_ADVICE}" if others else None


def _is_inside(name: Any) -> bool:
    return isinstance(name, str) and (name.startswith("__") or name in _inside_names())


@cache
def _inside_names() -> frozenset[str]:
    return frozenset(name for kind in STEPS for name in dir(kind) if "_" in name)
