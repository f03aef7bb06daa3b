"""Identify the code of a strategy's step by a digest, and locate faults in it for its author."""

from collections.abc import Iterator
from functools import cache
from hashlib import blake2s
from pathlib import PurePath
from traceback import extract_tb, format_exception_only
from types import CodeType, FunctionType
from typing import Any

REASON_MAX = 200


@cache
def digest(step: Any) -> str:
    """Hash the code of a step, of all functions that it calls and of the constants that they use.

    Comments and formatting do not change it; another version of Python may.
    """
    parts = "\n".join(_parts(step, set()))
    return blake2s(parts.encode("utf-8", "replace"), digest_size=6).hexdigest()


def fault_of(fault: BaseException, step: Any) -> str:
    """Format an exception as one line, with the file and line in the strategy's own code."""
    code = getattr(step, "__code__", None)
    own = code.co_filename if code else ""
    frames = [frame for frame in extract_tb(fault.__traceback__) if frame.filename == own]
    line = frames[-1].lineno if frames else getattr(code, "co_firstlineno", 0)
    # Formatted by the library, for a fault of a stranger may not even be able to say what it is.
    text = " ".join("".join(format_exception_only(fault)).split())
    where = f"{PurePath(own).name}:{line}: " if own else ""
    return (where + text)[:REASON_MAX].encode("utf-8", "replace").decode()


def _parts(function: Any, seen: set[int]) -> Iterator[str]:
    function = getattr(function, "py_func", function)
    code = getattr(function, "__code__", None)
    if code is None:
        yield getattr(function, "__qualname__", type(function).__qualname__)
        return
    if id(code) in seen:
        return
    seen.add(id(code))
    yield repr(getattr(function, "__defaults__", None))
    yield from _code(code)
    for name in sorted(_names(code)):
        value = getattr(function, "__globals__", {}).get(name)
        if isinstance(value, FunctionType) or hasattr(value, "py_func"):
            yield from _parts(value, seen)
        elif isinstance(value, int | float | str | tuple):
            yield f"{name} = {value!r}"


def _code(code: CodeType) -> Iterator[str]:
    yield code.co_code.hex()
    yield " ".join(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code(constant)
        elif isinstance(constant, frozenset):
            yield repr(sorted(map(repr, constant)))
        else:
            yield repr(constant)


def _names(code: CodeType) -> set[str]:
    inner = [_names(const) for const in code.co_consts if isinstance(const, CodeType)]
    return set(code.co_names).union(*inner)
