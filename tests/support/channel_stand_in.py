"""Stand-ins for the platforms of channels, on loopback: what arrived, as their documents describe a request."""

import json
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, NamedTuple


class Arrived(NamedTuple):
    """A request to a platform."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class StandIn(NamedTuple):
    """A server's port, what arrived at it, and the statuses of its next answers, the last for all that follow."""

    port: int
    arrived: list[Arrived]
    statuses: list[int]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def web_platform() -> Iterator[StandIn]:
    """A platform that answers every request with what says there that all is well, or with a status."""
    arrived: list[Arrived] = []
    statuses = [200]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            arrived.append(Arrived(self.path, dict(self.headers), self.rfile.read(length)))
            # Slack's webhooks answer with two letters.
            well = b'{"ok": true, "result": {"message_id": 1}, "status": "success"}'
            answer = b"ok" if self.path.startswith("/services/") else well
            self.send_response(statuses.pop(0) if len(statuses) > 1 else statuses[0])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_PUT = do_POST  # noqa: N815 - http.server's own name

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with _serving(server):
        yield StandIn(server.server_address[1], arrived, statuses)


@contextmanager
def mail_platform() -> Iterator[StandIn]:
    """A mail server: a message arrives with its envelope as the path, "from to"."""
    arrived: list[Arrived] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 stand-in\r\n")
            sender = recipient = ""
            while line := self.rfile.readline().decode().strip():
                verb, _, rest = line.partition(" ")
                sender = rest if verb == "MAIL" or verb.startswith("mail") else sender
                recipient = rest if verb in ("RCPT", "rcpt") else recipient
                if verb.upper() == "QUIT":
                    self.wfile.write(b"221 bye\r\n")
                    return
                if verb.upper() == "DATA":
                    self.wfile.write(b"354 go on\r\n")
                    arrived.append(Arrived(f"{sender} {recipient}", {}, self._message()))
                self.wfile.write(b"250 ok\r\n")

        def _message(self) -> bytes:
            lines = []
            while (line := self.rfile.readline()) not in (b".\r\n", b""):
                lines.append(line)
            return b"".join(lines)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    with _serving(server):
        yield StandIn(server.server_address[1], arrived, [])


@contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
