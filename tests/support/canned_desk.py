"""A desk's page in front of responses that are made by the API's own records, in every state that a view may meet."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Thread
from typing import Any

import msgspec

from fanfold.api.conditional import unless_known
from fanfold.api.problems import MEDIA_TYPE, Problem
from fanfold.api.schemas import AccountStatus, Status
from fanfold.local import http_gateway
from fanfold.local.http_gateway import READING, TARGETS, Gateway

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OPERATOR = {"iam": {"userArn": "arn:aws:iam::000000000000:user/anna"}}
_encode = msgspec.json.Encoder(decimal_format="string").encode


def account(name: str = "main", **changed: Any) -> AccountStatus:
    """The status of an account that trades."""
    fields: dict[str, Any] = {
        "account": name, "venue": "market", "currency": "USDT", "trading_state": "ACTIVE",
        "trading_state_reason": "local run", "trading_state_actor": "fanfold run", "start": Decimal(100_000),
        "cash": Decimal("98321.50"), "realised": Decimal("412.25"), "fees": Decimal("73.10"), "positions": 2,
        "open_orders": 1, "unknown_orders": 0, "bar_s": 60, "as_of": NOW, "matched_through": NOW,
    }  # fmt: skip
    return AccountStatus(**fields | changed)


class CannedDesk:
    """Responses by path and query: a record, or a Problem; ``posted`` has every command that was sent."""

    def __init__(self) -> None:
        self.responses: dict[str, Any] = {"/status": Status(accounts=[account()])}
        self.clock = NOW + timedelta(seconds=20)
        self.posted: list[tuple[str, dict[str, Any]]] = []
        self.reads: list[tuple[str, int]] = []

    def read(self, event: dict[str, Any], _context: object) -> dict[str, Any]:
        query = event["rawQueryString"]
        path = event["rawPath"] + (f"?{query}" if query else "")
        response = self._response(event, self.responses.get(path, Problem(404, "not-found", f"there is no {path}")))
        self.reads.append((path, response["statusCode"]))
        return response

    def command(self, event: dict[str, Any], _context: object) -> dict[str, Any]:
        import base64

        self.posted.append((event["rawPath"], msgspec.json.decode(base64.b64decode(event["body"]))))
        return self._response(event, self.responses[f"POST {event['rawPath']}"])

    def _response(self, event: dict[str, Any], body: Any) -> dict[str, Any]:
        problem = isinstance(body, Problem)
        headers = {"content-type": MEDIA_TYPE if problem else "application/json"}
        response = {
            "statusCode": body.status if problem else 200,
            "headers": headers | {"fanfold-clock": self.clock.isoformat()},
            "body": _encode(body.document() if problem else body).decode(),
        }
        return unless_known(event, response)

    @contextmanager
    def served(self, *, control: bool = True) -> Iterator[str]:
        """Serve the page in front of the responses; yield its address."""
        functions = {READING: self.read} | {TARGETS[f"POST {path}"]: self.command for path in ("/halt", "/resume")}
        principals = {"jwt": {}} | ({"iam": OPERATOR} if control else {})
        listening = http_gateway.server(Gateway(functions, principals), 0)
        Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}"
        finally:
            listening.shutdown()
            listening.server_close()
