"""An OpenID issuer on loopback: it signs everybody in, once for each code, and checks the proof of the code's key."""

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit


class StandInIssuer:
    """The requests that came, and the answers to be given: a ``refusal`` instead of a code, another ``nonce``."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[dict[str, str]] = []
        self.redeemed: list[dict[str, str]] = []
        self.refusal = ""
        self.nonce = ""
        self.expires_at = 4_102_444_800
        self.opaque = False

    def authorize(self, request: dict[str, str]) -> str:
        """Return where the browser is sent back to."""
        self.requests.append(request)
        answer = {"error": self.refusal} if self.refusal else {"code": f"code-{len(self.requests)}"}
        return f"{request['redirect_uri']}?{urlencode(answer | {'state': request['state']})}"

    def token(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Return the status and the tokens of a code."""
        request = self.requests[int(form["code"].removeprefix("code-")) - 1]
        challenge = encoded(hashlib.sha256(form["code_verifier"].encode()).digest())
        again = form["code"] in [earlier["code"] for earlier in self.redeemed]
        self.redeemed.append(form)
        if again or challenge != request["code_challenge"] or form["redirect_uri"] != request["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        identity = {"iss": self.url, "aud": request["client_id"], "exp": self.expires_at}
        tokens = {"id_token": jwt(identity | {"nonce": self.nonce or request["nonce"]})}
        return 200, tokens | {"access_token": "opaque" if self.opaque else jwt(identity | {"scope": request["scope"]})}

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Answer on loopback; yield the issuer's address."""

        class Handler(_Handler):
            issuer = self

        listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.url = f"http://127.0.0.1:{listening.server_port}/pool"
        try:
            yield self.url
        finally:
            listening.shutdown()
            listening.server_close()


def encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def jwt(claims: dict[str, Any]) -> str:
    """A token that nobody verifies here; API Gateway does on AWS."""
    return ".".join(encoded(json.dumps(part).encode()) for part in ({"alg": "RS256"}, claims, {}))


class _Handler(BaseHTTPRequestHandler):
    issuer: StandInIssuer

    def log_message(self, *_arguments: Any) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/pool/.well-known/openid-configuration":
            places = {f"{name}_endpoint": f"{self.issuer.url}/{name}" for name in ("authorization", "token")}
            self._json(200, {"issuer": self.issuer.url, **places})
            return
        self.send_response(302)
        self.send_header("location", self.issuer.authorize(_flat(parts.query)))
        self.end_headers()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self._json(*self.issuer.token(_flat(body)))

    def _json(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        headers = {"content-type": "application/json", "access-control-allow-origin": "*"}
        for name, value in (headers | {"content-length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _flat(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}
