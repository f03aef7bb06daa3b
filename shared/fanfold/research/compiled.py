"""The step of a strategy in machine code, from the very module that runs live."""

from collections.abc import Callable, Iterator
from dis import get_instructions
from functools import cache, partial
from itertools import pairwise
from types import CodeType, FunctionType, ModuleType
from typing import Any

from numba import njit
from numba.core.errors import TypingError

from fanfold.market.bars import FIGURE_MAX
from fanfold.research.columns import EVERY
from fanfold.research.part_compiler import PartCompiler

# A part of other compiled code, compiled without an entry from Python, which takes a third of the time: a call from
# there ends the process.
part = partial(
    njit, forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, pipeline_class=PartCompiler, _nrt=False
)
# Instructions that read a variable, and an attribute of what was read.
READS, ATTRIBUTES = ("LOAD_FAST", "LOAD_DEREF"), ("LOAD_ATTR", "LOAD_METHOD")


def compile_step(strategy: ModuleType) -> Callable[[Any, Any, Any], tuple[Any, float]]:
    """The module's step under numba, which can also be called from other compiled code.

    Without fast-math, so that it gives what plain Python gives, bit for bit. Columns must be float64 arrays, those of a
    Universe two-dimensional. A step that numba cannot compile raises its TypingError at the first call.
    """
    compiled: Callable[[Any, Any, Any], tuple[Any, float]] = njit(forceinline=True)(inlined(strategy.step).py_func)
    return compiled


@cache
def names_in(function: FunctionType) -> frozenset[str]:
    """Return the names of attributes and globals in a function and in all that it calls."""
    return _names(function.__code__).union(*(_names(callee.__code__) for callee in reached(function)))


def reached(function: FunctionType) -> set[FunctionType]:
    """Return the functions that a function calls by their names, and those that they call; itself where it recurs."""
    functions, waiting = set[FunctionType](), [function]
    while waiting:
        known = waiting.pop()
        new = set(called(known).values()) - functions
        functions |= new
        waiting += new
    return functions


def called(function: FunctionType) -> dict[str, FunctionType]:
    """Return the functions that a function calls by their names."""
    known = function.__globals__
    return {name: known[name] for name in _names(function.__code__) if isinstance(known.get(name), FunctionType)}


def _names(code: CodeType) -> frozenset[str]:
    """Return the names in a code, and in those of comprehensions in it."""
    inner = [_names(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    return frozenset(code.co_names).union(*inner)


@cache
def columns_read(step: FunctionType) -> frozenset[str]:
    """Return the names among which are those of all columns that a step reads: every one where it hands its bars on."""
    return names_in(step) if None not in attributes_read(step) else EVERY


@cache
def attributes_read(step: FunctionType) -> frozenset[str | None]:
    """Return the attributes of its bars that a step reads, and None where it does anything else with them."""
    return frozenset(_uses(step.__code__, step.__code__.co_varnames[2]))


def _uses(code: CodeType, variable: str) -> set[str | None]:
    uses: set[str | None] = {
        after.argval if after.opname in ATTRIBUTES else None
        for use, after in pairwise(get_instructions(code))
        if use.opname in READS and use.argval == variable
    }
    inner = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return uses.union(*(_uses(nested, variable) for nested in inner))


@cache
def inlined(function: FunctionType) -> Any:
    """The function under numba, to be called from compiled code alone, of which it becomes a part.

    A call would count the references of every column that it passes on, which takes longer than most steps.
    """
    for constant in _constants(function.__code__):
        if isinstance(constant, int) and abs(constant) > FIGURE_MAX:
            raise TypingError(f"{constant} does not fit into 64 bits")
    # Compiled code calls only compiled code, so every function that this one names gets a compiled twin: but one that
    # comes back to itself, which is no part of itself, and which numba then refuses.
    known = function.__globals__
    twins = {name: inlined(callee) for name, callee in called(function).items() if callee not in reached(callee)}
    twins |= {name: _maker(known[name]) for name in function.__code__.co_names if _has_defaults(known.get(name))}
    copy = FunctionType(
        function.__code__, known | twins, function.__name__, function.__defaults__, function.__closure__
    )
    return part()(copy)


def _constants(code: CodeType) -> Iterator[Any]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _constants(constant)
        yield constant


def _has_defaults(known: Any) -> bool:
    return isinstance(known, type) and issubclass(known, tuple) and bool(getattr(known, "_field_defaults", None))


@cache
def _maker(kind: Any) -> Any:
    """Return a function that makes a NamedTuple: numba cannot leave out a field before one that is named."""
    fields = ", ".join(kind._fields)
    # As collections.namedtuple writes its constructor, from names that it has checked.
    maker = eval(f"lambda {fields}: made({fields})", {"made": kind})  # noqa: S307
    maker.__defaults__ = kind.__new__.__defaults__
    return part()(maker)
