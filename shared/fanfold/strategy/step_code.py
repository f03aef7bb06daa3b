"""Identify the code of a strategy's step by a digest, and locate faults in it for its author."""

import sys
from collections.abc import Iterator, Mapping
from functools import cache, partial
from hashlib import blake2s
from inspect import unwrap
from pathlib import PurePath
from traceback import format_exception_only, walk_tb
from types import CodeType, FunctionType, ModuleType
from typing import Any

REASON_MAX = 200


@cache
def digest(reached: Any) -> str:
    """Hash the code of a step, or of several functions, and all that it reaches.

    That is what it calls, also in modules that it names, and the constants, the defaults of functions and of classes,
    and the values around it that these use. Comments and formatting do not change it; another version of Python may.
    """
    parts = "\n".join(_parts(reached, {}))
    return blake2s(parts.encode("utf-8", "replace"), digest_size=6).hexdigest()


def fault_of(fault: BaseException, step: Any) -> str:
    """Format an exception as one line, with the file and line in the strategy's own code."""
    code = getattr(step, "__code__", None)
    own = code.co_filename if code else ""
    # Walked, not extracted, which asks the disk for the source of each frame: a step may raise at every bar.
    lines = [line for frame, line in walk_tb(fault.__traceback__) if frame.f_code.co_filename == own]
    line = lines[-1] if lines else getattr(code, "co_firstlineno", 0)
    # Formatted by the library, for a fault of a stranger may not even be able to say what it is.
    text = " ".join("".join(format_exception_only(fault)).split())
    where = f"{PurePath(own).name}:{line}: " if own else ""
    return (where + text)[:REASON_MAX].encode("utf-8", "replace").decode()


# What was met, by its identity; it is held, so that nothing made later has that identity, too.
_Seen = dict[tuple[int, frozenset[str]], Any]
_NO_NAMES: frozenset[str] = frozenset()


def _parts(value: Any, seen: _Seen) -> Iterator[str]:
    """Yield what a value holds. Of the standard library a name says it; of an object that has no parts, its class."""
    value = getattr(value, "py_func", value)
    if not isinstance(value, FunctionType):
        # What a cache of a function's results holds; a function around another has it in its closure.
        value = unwrap(value)
    if value is None or isinstance(value, int | float | str | bytes):
        yield repr(value)
        return
    name = getattr(value, "__qualname__", type(value).__qualname__)
    if (id(value), _NO_NAMES) in seen or _is_of_the_library(value):
        yield name
        return
    seen[id(value), _NO_NAMES] = value
    if isinstance(value, FunctionType):
        yield from _function(value, seen)
        return
    yield name
    for part in _held(value):
        yield from _parts(part, seen)


def _is_of_the_library(value: Any) -> bool:
    module = value.__module__ if isinstance(value, FunctionType | type) else ""
    return str(module).partition(".")[0] in sys.stdlib_module_names


def _function(function: FunctionType, seen: _Seen) -> Iterator[str]:
    around = [cell.cell_contents for cell in function.__closure__ or ()]
    for value in (function.__defaults__, function.__kwdefaults__, around):
        yield from _parts(value, seen)
    yield from _code(function.__code__)
    yield from _named(function.__globals__, _names(function.__code__), seen)


def _named(known: Mapping[str, Any], names: frozenset[str], seen: _Seen) -> Iterator[str]:
    """Yield the values of names, and of those that are modules the values that these names have there."""
    for name in sorted(names & known.keys()):
        value = known[name]
        if not isinstance(value, ModuleType):
            yield f"{name} ="
            yield from _parts(value, seen)
        elif (id(value), names) not in seen and value.__name__.partition(".")[0] not in sys.stdlib_module_names:
            seen[id(value), names] = value
            yield from _named(vars(value), names, seen)


def _held(value: Any) -> Iterator[Any]:
    """Yield the parts of a collection, a class or an object, in an order that every process has."""
    if isinstance(value, tuple | list):
        yield from value
    elif isinstance(value, set | frozenset):
        yield from sorted(map(repr, value))
    elif isinstance(value, dict):
        yield from (part for pair in value.items() for part in pair)
    elif isinstance(value, partial):
        yield from (value.func, value.args, value.keywords)
    elif isinstance(value, property):
        yield value.fget
    elif isinstance(value, type):
        yield from value.__bases__
        yield {name: own for name, own in vars(value).items() if not name.startswith("_")}
        yield getattr(value, "_field_defaults", None)
    elif hasattr(value, "tobytes"):
        yield from (str(getattr(value, "dtype", "")), value.tobytes())
    else:
        yield getattr(value, "__dict__", None)


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


def _names(code: CodeType) -> frozenset[str]:
    inner = [_names(const) for const in code.co_consts if isinstance(const, CodeType)]
    return frozenset(code.co_names).union(*inner)
