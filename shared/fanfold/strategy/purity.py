"""Find in the code of a step what could make a replay differ."""

import dis
import sys
from collections.abc import Iterator
from inspect import unwrap
from types import CodeType, FunctionType, ModuleType
from typing import Any

# Modules that tell a step more than params, state and bars do.
IMPURE = {"random", "time", "datetime", "os", "secrets", "uuid", "sys", "socket", "urllib", "pathlib", "io"}
IMPURE_CALLS = {"open", "input", "print", "eval", "exec", "hash", "id"}
# Functions that may give other digits on another processor.
INEXACT = {"log", "log2", "log10", "log1p", "exp", "expm1", "pow", "sin", "cos", "tan", "tanh"}
# Modules that are not searched: they have tests of their own.
_TRUSTED = ("fanfold.indicators", "fanfold.strategy.")


def impurities(step: Any) -> Iterator[str]:
    """Yield each use of a clock, of chance, of files and the like, with its line."""
    for owner, code in _reached(step):
        for instruction in dis.get_instructions(code):
            name = instruction.argval
            known = owner.__globals__.get(name) if isinstance(name, str) else None
            module = known.__name__ if isinstance(known, ModuleType) else getattr(known, "__module__", None)
            place = f"{code.co_filename.rpartition('/')[2]}:{_line(code, instruction.offset)}"
            if instruction.opname in {"STORE_GLOBAL", "DELETE_GLOBAL"}:
                yield f"{place}: it changes the global `{name}`; keep it in State"
            elif instruction.opname == "LOAD_GLOBAL" and (str(module).partition(".")[0].lstrip("_") in IMPURE):
                yield f"{place}: it uses `{name}` of {module}; use nothing but params, state and bars"
            elif instruction.opname == "LOAD_GLOBAL" and name in IMPURE_CALLS and known is None:
                yield f"{place}: it calls `{name}`; use nothing but params, state and bars"


def inexact(step: Any) -> Iterator[str]:
    """Yield each function that may compute other digits on another processor."""
    for _, code in _reached(step):
        powers = {
            i.offset for i in dis.get_instructions(code) if i.opname == "BINARY_OP" and i.argrepr in {"**", "**="}
        }
        called = INEXACT & set(code.co_names)
        if powers or called:
            what = ", ".join([*sorted(called), *(["**"] if powers else [])])
            name = code.co_filename.rpartition("/")[2]
            yield f"{name}: `{code.co_name}` uses {what}, which may give other digits on another processor"


def functions(step: Any) -> list[FunctionType]:
    """Return a step and all functions that it calls, by their names or those of their modules."""
    waiting, reached = [step], list[FunctionType]()
    while waiting:
        known = waiting.pop()
        function = unwrap(getattr(known, "py_func", known))
        if isinstance(function, FunctionType) and function not in reached and _is_checked(function.__module__):
            reached.append(function)
            waiting += outer_names(function).values()
    return reached


def outer_names(function: FunctionType) -> dict[str, Any]:
    """Return what a function, with those inside of it, reads of its module, of modules beside it and of its closure."""
    codes = list(_with_inner(function.__code__))
    loaded = {each.argval for code in codes for each in dis.get_instructions(code) if each.opname == "LOAD_GLOBAL"}
    known = {name: function.__globals__[name] for name in loaded if name in function.__globals__}
    attributes = {name for code in codes for name in code.co_names}
    for name, module in list(known.items()):
        if isinstance(module, ModuleType) and _is_checked(module.__name__):
            known |= {f"{name}.{own}": vars(module)[own] for own in attributes & vars(module).keys()}
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return known | {name: cell.cell_contents for name, cell in cells}


def _is_checked(module: str) -> bool:
    top = module.partition(".")[0]
    return not module.startswith(_TRUSTED) and top not in sys.stdlib_module_names


def _reached(step: Any) -> Iterator[tuple[FunctionType, CodeType]]:
    for function in functions(step):
        for code in _with_inner(function.__code__):
            yield function, code


def _with_inner(code: CodeType) -> Iterator[CodeType]:
    """Yield code, and that of the functions and comprehensions inside of it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _with_inner(constant)


def _line(code: CodeType, offset: int) -> int:
    lines = [line for start, _, line in code.co_lines() if line is not None and start <= offset]
    return lines[-1] if lines else code.co_firstlineno
