"""The markets of an exchange, which a cold process of execution or market-data asks for: bytes, and CPU time."""

import json
import time
from decimal import Decimal
from statistics import median
from typing import Any

from printed import table

from fanfold.exchange.handlers import dump
from fanfold.exchange.listings import Listing
from fanfold.trading.terms import TERMS
from fanfold.venues.ccxt import client as client_module
from fanfold.venues.ccxt.keyed import KeyedClient
from support.exchange_server import Answer, Exchange, Query, serving
from support.keyed_exchange import CREDENTIALS

SYMBOLS, RUNS = 3_000, 7
QUOTES = ("USDT", "USDC", "BTC", "TRY")
WEIGHT = 20


class Listed(Exchange):
    """An exchange that lists so many symbols, with the rules that the simulated exchange states."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = 0
        whole = [_document(number) for number in range(SYMBOLS)]
        bare = [document | {"permissionSets": []} for document in whole]
        self._bodies = {shown: dump({"symbols": rows}) for shown, rows in (("true", whole), ("false", bare))}

    def answer(self, path: str, query: Query) -> Answer:
        if not path.endswith("exchangeInfo"):
            return super().answer(path, query)
        documents = self._bodies[query.get("showPermissionSets", "true")]
        if "symbols" in query:
            wanted = set(json.loads(query["symbols"]))
            rows = [row for row in json.loads(documents)["symbols"] if row["symbol"] in wanted]
            documents = dump({"symbols": rows})
        self.sent = len(documents)
        return Answer(body=documents)


def main() -> None:
    exchange = Listed()
    wanted = json.dumps([_document(number)["symbol"] for number in range(4)])
    bare = client_module.LISTED["binance"]
    requests: dict[str, dict[str, str]] = {
        "all of it": {},
        "all, without groups of accounts": bare,
        "4 symbols, without groups (a desk of four)": bare | {"symbols": wanted},
    }
    with serving(exchange) as origin:
        rows = [(name, *_measured(exchange, origin, params)) for name, params in requests.items()]
    table(
        f"Markets of {SYMBOLS:,} symbols at a cold start: CPU, median of {RUNS}; each request weighs {WEIGHT}",
        ("asked for", "kB", "fetched and decoded ms", "parsed and indexed ms", "together ms"),
        rows,
    )


def _measured(exchange: Listed, origin: str, params: dict[str, str]) -> tuple[float, ...]:
    """Return kilobytes and milliseconds of CPU."""
    fetched, together = [], []
    for _ in range(RUNS):
        client_module.LISTED["binance"] = params
        client = KeyedClient(TERMS["binance"], CREDENTIALS, origin, timeout_s=30, sleep=lambda _seconds: None)
        started = time.thread_time()
        client._ccxt.publicGetExchangeInfo(params)
        fetched.append(time.thread_time() - started)
        started = time.thread_time()
        client.load()
        together.append(time.thread_time() - started)
    first, whole = median(fetched) * 1e3, median(together) * 1e3
    return exchange.sent / 1e3, first, whole - first, whole


def _document(number: int) -> dict[str, Any]:
    base, quote = f"C{number // len(QUOTES):04}", QUOTES[number % len(QUOTES)]
    listing = Listing(
        symbol=base + quote,
        base=base,
        quote=quote,
        tick=Decimal("0.01"),
        lot=Decimal("0.00001"),
        notional_min=Decimal(5),
    )
    return listing.document()


if __name__ == "__main__":
    main()
