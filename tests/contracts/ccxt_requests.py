"""Run as a program: what ccxt makes of each way in which a server may respond, printed as JSON.

Arguments: ``slim``, whose requests go through the transport of this project, or ``whole``, whose go through requests.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from support.loopback_tls import certificate
from support.odd_responses import LAST_WORDS, RESPONSES, encrypted, listening

PATIENCE_MS = 20_000
NEVER_WHOLE = ("half-headers", "half-body", "half-chunk", "silent")


def connected(how: str) -> tuple[Any, Any]:
    """An exchange, and the class of all its faults."""
    if how == "slim":
        from fanfold.venues.ccxt import slim
        from fanfold.venues.ccxt.transport import HttpSession

        kind = slim.load("binance")
        assert not [name for name in sys.modules if name.partition(".")[0] in {"requests", "urllib3"}]
        session = HttpSession(slim.transport_faults())
        return kind({"timeout": PATIENCE_MS, "session": session}), slim.errors().BaseError
    import ccxt

    return ccxt.binance({"timeout": PATIENCE_MS}), ccxt.BaseError


def outcome(connection: tuple[Any, Any], url: str, method: str = "GET", body: str | None = None) -> object:
    """The result of ccxt, or the class of its fault with the status that it holds."""
    exchange, faults = connection
    try:
        return exchange.fetch(url, method, {}, body)
    except faults as fault:
        responses: list[Any] = [getattr(error, "response", None) for error in causes(fault)]
        statuses = [response.status_code for response in responses if hasattr(response, "status_code")]
        return [type(fault).__name__, *statuses[:1]]


def causes(fault: BaseException | None) -> Iterator[BaseException]:
    while fault is not None:
        yield fault
        fault = fault.__cause__ or fault.__context__


def main(how: str) -> dict[str, object]:
    connection = connected(how)
    exchange = connection[0]
    session = exchange.session
    results: dict[str, object] = {}
    with listening() as port, TemporaryDirectory() as folder, listening(encrypted(certificate(Path(folder)))) as tls:
        origin = f"http://127.0.0.1:{port}"
        for name in (*RESPONSES, *LAST_WORDS, "reset"):
            exchange.timeout = 300 if name in NEVER_WHOLE else PATIENCE_MS
            spoiled = outcome(connection, f"{origin}/{name}")
            exchange.timeout = PATIENCE_MS
            # What follows a fault, or an end that was not announced, must be met on a connection of its own.
            results[name] = [spoiled, outcome(connection, f"{origin}/plain")]
        for method, body in (("GET", None), ("POST", "a=1"), ("POST", None), ("DELETE", None), ("PUT", None)):
            results[f"{method} {body}"] = outcome(connection, f"{origin}/echo?{body}", method, body)
        results["untrusted"] = outcome(connection, f"https://localhost:{tls}/plain")
        results["odd address"] = outcome(connection, f"{origin}/echo?a=ä b&c=%2C")
        session.max_redirects = 0
        for method in ("GET", "POST", "DELETE"):
            results[f"{method} redirected"] = outcome(connection, f"{origin}/redirect", method)
        session.close()
        results["after close"] = outcome(connection, f"{origin}/plain")
    session.close()
    results["refused"] = outcome(connection, f"{origin}/plain")
    return results


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1]), sort_keys=True, indent=0))
