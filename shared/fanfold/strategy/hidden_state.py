"""Find what a step keeps outside of its State: in lists, objects, iterators and variables that outlive a bar."""

import ast
import inspect
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import partial
from textwrap import dedent
from types import FunctionType, ModuleType
from typing import Any

from fanfold.strategy import loading, purity

_CONTAINERS = (list, dict, set, bytearray)
_FIXED = (ModuleType, frozenset, str, bytes, int, float, Enum, type(None))
_CHANGING = {
    "append", "appendleft", "extend", "extendleft", "insert", "pop", "popitem", "popleft", "remove", "clear", "update",
    "setdefault", "add", "discard", "rotate", "sort", "reverse", "fill", "send",
}  # fmt: skip
_CHANGING_CALLS = {"next", "setattr", "delattr", "heappush", "heappop", "heapify", "insort", "insort_left"}


def changes(step: Any) -> Iterator[str]:
    """Yield each line of a step, and of what it calls, that changes what outlives the bar."""
    for function in purity.functions(step):
        outliving = _outliving(function)
        yield from _iterators(function, outliving)
        tree, first = _source(function)
        yield from dict.fromkeys(
            f"{_file(function)}:{first + line - 1}: it changes `{name}`, which outlives the bar; keep it in State"
            for name, line in _changed_names(tree, function, outliving)
        )


def changeable(step: Any) -> Iterator[str]:
    """Yield each container that a step could change, though no line of it seems to."""
    for function in purity.functions(step):
        changed = {name for name, _ in _changed_names(_source(function)[0], function, _outliving(function))}
        for name, value in _outliving(function).items():
            if isinstance(value, _CONTAINERS) and name not in changed:
                kind = type(value).__name__
                yield f"{_file(function)}: `{name}` is a {kind} that outlives the bar; a tuple could not be changed"


def contents(step: Any) -> dict[str, str]:
    """Return what each container and object that outlives a bar holds, by file and name."""
    return {
        f"{_file(function)}: `{name}`": _text(value)
        for function in purity.functions(step)
        for name, value in _outliving(function).items()
    }


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Yield each name whose contents differ from those before."""
    for name, text in before.items():
        if after.get(name) != text:
            yield f"{name} changes from bar to bar; keep it in State"


def _outliving(function: FunctionType) -> dict[str, Any]:
    """Return the objects that can change between two calls of a function, by the names that it knows them by."""
    arguments = inspect.signature(function).parameters.values()
    known = purity.outer_names(function) | {each.name: each.default for each in arguments}
    return {name: value for name, value in known.items() if _can_change(value)}


def _can_change(value: object) -> bool:
    if isinstance(value, _CONTAINERS):
        return True
    if isinstance(value, type):
        # A class that keeps something itself.
        return any(isinstance(kept, _CONTAINERS) for name, kept in vars(value).items() if not name.startswith("_"))
    if isinstance(value, (*_FIXED, tuple)) or callable(value):
        return False
    return any(hasattr(value, name) for name in ("__dict__", "__next__", "__setitem__"))


def _iterators(function: FunctionType, outliving: Mapping[str, Any]) -> Iterator[str]:
    for name, value in outliving.items():
        if hasattr(value, "__next__"):
            yield f"{_file(function)}: `{name}` is an iterator, which each read moves on; keep a count in State"


def _source(function: FunctionType) -> tuple[ast.AST, int]:
    """Return the syntax tree of a function and its first line; an empty tree where it has no lines of its own."""
    try:
        lines, first = inspect.getsourcelines(function)
        return ast.parse(dedent("".join(lines))), first
    except (OSError, TypeError, SyntaxError):
        return ast.Module([], []), 1


def _changed_names(tree: ast.AST, function: FunctionType, outliving: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield the name and the line of each change of what outlives the bar."""
    own = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    own |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    around = set(function.__code__.co_freevars)
    # An argument whose default can change is known as that.
    local = own - outliving.keys() - around
    for node in ast.walk(tree):
        if isinstance(node, ast.Nonlocal):
            yield from ((name, node.lineno) for name in node.names if name in around)
        for target in _assigned(node):
            name = _root(target)
            if name not in local and (name in outliving or name in function.__globals__):
                yield name, target.lineno
        for target in _called_to_change(node):
            name = _root(target)
            # A module's function can be called `update`, too.
            if name not in local and not {name, ast.unparse(target)}.isdisjoint(outliving):
                yield ast.unparse(target), target.lineno


def _assigned(node: ast.AST) -> Iterator[ast.expr]:
    """Yield what a statement changes in place."""
    match node:
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            yield from (target for target in targets if isinstance(target, (ast.Subscript, ast.Attribute)))
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
            yield target


def _called_to_change(node: ast.AST) -> Iterator[ast.expr]:
    """Yield what a call changes in place."""
    match node:
        case ast.Call(func=ast.Attribute(attr=attribute, value=value)) if attribute in _CHANGING:
            yield value
        case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called), args=[first, *_]):
            if called in _CHANGING_CALLS:
                yield first


def _root(target: ast.expr) -> str:
    while isinstance(target, (ast.Subscript, ast.Attribute)):
        target = target.value
    return target.id if isinstance(target, ast.Name) else ""


def _file(function: FunctionType) -> str:
    return function.__code__.co_filename.rpartition("/")[2]


def _text(value: object) -> str:
    kept = vars(value) if hasattr(value, "__dict__") and not isinstance(value, type) else value
    # The repr of an author's object may raise.
    text = loading.attempted(partial(repr, kept))
    return text if isinstance(text, str) else type(value).__name__
