"""The files of the desk's page by their paths, as whoever serves them sends them."""

from importlib import resources
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from fanfold import __version__

_CONNECT = "{connect}"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src {connect}; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


class CostLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a bill: US dollars of a month at list price."""

    what: str
    listed: str


class CostEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """An estimate of a month in US dollars; ``basis`` says what was counted."""

    basis: str
    listed: str
    after_free: str
    lines: list[CostLine]


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """The issuer that a reader signs in with, by OpenID Connect's authorization code with PKCE."""

    issuer: str
    client: str
    scope: str = "openid"


class PageSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of the page where it is served: its config.json.

    ``api`` is the address of the API, "" where it is the page's own; ``control`` says whether a halt may be asked for,
    and ``halt`` and ``resume`` are the paths that take it. ``cost`` and ``sign_in`` are None where there is none.
    """

    api: str = ""
    control: bool = False
    halt: str = "/halt"
    resume: str = "/resume"
    cost: CostEstimate | None = None
    sign_in: SignIn | None = None


class PageFile(NamedTuple):
    """A file as it is sent."""

    media: str
    body: str


def page_files(settings: PageSettings) -> dict[str, PageFile]:
    """Return every file of the page by its path; "/" is the document."""
    document = _text("desk.html").replace("{version}", __version__)
    config = msgspec.json.encode(settings).decode()
    return {
        "/": PageFile("text/html; charset=utf-8", document),
        "/desk.js": PageFile("text/javascript; charset=utf-8", _text("desk.js")),
        "/desk.css": PageFile("text/css; charset=utf-8", _text("desk.css")),
        "/config.json": PageFile("application/json", config),
    }


def security_headers(settings: PageSettings) -> dict[str, str]:
    """Return the headers that every file is sent with: it loads its own files, and asks the API alone."""
    return {
        "content-security-policy": _POLICY.replace(_CONNECT, " ".join(_connected(settings))),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
    }


def _connected(settings: PageSettings) -> list[str]:
    """Return the origins that the page asks: its own, the API's where that is another, and the sign-in's."""
    sign_in = [settings.sign_in.issuer] if settings.sign_in else []
    return ["'self'", *filter(None, [settings.api, *map(_origin, sign_in)])]


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _text(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")
