"""Load one exchange of ccxt without the hundred others, which cost a cold start more than everything else together.

ccxt's package file imports every exchange. While one is loaded, a stub with the real package's path stands in for it,
so that the file does not run, and stand-ins for requests, of which ccxt then uses none. They are removed afterwards: a
later import of ccxt gets the whole package, made of the very modules that were loaded before. This depends on the
layout of one version; any other is loaded whole, with requests.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from fanfold.venues.ccxt import installed
from fanfold.venues.ccxt.transport import Faults, stand_ins


def load(exchange_id: str) -> type[Any]:
    """Return the class of an exchange. Raises BadInput, naming near matches, for one that ccxt does not have."""
    path = installed.path()
    installed.check(exchange_id)
    if "ccxt" not in sys.modules:
        try:
            return _slim(exchange_id, path)
        except ImportError:
            _forget()
    kind: type[Any] = getattr(import_module("ccxt"), exchange_id)
    return kind


def errors() -> ModuleType:
    """Return ccxt's exceptions, once an exchange is loaded; they are the ones that the whole package has."""
    return import_module("ccxt.base.errors")


def transport_faults() -> Faults:
    """Return the exceptions that ccxt, once an exchange is loaded, catches around a request."""
    base = import_module("ccxt.base.exchange")
    return Faults(
        request=base.RequestException,
        http=base.HTTPError,
        timeout=base.Timeout,
        redirects=base.TooManyRedirects,
        connection=base.requestsConnectionError,
    )


def _slim(exchange_id: str, path: Path) -> type[Any]:
    """Return the class of an exchange. Raises ImportError where the layout, or the version, is not the pinned one."""
    stub = ModuleType("ccxt")
    stub.__path__ = [str(path)]
    with _standing_in({"ccxt": stub, **stand_ins()}):
        kind: type[Any] = getattr(import_module(f"ccxt.{exchange_id}"), exchange_id)
        version = import_module("ccxt.base.exchange").__version__
    if version != installed.PINNED:
        raise ImportError(f"ccxt is {version}, not {installed.PINNED}")
    return kind


@contextmanager
def _standing_in(modules: Mapping[str, ModuleType]) -> Iterator[None]:
    kept = {name: sys.modules[name] for name in modules if name in sys.modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in modules:
            del sys.modules[name]
        sys.modules.update(kept)


def _forget() -> None:
    """Remove what a failed load has left, so that the whole package starts clean."""
    for name in [name for name in sys.modules if name.startswith("ccxt.")]:
        del sys.modules[name]
