"""A strategy's module, loaded and found to have what a strategy has; what is wrong with it is told with its place."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from math import isfinite
from traceback import extract_tb
from typing import Any, TypeVar

from fanfold.errors import BadInput
from fanfold.strategy.annotations import hints_of

PARTS = ("Params", "step")
# What a param may be: a number that a desk file can write.
KINDS = (int, float)
T = TypeVar("T")
# An import, a lookback and its trace take milliseconds.
LIMIT_S = 20.0
INDICATORS = "/fanfold/indicators/"
# What to do about a library that strategies import.
CURE = "write it with `fanfold.indicators`, or add it to `dependencies` in pyproject.toml and run `make lock`"
# Folders whose lines are never named as the place of a strategy's fault.
OURS = ("/fanfold/strategy/", INDICATORS)


def load(dotted: str, name: str) -> Any:
    """The module of a strategy. Raises BadInput for one that cannot be loaded or lacks a part."""
    module = guarded(f"strategy {name} cannot be loaded", lambda: import_module(dotted))
    missing = [part for part in PARTS if not hasattr(module, part)]
    if missing:
        raise BadInput(f"{_told(module, name)} has no `{missing[0]}`; a strategy has {', '.join(PARTS)}")
    for part in ("Params", "State"):
        if hasattr(module, part) and not hasattr(getattr(module, part), "_fields"):
            raise BadInput(f"`{part}` of {_told(module, name)} is no NamedTuple")
    bare = [field for field in module.Params._fields if field not in module.Params._field_defaults]
    if bare:
        raise BadInput(f"param {bare[0]!r} of {_told(module, name)} has no default; every param needs one")
    return module


@cache
def kinds_of(module: Any, name: str) -> dict[str, type]:
    """The params' kinds by name. Raises BadInput for a kind that no desk file can write."""
    kinds: dict[str, type] = guarded(f"the params of strategy {name}", lambda: hints_of(module.Params))
    for param, kind in kinds.items():
        if kind not in KINDS:
            known = getattr(kind, "__name__", kind)
            raise BadInput(f"param {param!r} of {_told(module, name)} is a {known}; it must be int or float")
        default = module.Params._field_defaults[param]
        try:
            number(kind, default)
        except ValueError as wrong:
            raise BadInput(
                f"the default of param {param!r} of {_told(module, name)} is {default!r}; "
                f"it must be a finite {kind.__name__}"
            ) from wrong
    return kinds


def number(kind: type, value: Any) -> Any:
    """Return the number that is written for a param. Raises ValueError for what is no finite one of its kind."""
    try:
        parsed = kind(str(value))
    except ArithmeticError as wrong:
        raise ValueError(f"{value} is no {kind.__name__}") from wrong
    if not isfinite(parsed):
        raise ValueError(f"{value} is not finite")
    return parsed


@cache
def annotations(module: Any, name: str) -> dict[str, Any]:
    """Return the annotations of ``step``: those of ``bars`` say what it sees, those of ``state`` what it keeps."""
    hints: dict[str, Any] = guarded(f"the annotations of step of strategy {name}", lambda: hints_of(module.step))
    if "bars" not in hints:
        raise BadInput(
            f"`step` of {_told(module, name)} says not what its `bars` are; "
            "write bars: Bars, or bars: Universe for a cross-sectional one"
        )
    if not hasattr(module, "State") and not hasattr(hints.get("state"), "_fields"):
        raise BadInput(
            f"{_told(module, name)} has no `State`, and `step` says not what its `state` is; "
            "write the NamedTuple State, or state: NoState for a step that keeps nothing"
        )
    return hints


def guarded(doing: str, work: Callable[[], T]) -> T:
    """Run code of the strategy's author; turn whatever it raises into BadInput with file and line.

    What does not end is ended after LIMIT_S.
    """
    try:
        with limited(LIMIT_S):
            return work()
    except BadInput:
        raise
    except (Exception, SystemExit) as wrong:
        raise BadInput(f"{doing}: {_place(wrong)}") from wrong


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in a block that runs for longer, wherever it is then; only a process's main thread can."""

    def expire(_signal: int, _frame: Any) -> None:
        raise TimeoutError(f"it does not end within {seconds:g} s")

    try:
        before = signal.signal(signal.SIGALRM, expire)
    except ValueError:
        # Another thread than the first takes no signals.
        yield
        return
    left, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left)
        signal.signal(signal.SIGALRM, before)


def attempted(work: Callable[[], T]) -> T | Exception | SystemExit:
    """Run code of the strategy's author, and return what it raised in place of a result."""
    try:
        return work()
    except (Exception, SystemExit) as fault:  # noqa: BLE001 - the caller tells of it
        return fault


def of_an_indicator(fault: BaseException) -> bool:
    """Return whether an indicator raised it: then it says what to write."""
    return INDICATORS in extract_tb(fault.__traceback__)[-1].filename


def _told(module: Any, name: str) -> str:
    return f"strategy {name} ({module.__file__})"


def _place(wrong: BaseException) -> str:
    said = f"{type(wrong).__name__}: {wrong}"
    if isinstance(wrong, ModuleNotFoundError) and wrong.name:
        said += f"; no image holds a library of that name either: {CURE}"
    if isinstance(wrong, SyntaxError) and wrong.filename:
        return f"{wrong.filename}, line {wrong.lineno}: {type(wrong).__name__}: {wrong.msg}"
    every = [frame for frame in extract_tb(wrong.__traceback__) if "importlib" not in frame.filename]
    # The author's own lines, where there are any.
    frames = [frame for frame in every if not any(folder in frame.filename for folder in OURS)]
    if not frames:
        return said
    return f"{frames[-1].filename}, line {frames[-1].lineno}: {said}"
