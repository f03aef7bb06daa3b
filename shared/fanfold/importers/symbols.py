"""The instrument a file is about: by the argument, or by the file's name."""

import re
from itertools import pairwise
from pathlib import Path

from fanfold.errors import BadInput
from fanfold.importers.table import refuse

DOLLAR_LIKE = ("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USD", "DAI", "EUR", "GBP")
_QUOTES = (*DOLLAR_LIKE, "BTC", "XBT", "ETH", "BNB", "TRY", "JPY", "BRL", "AUD")
# Kraken's own codes; everyone else, and ccxt, says it the common way.
_COMMON = {"XBT": "BTC", "XDG": "DOGE"}
# Bases that settle which of two readings is meant: XBTUSD is XBT, USD rather than XB, TUSD.
_BASES = ("BTC", "XBT", "ETH", "SOL", "XRP", "BNB", "ADA", "DOT", "DOGE", "XDG", "LTC", "LINK", "AVAX", "TRX", "SHIB")
# How archives and freqtrade name contracts; BTC_USDT_USDT names the currency that one settles in, too.
_CONTRACTS = {"PERP", "PERPETUAL", "SWAP", "FUTURES", "FUTURE", "COINM", "USDM"}
_ENDS = re.compile(r"2[0-9](0[369]|12)[0-3][0-9]")
_MINUTES = re.compile(r"([A-Z]{5,})(?:1|5|15|30|60|240|1440)")
_SYMBOL = re.compile(r"([A-Z0-9]{1,20})/([A-Z0-9]{2,10})")


def locate(argument: str) -> tuple[Path, str]:
    """Path and instrument of ``path`` or ``path=BASE/QUOTE``; the instrument is empty where it is not given.

    >>> locate("bars.csv=BTC/USDT")
    (PosixPath('bars.csv'), 'BTC/USDT')
    """
    path, separator, symbol = argument.rpartition("=")
    if not separator or "/" not in symbol or "." in symbol:
        return Path(argument), ""
    if ":" in symbol:
        raise BadInput(
            f"{symbol!r} is a contract, and only spot is traded; if {path} holds spot bars, write "
            f"{path}={symbol.partition(':')[0]}"
        )
    if not _SYMBOL.fullmatch(symbol):
        raise BadInput(f"{symbol!r} is no instrument; write {path}=BTC/USDT, in capitals")
    return Path(path), symbol


def named(path: Path) -> str:
    """Return the instrument that a file's name tells, empty where it tells none or two."""
    try:
        return infer(path)
    except BadInput:
        return ""


def of_cell(cell: str) -> str:
    """Return the instrument that a cell such as BTC/USDT names, empty where it names none or two.

    >>> of_cell("BTC/USDT"), of_cell("Bitcoin")
    ('BTC/USDT', '')
    """
    return named(Path(cell.replace("/", "-")))


def infer(path: Path) -> str:
    """The instrument that a file's name tells: BTCUSDT, BTC_USDT, BTC-USD, XBTUSD, with anything around it."""
    tokens = [token for token in re.split(r"[^A-Z0-9]+", path.name.upper()) if token]
    pairs = [(base, quote) for base, quote in pairwise(tokens) if quote in _QUOTES and base != quote]
    # In binance_spot_BTC_USDT both SPOT, BTC and BTC, USDT look like a pair; the last is it.
    readings = _split(tokens)
    # BTCUSDT_usd says in what something is counted, rather than a price of BTCUSDT.
    whole = [pair for pair in readings if pair[0] in _BASES]
    pairs_left = whole if len(whole) == 1 else pairs[-1:] or readings
    if _is_contract(tokens):
        spot = "/".join(next(iter(whole or pairs or readings), ("BTC", "USDT")))
        refuse(path, f"its name is that of a contract, and only spot is traded; if it is spot, say so: {path}={spot}")
    if len(pairs_left) != 1:
        choices = " or ".join("/".join(pair) for pair in pairs_left) or "no instrument"
        refuse(path, f"its name tells {choices}; say which: {path}=BTC/USDT")
    base, quote = pairs_left[0]
    return f"{_COMMON.get(base, base)}/{_COMMON.get(quote, quote)}"


def _is_contract(tokens: list[str]) -> bool:
    """Return whether a name is a contract's: by a word, its settlement currency, or its expiry (BTCUSD_240329)."""
    pairs = zip(tokens, tokens[1:], tokens[2:], strict=False)
    settled = any(quote in _QUOTES and settle in {base, quote} and base != quote for base, quote, settle in pairs)
    ends = any(_ENDS.fullmatch(token) and _split([before]) for before, token in pairwise(tokens))
    return settled or ends or not _CONTRACTS.isdisjoint(tokens)


def _without_minutes(token: str) -> str:
    """Return a token without the length of bars that MetaTrader writes behind a symbol, as in BTCUSD60."""
    match = _MINUTES.fullmatch(token)
    return match[1] if match else token


def _split(tokens: list[str]) -> list[tuple[str, str]]:
    """Every reading of the first token that ends in a quote currency; of several, those with a base that is known."""
    for token in map(_without_minutes, tokens):
        readings = [
            (token.removesuffix(quote), quote)
            for quote in _QUOTES
            if token.endswith(quote) and len(token) > len(quote) + 1 and token not in _QUOTES
        ]
        if readings:
            return [reading for reading in readings if len(readings) == 1 or reading[0] in _BASES] or readings
    return []
