"""A chat's requests and answers without the platform's own form."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from fanfold.api.problems import Problem
from fanfold.api.requests import ApiRequest

# Seconds between a platform's time and ours; what is older is not carried out.
WINDOW_S = 300
# Characters of a command; a phone's are far shorter.
TEXT_MAX = 500
# What nobody is told who may not command: the same whatever was written.
UNAVAILABLE = "Not available."
_TIMESTAMP = re.compile(r"[1-9][0-9]{9,10}", re.ASCII)


class Incoming(NamedTuple):
    """A command as a user of a platform wrote it.

    ``user`` is the platform's id of the user, ``nonce`` the id under which the platform sends the command, ``chat``
    where the answer goes ("" is back to the user). ``sent_at_s`` is the time of writing in epoch seconds.
    """

    user: str
    text: str
    nonce: str
    sent_at_s: int
    chat: str = ""


class Handshake(NamedTuple):
    """A request by which a platform checks the address: the body to return. It commands nothing."""

    body: Any


class ChatAnswer(NamedTuple):
    """Lines for a phone, under a title; ``code`` is a text to be copied. What was denied or failed is not ``done``."""

    title: str
    lines: tuple[str, ...] = ()
    code: str = ""
    done: bool = True


class Platform(Protocol):
    """A chat platform: how it proves its requests, and the forms of its requests and answers."""

    name: str
    # Whether a command comes again that was not answered; it is answered again then, and elsewhere refused.
    redelivers: bool

    def verify(self, request: ApiRequest, secrets: Mapping[str, str], now_s: float) -> None:
        """Raise Problem for a request that the platform did not send, or not lately. Nothing is parsed before."""

    def read(self, request: ApiRequest) -> Incoming | Handshake | None:
        """Return the command in a verified request, None where it has none. Raises Problem for a malformed body."""

    def form(self, answer: ChatAnswer, incoming: Incoming) -> Any:
        """Return the body that shows an answer to the user alone."""

    def silence(self) -> Any:
        """Return the body for whoever may not command."""


def secrets_of(known: Mapping[str, str], platform: str) -> list[str]:
    """Return the active secrets of a platform: of its name, and of ``NAME-anything`` while one is replaced."""
    mine = (value for name, value in sorted(known.items()) if name == platform or name.startswith(f"{platform}-"))
    return [value for value in mine if value]


def refused(detail: str) -> Problem:
    """Return the rejection of a request that is not proven; it never says how close a forgery came."""
    return Problem(401, "bad-signature", detail)


def signature_headers(request: ApiRequest, timestamp: str, signature: str, shape: re.Pattern[str]) -> tuple[str, str]:
    """Return a request's timestamp and signature, by the names of their headers.

    Raises Problem where the timestamp is not in epoch seconds, or the signature is not of its shape.
    """
    sent_at, received = request.headers.get(timestamp, ""), request.headers.get(signature, "")
    if not _TIMESTAMP.fullmatch(sent_at) or not shape.fullmatch(received):
        raise refused(f"the headers {timestamp} and {signature} are missing or not of their shape")
    return sent_at, received


def check_recent(sent_at_s: int, now_s: float) -> None:
    """Raise Problem for a time too far from now."""
    if abs(now_s - sent_at_s) > WINDOW_S:
        raise refused(f"the timestamp is more than {WINDOW_S} s from now")


def shortened(lines: tuple[str, ...], characters: int) -> list[str]:
    """Return the lines that fit, and how many do not."""
    fitting: list[str] = []
    for number, line in enumerate(lines):
        characters -= len(line) + 1
        if characters < 0:
            return [*fitting, f"… {len(lines) - number} more"]
        fitting.append(line)
    return fitting
