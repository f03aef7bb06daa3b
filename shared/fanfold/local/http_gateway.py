"""The HTTP API on loopback: requests become the gateway's events, which the services' own handlers answer here."""

import base64
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from getpass import getuser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from fanfold.api.conditional import UNCHANGED
from fanfold.aws.client.call import AwsFault, Call
from fanfold.deployment import STAGE
from fanfold.errors import NothingThere
from fanfold.local import launcher
from fanfold.local.driver import CLOCK, environment
from fanfold.local.launcher import REGION
from fanfold.local.session import ACCOUNT_ID, LocalSession
from fanfold.page.files import PageSettings, page_files, security_headers

HOST = "127.0.0.1"
PORT = 8080
# What an HTTP API takes at most.
BODY_BYTES_MAX = 10 * 1024 * 1024
# Headers that the answer hangs on: of two, a browser or a proxy may have meant the other.
SINGLE = ("host", "origin", "content-length", "sec-fetch-site")
Function = Callable[[dict[str, Any], object], dict[str, Any]]


class RouteTarget(NamedTuple):
    """A function behind the gateway, and the authorisation that the gateway requires for it."""

    service: str
    function: str
    authority: str


READING = RouteTarget("audit", "api", "jwt")
# As in the services' files: what is not here goes to $default.
TARGETS = {
    "GET /limits": RouteTarget("risk", "api_limits", "jwt"),
    "GET /system": RouteTarget("audit", "api_system", "jwt"),
    "GET /research": RouteTarget("audit", "api_system", "jwt"),
    "POST /halt": RouteTarget("risk", "api_control", "iam"),
    "POST /resume": RouteTarget("risk", "api_control", "iam"),
    "POST /page/halt": RouteTarget("risk", "api_control", "jwt"),
    "POST /page/resume": RouteTarget("risk", "api_control", "jwt"),
    "POST /signals/external": RouteTarget("signal", "webhook", ""),
    "POST /fills": RouteTarget("execution", "fills", ""),
}


