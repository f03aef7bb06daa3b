"""Run as a program: what an exchange class of ccxt makes of recorded answers, printed as JSON.

Arguments: ``slim`` or ``whole``, the exchange, and the directory of its recordings.
"""

import json
import sys
from pathlib import Path
from typing import Any


def load(how: str, name: str) -> type[Any]:
    if how == "slim":
        from fanfold.venues.ccxt import slim

        kind = slim.load(name)
        assert "ccxt" not in sys.modules, "the whole package was loaded"
        return kind
    import ccxt

    whole_kind: type[Any] = getattr(ccxt, name)
    return whole_kind


def parsed(kind: type[Any], recordings: Path) -> dict[str, object]:
    exchange = kind({"number": str, "options": {"fetchMarkets": {"types": ["spot"]}}})
    answers = {path.stem: json.loads(path.read_bytes())["http_response"] for path in sorted(recordings.glob("*.json"))}
    results: dict[str, object] = {}
    for name in ("fetch_ohlcv_BTC_USDT", "fetch_ticker_BTC_USDT"):
        rows = answers[name]
        rows = rows.get("data", rows.get("result", {}).get("list", rows)) if isinstance(rows, dict) else rows
        if name.startswith("fetch_ohlcv"):
            market = {"spot": True, "type": "spot", "inverse": False}
            results[name] = exchange.parse_ohlcvs(rows, market)
        else:
            row = rows[0] if isinstance(rows, list) else rows
            results[name] = exchange.parse_ticker(row, exchange.safe_market("BTC/USDT"))
    results["describe"] = {key: exchange.describe()[key] for key in ("id", "has", "timeframes", "urls", "exceptions")}
    return results


if __name__ == "__main__":
    how, exchange_id, directory = sys.argv[1:]
    text = json.dumps(
        parsed(load(how, exchange_id), Path(directory)), default=lambda exception: exception.__name__, sort_keys=True
    )
    sys.stdout.write(text)
