"""Load one exchange of ccxt without the hundred others, which cost a cold start more than everything else together.

ccxt's package file imports every exchange. While one is loaded, a stub with the real package's path stands in for it,
so that the file does not run. The stub is removed afterwards: a later import of ccxt gets the whole package, made of
the very modules that were loaded before. This depends on the layout of one version; any other is loaded whole.
"""

import sys
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from fanfold.errors import BadInput

PINNED = "4.5.90"


def load(exchange_id: str) -> type[Any]:
    """Return the class of an exchange. Raises BadInput, naming near matches, for one that ccxt does not have."""
    path = _path()
    check(exchange_id)
    if "ccxt" not in sys.modules and version("ccxt") == PINNED:
        try:
            return _slim(exchange_id, path)
        except ImportError:
            _forget()
    kind: type[Any] = getattr(import_module("ccxt"), exchange_id)
    return kind


def errors() -> ModuleType:
    """Return ccxt's exceptions, once an exchange is loaded; they are the ones that the whole package has."""
    return import_module("ccxt.base.errors")


def _slim(exchange_id: str, path: Path) -> type[Any]:
    stub = ModuleType("ccxt")
    stub.__path__ = [str(path)]
    sys.modules["ccxt"] = stub
    try:
        kind: type[Any] = getattr(import_module(f"ccxt.{exchange_id}"), exchange_id)
    finally:
        del sys.modules["ccxt"]
    return kind


def _forget() -> None:
    """Remove what a failed load has left, so that the whole package starts clean."""
    for name in [name for name in sys.modules if name.startswith("ccxt.")]:
        del sys.modules[name]


def _path() -> Path:
    spec = find_spec("ccxt")
    if spec is None or not spec.submodule_search_locations:
        raise BadInput(f"a venue of kind ccxt needs the ccxt package; install ccxt=={PINNED}")
    return Path(spec.submodule_search_locations[0])


def check(exchange_id: str) -> None:
    """Raise BadInput, naming near matches, for an exchange that ccxt does not have."""
    known = sorted(module.stem for module in _path().glob("*.py") if not module.stem.startswith("_"))
    if exchange_id not in known:
        near = get_close_matches(exchange_id, known) or known[:5]
        raise BadInput(f"ccxt has no exchange {exchange_id!r}; near it are {', '.join(near)}")
