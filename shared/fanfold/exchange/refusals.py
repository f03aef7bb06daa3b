"""Refusals of the exchange, with the codes and texts that Binance documents."""

from decimal import Decimal
from typing import Any


class ExchangeRefusal(Exception):
    """A request that the exchange refuses: an HTTP status, a code, a text, and data where a part of it was done."""

    def __init__(self, code: int, text: str, status: int = 400, data: Any = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.status = status
        self.data = data


def missing(name: str) -> ExchangeRefusal:
    return ExchangeRefusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def illegal(name: str, shape: str) -> ExchangeRefusal:
    return ExchangeRefusal(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{shape}'.")


def filtered(name: str) -> ExchangeRefusal:
    return ExchangeRefusal(-1013, f"Filter failure: {name}")


def rejected(text: str) -> ExchangeRefusal:
    return ExchangeRefusal(-2010, text)


def combined(recommended: str | None = None) -> ExchangeRefusal:
    """Return the refusal of parameters that do not go together, with the one that should be sent too."""
    more = f" Recommendation: '{recommended}' should also be sent." if recommended else ""
    return ExchangeRefusal(-1128, f"Combination of optional parameters invalid.{more}")


def invalid(name: str) -> ExchangeRefusal:
    return ExchangeRefusal(-1130, f"Data sent for parameter '{name}' is not valid.")


def text8(value: Decimal) -> str:
    """Return a figure with eight decimals, as the exchange writes all of them."""
    return f"{value:.8f}"
