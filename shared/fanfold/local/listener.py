"""A second listener of the emulator, for the desk's own calls: HTTP/1.1 as the light client sends it, and no more.

Hypercorn takes longer to parse a request and write its response than the emulator to handle it; it is for clients of
every kind. All other clients of the emulator use its own port.
"""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import unquote

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
HEAD_END = b"\r\n\r\n"
# Of every answer, for browsers, whose scripts the desk's calls are not.
UNSENT = b"access-control-"


class Listener(asyncio.Protocol):
    """One connection: a request, its response, and then the next."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._received = b""
        self._wanted = 0
        self._answering: asyncio.Task[None] | None = None
        self._gone = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._client = transport.get_extra_info("peername")

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone.set_result(None)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._answering is None and len(self._received) >= self._wanted:
            self._take()

    def _take(self) -> None:
        """Handle the request that has arrived, if it is complete."""
        head, end, rest = self._received.partition(HEAD_END)
        if not end:
            return
        first, *lines = head.split(b"\r\n")
        pairs = (line.partition(b":") for line in lines)
        headers = [(name.lower(), value.strip()) for name, _, value in pairs]
        length = int(dict(headers).get(b"content-length", b"0"))
        if len(rest) < length:
            self._wanted = len(head) + len(HEAD_END) + length
            return
        self._received, self._wanted = rest[length:], 0
        scope = _scope(first, headers, self._client)
        self._answering = asyncio.get_running_loop().create_task(self._answer(scope, rest[:length]))

    async def _answer(self, scope: Message, body: bytes) -> None:
        bodies, parts = [body], list[bytes]()
        heads = list[Message]()

        async def receive() -> Message:
            if bodies:
                return {"type": "http.request", "body": bodies.pop(), "more_body": False}
            await asyncio.shield(self._gone)
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                heads.append(message)
            else:
                parts.append(message.get("body", b""))

        try:
            await self._app(scope, receive, send)
            self._transport.write(_written(heads[0], b"".join(parts), bodiless=scope["method"] == "HEAD"))
        except BaseException:
            # Half an answer is none, and the client tries again.
            self._transport.abort()
            raise
        self._answering = None
        if self._received:
            self._take()


def _scope(first: bytes, headers: list[tuple[bytes, bytes]], client: Any) -> Message:
    method, target, _ = first.split(b" ")
    path, _, query = target.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "root_path": "",
        "method": method.decode(),
        "path": unquote(path.decode("ascii")),
        "raw_path": path,
        "query_string": query,
        "headers": headers,
        "client": client,
        "server": None,
    }


def _written(head: Message, body: bytes, *, bodiless: bool) -> bytes:
    lines = [b"HTTP/1.1 %d %s\r\n" % (head["status"], HTTPStatus(head["status"]).phrase.encode())]
    names = set()
    for name, value in head["headers"]:
        names.add(name.lower())
        if not name.lower().startswith(UNSENT):
            lines.append(b"%s: %s\r\n" % (name, value))
    if b"content-length" not in names:
        lines.append(b"content-length: %d\r\n" % len(body))
    return b"".join([*lines, b"\r\n", b"" if bodiless else body])


def opened(app: App, inner: App, port: int) -> App:
    """Return ``app``, which also listens for the desk's own calls on ``port`` of loopback while it runs."""

    async def opening(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        server = await asyncio.get_running_loop().create_server(lambda: Listener(inner), "127.0.0.1", port)
        try:
            await app(scope, receive, send)
        finally:
            # Connections that are kept end with the process.
            server.close()

    return opening
