"""A server on loopback that responds as the path of a request says: well, broken off, damaged, redirected, never."""

import gzip
import json
import socket
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from support.loopback_tls import server_side

JSON = b'{"a": "1"}'
HTML = b"<html>no</html>"
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
Spoken = Callable[[socket.socket], None]


def response(status: int, body: bytes = JSON, headers: str = "", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status} Said\r\nContent-Length: {size}\r\n{headers}\r\n".encode() + body


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


# Sent as it is; the connection stays open.
RESPONSES = {
    "plain": response(200),
    "list": response(200, b"[1, 2]"),
    "text": response(200, b"hello", "Content-Type: text/plain\r\n"),
    "bytes": response(200, b"hello"),
    "no-utf8": response(200, b"\xff\xfe", "Content-Type: text/plain\r\n"),
    "empty": response(200, b""),
    "no-content": b"HTTP/1.1 204 Said\r\n\r\n",
    "chunked": CHUNKED + b"4\r\n" + JSON[:4] + b"\r\n6\r\n" + JSON[4:] + b"\r\n0\r\n\r\n",
    "gzip": response(200, gzip.compress(JSON), "Content-Encoding: gzip\r\n"),
    "gzip-twice": response(200, gzip.compress(JSON[:4]) + gzip.compress(JSON[4:]), "Content-Encoding: gzip\r\n"),
    "deflate": response(200, zlib.compress(JSON), "Content-Encoding: deflate\r\n"),
    "deflate-raw": response(200, raw_deflate(JSON), "Content-Encoding: deflate\r\n"),
    "gzip-damaged": response(200, b"no gzip at all", "Content-Encoding: gzip\r\n"),
    "gzip-empty": response(200, b"", "Content-Encoding: gzip\r\n"),
    "encoding-unknown": response(200, JSON, "Content-Encoding: other\r\n"),
    **{f"json-{status}": response(status) for status in (400, 401, 403, 404, 408, 418, 429, 500, 502, 503, 504)},
    **{f"html-{status}": response(status, HTML) for status in (403, 404, 429, 500, 503)},
    "redirect": response(302, b"", "Location: /plain\r\n"),
    "redirect-unsaid": response(302),
    "redirect-loop": response(302, b"", "Location: /redirect-loop\r\n"),
    "informed-first": b"HTTP/1.1 100 Continue\r\n\r\n" + response(200),
    "half-headers": b"HTTP/1.1 200 Said\r\nContent-Le",
    "half-body": response(200, length=100),
    "half-chunk": CHUNKED + b"64\r\n" + JSON,
    "silent": b"",
}
# Sent as it is; the connection is closed then.
LAST_WORDS = {
    "closed": b"",
    "closed-in-headers": b"HTTP/1.1 200 Said\r\nContent-Le",
    "closed-in-body": response(200, length=100),
    "closed-in-chunk": CHUNKED + b"64\r\n" + JSON,
    "bad-chunk": CHUNKED + b"what\r\n",
    "no-http": b"220 mail.example\r\n\r\n",
    "bad-status": b"HTTP/1.1 OK\r\n\r\n",
    "no-length": b"HTTP/1.1 200 Said\r\n\r\n" + JSON,
    "old": b"HTTP/1.0 200 Said\r\n\r\n" + JSON,
    "last": response(200, JSON, "Connection: close\r\n"),
    "unexpected-end": response(200),
}


def serve(connection: socket.socket) -> None:
    """Respond to each request as its path says."""
    with connection, connection.makefile("rb") as stream:
        while first := stream.readline().decode("latin-1").strip():
            headers = list(iter(lambda: stream.readline().decode("latin-1").strip(), ""))
            sizes = [line.partition(": ")[2] for line in headers if line.lower().startswith("content-length")]
            body = stream.read(int(sizes[0])).decode() if sizes else ""
            name = first.split()[1:2][0].strip("/").partition("?")[0] if " /" in first else "no-http"
            if name == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            known = RESPONSES | LAST_WORDS | {"echo": response(200, echo(first, headers, body))}
            if name in LAST_WORDS:
                # The end goes out with the last bytes: who has read them can know that it has come.
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            connection.sendall(known[name])
            if name in LAST_WORDS:
                return


def echo(first: str, headers: list[str], body: str) -> bytes:
    """The request as it came, without the parts that depend on the port and on the client's name."""
    own = ("user-agent", "host")
    kept = sorted(line.lower() for line in headers if not line.lower().startswith(own))
    return json.dumps({"line": first, "headers": kept, "body": body}).encode()


@contextmanager
def listening(spoken: Spoken = serve) -> Iterator[int]:
    """The port at which each connection is served by a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                Thread(target=spoken, args=(connection,), daemon=True).start()

        Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        # Closing alone does not end what is being waited for.
        server.shutdown(socket.SHUT_RDWR)


def encrypted(path: Path) -> Spoken:
    """The same server over TLS, with the certificate of a file."""
    context = server_side(path)

    def spoken(connection: socket.socket) -> None:
        try:
            serve(context.wrap_socket(connection, server_side=True))
        except OSError:
            connection.close()

    return spoken
