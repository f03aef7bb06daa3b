"""A cache of compiled code between runs, in the user's cache folder, under a digest of all that it was made of."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from functools import cache
from hashlib import blake2s
from importlib import import_module
from pathlib import Path
from typing import Any

from llvmlite.binding import address_of_symbol
from numba import types
from numba.core import entrypoints
from numba.core.caching import CompileResultCacheImpl, FunctionCache
from numba.core.runtime.nrt import rtsys

from fanfold import __version__
from fanfold.strategy.step_code import digest

# The modules whose functions become parts of a compiled account, and of a compiled strategy.
ACCOUNT = ("account_book", "account_bounds", "account_changes", "account_decision", "account_idle", "account_matching",
           "account_protection", "account_resting_stops", "account_rules", "account_scan", "account_sizing", "columns",
           "tape")  # fmt: skip
STRATEGY = ("columns", "compiled", "equity_line", "folding", "fixed_size_scan", "tape", "step_signals")
QUANTITY = (*STRATEGY, "crossing", "curve_sums", "flag_words", "quantity_scan", "quantity_sums")
ONE_LEG = (*ACCOUNT, "curve_sums", "equity_line", "one_leg_scan", "quantity_sums", "step_signals")
ORDERS = ("columns", "equity_line", "fixed_size_scan", "flag_words", "order_scan", "tape")
PERMUTED = (*STRATEGY, *(f"bias_lab/{name}" for name in ("permuted_trading", "permuting", "shuffling", "trading")))


# Hears the name of each function that is compiled because it was not kept.
on_compile: ContextVar[Callable[[str], None]] = ContextVar("on_compile", default=lambda _name: None)


def folder() -> Path:
    """Return where compiled code is kept: ``fanfold/compiled`` of $XDG_CACHE_HOME, or of ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fanfold" / "compiled"


@cache
def digest_of(modules: tuple[str, ...]) -> str:
    """Hash modules of research, the release, and what they take from others: compiled code has it as it was.

    That is numbers, and the fields of named tuples, which compiled code reads by their places.
    """
    texts = [(Path(__file__).parent / f"{name}.py").read_bytes() for name in ("compile_cache", *modules)]
    names = (vars(import_module(f"{__package__}.{name.replace('/', '.')}")) for name in modules)
    taken = [sorted((name, part) for name, value in each.items() if (part := _embedded(value))) for each in names]
    return blake2s(b"\0".join([*texts, __version__.encode(), repr(taken).encode()]), digest_size=8).hexdigest()


def _embedded(value: Any) -> str:
    """Return what compiled code has of a value of a module: a number, or the fields of a named tuple."""
    if isinstance(value, int | float):
        return repr(value)
    return repr(getattr(value, "_fields", "")) if isinstance(value, type) else ""


def step_part(step: Any) -> str:
    """Hash a step's code and its module's name: what is kept names the module's State and Params, and imports them."""
    return f"{digest(step)}{blake2s(step.__module__.encode(), digest_size=4).hexdigest()}"


def _fields_of(kinds: Iterable[Any]) -> Iterator[tuple[str, ...]]:
    """Yield the names of the fields of each named tuple among types, and of those inside them."""
    for kind in kinds:
        if isinstance(kind, types.BaseNamedTuple):
            yield kind.fields  # type: ignore[attr-defined]
        if isinstance(kind, types.BaseTuple):
            yield from _fields_of(kind.types)  # type: ignore[attr-defined]


def _symbols_of(library: Any) -> list[str]:
    """Return the names that compiled code takes from outside of itself."""
    module = library._final_module  # noqa: SLF001 - no other way
    parts = [*module.functions, *module.global_variables]
    return sorted(part.name for part in parts if part.is_declaration and not part.name.startswith("llvm."))


class _Result(CompileResultCacheImpl):
    """Writes a compiled function with the names that it takes from outside."""

    def reduce(self, cres: Any) -> Any:
        return _symbols_of(cres.library), super().reduce(cres)  # type: ignore[no-untyped-call]

    def rebuild(self, target_context: Any, payload: Any) -> Any:
        symbols, reduced = payload
        if any(address_of_symbol(name) is None for name in symbols):
            target_context.refresh()
        return super().rebuild(target_context, reduced)  # type: ignore[no-untyped-call]


class _ReportingCache(FunctionCache):
    """A cache of compiled code that says when it has nothing.

    To make all that numba can compile known, as its own cache does first, takes longer than to load what is kept. It is
    left until something is compiled, or code needs a name that is not known yet; NRT, its allocator, always is needed.
    """

    _impl_class: Any = None

    def _index_key(self, signature: Any, codegen: Any) -> Any:
        """Return what a compiled signature is kept by: with the order of fields, which compiled code reads by place."""
        return *super()._index_key(signature, codegen), tuple(_fields_of(signature))  # type: ignore[no-untyped-call]

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        rtsys.initialize(target_context)
        with self._guard_against_spurious_io_errors():
            kept = self._load_overload(signature, target_context)  # type: ignore[no-untyped-call]
        if kept is None:
            entrypoints.init_all()  # type: ignore[no-untyped-call]
            on_compile.get()(self._py_func.__name__)
        return kept


def keep(dispatcher: Any, modules: tuple[str, ...], part: str = "") -> Any:
    """Let a compiled function be kept, and return it; ``part`` is a digest of what it holds besides these modules.

    Where the folder cannot be written to, it is compiled in each run.
    """
    stamp = f"{digest_of(modules)}{part}"

    class Located:
        """The place of this function alone."""

        def __init__(self, lineno: int) -> None:
            self._lineno = lineno

        @classmethod
        def from_function(cls, function: Any, _path: str) -> "Located | None":
            try:
                folder().mkdir(parents=True, exist_ok=True)
            except OSError:
                return None
            return cls(function.__code__.co_firstlineno)

        def ensure_cache_path(self) -> None:
            folder().mkdir(parents=True, exist_ok=True)

        def get_cache_path(self) -> str:
            return str(folder())

        def get_source_stamp(self) -> str:
            return stamp

        def get_disambiguator(self) -> str:
            return f"{self._lineno}-{stamp}"

    class Result(_Result):
        _locator_classes = [Located]  # type: ignore[list-item]  # noqa: RUF012 - as in its base

    class Cache(_ReportingCache):
        _impl_class = Result

    try:
        dispatcher._cache = Cache(dispatcher.py_func)  # type: ignore[no-untyped-call]  # noqa: SLF001 - no other way
    except RuntimeError:
        return dispatcher
    # Other packages' additions to numba are found by reading all installed packages: they too wait for compiling.
    dispatcher._compilation_chain_init_hook = lambda: None  # noqa: SLF001
    return dispatcher
