"""One module a venue: its native requests for orders, and the ways to read what it answers to them.

Requests are native, so that a price goes out digit for digit and every field is the venue's own; ccxt signs and sends
them, and reads the orders and trades that come back.
"""

from importlib import import_module
from typing import Any

from fanfold.venues.ccxt.dialects.dialect import Dialect


def dialect_of(exchange: str) -> Dialect:
    """Return the dialect of an exchange that has terms; one process loads one."""
    module: Any = import_module(f"{__name__}.{exchange}")
    dialect: Dialect = module.DIALECT()
    return dialect