# A tear sheet is a page by itself: sandboxed, it has no origin, and so reads nothing of the desk's.
SHEET_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
)
SHEET_HEADERS = {"cache-control": "no-cache", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
RESEARCH = "GET /research"
# As the gateway on AWS responds where a function failed.
FAILED = {
    "statusCode": 500,
    "headers": {"content-type": "application/json"},
    "body": '{"message": "Internal Server Error"}',
}


class LocalResearch(Protocol):
    """A library of runs on this machine."""

    def answer(self, event: dict[str, Any]) -> dict[str, Any]:
        """Respond to an HTTP API event for its runs."""

    def sheet(self, path: str) -> str | None:
        """Return the tear sheet at a path, None where there is none."""


class Gateway:
    """The gateway between a request and a function: it finds the function, and identifies the caller.

    It serves the page too, which lies beside the API where there is a bucket for it.
    """

    def __init__(
        self,
        functions: dict[RouteTarget, Function],
        principals: dict[str, dict[str, Any]],
        page: PageSettings | None = None,
        research: LocalResearch | None = None,
    ) -> None:
        """Answer for research from a library of this machine, where there is one, and not from the lake."""
        self._functions = functions
        self._principals = principals
        self.page = page or PageSettings(control="iam" in principals)
        self._files = page_files(self.page)
        self._research = research

    def answer(self, method: str, url: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
        """Return a file of the page, or the function's response, in payload format 2.0."""
        parts = urlsplit(url)
        if method in {"GET", "HEAD"} and parts.path in self._files:
            return self._file(parts.path)
        if self._research and method == "GET" and (sheet := self._research.sheet(parts.path)):
            return _sheet(sheet)
        key = f"{method} {parts.path}"
        target = TARGETS.get(key, READING)
        context: dict[str, Any] = {
            "http": {"method": method, "path": parts.path, "sourceIp": HOST, "protocol": "HTTP/1.1"},
            "requestId": f"local-{datetime.now(UTC).timestamp()}",
            "stage": "$default",
        }
        if target.authority in self._principals:
            context["authorizer"] = self._principals[target.authority]
        event = {
            "version": "2.0",
            "routeKey": key if key in TARGETS else "$default",
            "rawPath": parts.path,
            "rawQueryString": parts.query,
            "headers": headers,
            "requestContext": context,
            "isBase64Encoded": True,
            "body": base64.b64encode(body).decode(),
        }
        if self._research and key == RESEARCH:
            return self._research.answer(event)
        return self._functions[target](event, None)

    def _file(self, path: str) -> dict[str, Any]:
        headers = {"content-type": self._files[path].media, "cache-control": "no-cache"}
        return {"statusCode": 200, "headers": headers | security_headers(self.page), "body": self._files[path].body}


def _sheet(text: str) -> dict[str, Any]:
    """Return a tear sheet, whose script is inside it and may neither ask nor be part of the page."""
    headers = {"content-type": "text/html; charset=utf-8", "content-security-policy": SHEET_POLICY, **SHEET_HEADERS}
    return {"statusCode": 200, "headers": headers, "body": text}


def principals(*, control: bool) -> dict[str, dict[str, Any]]:
    """Return the callers that the local gateway assumes: all may read on loopback; control has to be enabled."""
    user = getuser()
    callers: dict[str, dict[str, Any]] = {"jwt": {"jwt": {"claims": {"sub": user}, "scopes": None}}}
    if control:
        callers["iam"] = {"iam": {"userArn": f"arn:aws:iam::{ACCOUNT_ID}:user/{user}"}}
    return callers


def functions(session: LocalSession) -> dict[RouteTarget, Function]:
    """Return the services' handlers, in this process, with the environment that their functions were deployed with."""
    root = launcher.repository_root()
    handlers: dict[RouteTarget, Function] = {}
    os.environ.update(environment(session.state, live=not (session.state / CLOCK).exists()))
    os.environ.update(
        {
            "AWS_ENDPOINT_URL": session.cloud.endpoint,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "embedded",
            "AWS_SECRET_ACCESS_KEY": "embedded",
        }
    )
    call = session.cloud.call()
    for target in (READING, *TARGETS.values()):
        os.environ.update(_deployed(call, session.state, target))
        handlers[target] = _handler(root, target)
    return handlers


def server(gateway: Gateway, port: int) -> ThreadingHTTPServer:
    """Return a server on loopback that is not yet serving; port 0 takes any that is free."""

    class Handler(_Handler):
        answers = gateway

    return _Server((HOST, port), Handler)


@contextmanager
def served(gateway: Gateway, port: int) -> Iterator[str]:
    """Serve on threads until the block ends, at a port or, where that is taken, at any; yield the address."""
    try:
        listening = server(gateway, port)
    except OSError:
        listening = server(gateway, 0)
    with listening:
        Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://{HOST}:{listening.server_port}"
        listening.shutdown()


def _deployed(call: Call, state: Path, target: RouteTarget) -> dict[str, str]:
    name = f"fanfold-{target.service}-{STAGE}-{target.function}"
    try:
        configuration = call("lambda", "GetFunctionConfiguration", {"FunctionName": name})
    except AwsFault as fault:
        raise NothingThere(f"{name} is not deployed in {state}; run `fanfold run` again") from fault
    variables: dict[str, str] = configuration["Environment"]["Variables"]
    return variables


def _handler(root: Path, target: RouteTarget) -> Function:
    folder = str(root / "services" / target.service)
    if folder not in sys.path:
        sys.path.append(folder)
    function: Function = getattr(import_module(f"{target.service}_service.handler"), target.function)
    return function


def _is_address(path: str) -> bool:
    try:
        urlsplit(path)
    except ValueError:
        return False
    return True


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print the traceback of a fault; that a browser goes away before it has its answer is none."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    answers: Gateway
    protocol_version = "HTTP/1.1"
    server_version = "fanfold"
    sys_version = ""

    def __getattr__(self, name: str) -> Any:
        # Which methods there are is the API's to say.
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def log_message(self, *_arguments: Any) -> None:
        """Log nothing: requests are the user's own business."""

    def _answer(self) -> None:
        refused = self._refusal()
        if refused is not None:
            self.close_connection = True
            self._send({"statusCode": refused[0], "headers": {"content-type": "text/plain"}, "body": refused[1]})
            return
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): ",".join(self.headers.get_all(name, [])) for name in self.headers}
        answer: dict[str, Any] = FAILED
        try:
            answer = self.answers.answer(self.command, self.path, headers, body)
        finally:
            # A fault goes on to the server, which prints it and closes the connection.
            self._send(answer)

    def _refusal(self) -> tuple[int, str] | None:
        """Reject a request before the API sees it: a web page could reach us by a host name of its own, or by ours."""
        if any(len(self.headers.get_all(name, [])) > 1 for name in SINGLE) or not _is_address(self.path):
            return 400, "send each header once, and a valid address\n"
        host = self.headers.get("host") or ""
        if host.rpartition(":")[0] not in {HOST, "localhost"}:
            return 421, "ask for 127.0.0.1 or localhost\n"
        if self._of_another_page(host):
            return 403, "requests from other web pages are refused\n"
        length = self.headers.get("content-length", "0")
        if not length.isdecimal() or self.headers.get("transfer-encoding"):
            return 411, "say how long the body is\n"
        # As text first: Python makes no number of thousands of digits.
        large = len(length) > len(str(BODY_BYTES_MAX)) or int(length) > BODY_BYTES_MAX
        return (413, "the body is too large\n") if large else None

    def _of_another_page(self, host: str) -> bool:
        """Return whether a browser says that another page asks; a link to this one may be followed."""
        if self.headers.get("origin", f"http://{host}") != f"http://{host}":
            return True
        # A frame of another page navigates too, and could be laid under what somebody clicks on.
        meant = (self.headers.get("sec-fetch-mode"), self.headers.get("sec-fetch-dest"))
        followed = self.command == "GET" and meant == ("navigate", "document")
        return self.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"} and not followed

    def _send(self, answer: dict[str, Any]) -> None:
        body = answer["body"].encode()
        self.send_response(answer["statusCode"])
        for name, value in answer["headers"].items():
            self.send_header(name, value)
        if answer["statusCode"] != UNCHANGED:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
