"""The step of a strategy in machine code, from the very module that runs live."""

from collections.abc import Callable
from functools import cache
from types import FunctionType, ModuleType
from typing import Any

from numba import njit


def compile_step(strategy: ModuleType) -> Callable[[Any, Any, Any], tuple[Any, float]]:
    """The module's step under numba, which can also be called from other compiled code.

    Without fast-math, so that it gives what plain Python gives, bit for bit. Columns must be float64 arrays, those of a
    Universe two-dimensional. A step that numba cannot compile raises its TypingError at the first call.
    """
    compiled: Callable[[Any, Any, Any], tuple[Any, float]] = inlined(strategy.step)
    return compiled


@cache
def inlined(function: FunctionType) -> Any:
    """The function under numba, to be called from compiled code alone, of which it becomes a part.

    A call would count the references of every column that it passes on, which takes longer than most steps.
    """
    # Compiled code calls only compiled code, so every function that this one names gets a compiled twin.
    known = function.__globals__
    called = {name: known[name] for name in function.__code__.co_names if isinstance(known.get(name), FunctionType)}
    twins = {name: inlined(callee) for name, callee in called.items()}
    copy = FunctionType(function.__code__, known | twins, function.__name__, function.__defaults__)
    return njit(forceinline=True)(copy)
