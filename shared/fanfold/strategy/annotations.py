"""The annotations of a strategy's parts. Python runs one that stands in quotes as code: here it may only name types."""

import ast
from collections.abc import Iterator
from typing import Any, ForwardRef, Literal, get_args, get_origin, get_type_hints

from fanfold.errors import BadInput

# The parts of `float`, `typing.Any`, `tuple[int, float]` and `Bars | None`.
_NAMING = (ast.Expression, ast.Name, ast.Attribute, ast.Subscript, ast.Tuple, ast.BinOp, ast.BitOr, ast.Load)


def hints_of(thing: Any) -> dict[str, Any]:
    """Return the types that a class or a function names. Raises BadInput for an annotation that does more than name."""
    for part in getattr(thing, "__mro__", (thing,)):
        for annotation in getattr(part, "__annotations__", {}).values():
            for text in _texts(annotation):
                _check(text)
    return get_type_hints(thing)


def _texts(annotation: Any) -> Iterator[str]:
    """Yield what Python would run of an annotation; a Literal's texts are values."""
    if isinstance(annotation, ForwardRef):
        yield annotation.__forward_arg__
    elif isinstance(annotation, str):
        yield annotation
    elif get_origin(annotation) is not Literal:
        for inner in get_args(annotation):
            yield from _texts(inner)


def _check(text: str) -> None:
    for node in ast.walk(ast.parse(text.strip(), mode="eval")):
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str):
                _check(node.value)
        elif not isinstance(node, _NAMING):
            raise BadInput(f"the annotation {text!r} is more than the name of a type")
