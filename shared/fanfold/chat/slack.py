"""Slack: slash commands, signed with the app's signing secret (docs.slack.dev: "Verifying requests from Slack").

The signature is an HMAC-SHA256 of ``v0:timestamp:body``. Commands are form fields; JSON is an event, of which only
the check of the address is answered.
"""

import hmac
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from fanfold.api.problems import bad_request
from fanfold.api.requests import ApiRequest
from fanfold.chat.requests import (
    UNAVAILABLE,
    ChatAnswer,
    Handshake,
    Incoming,
    check_recent,
    refused,
    secrets_of,
    shortened,
    signature_headers,
)

SIGNATURE, TIMESTAMP = "x-slack-signature", "x-slack-request-timestamp"
# The command that carries the others as its text: some of their names are Slack's own, such as /status.
PREFIX = "/fanfold"
FIELDS_MAX = 40
# A block of text takes 3,000 characters.
CHARACTERS_MAX = 2_800
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}", re.ASCII)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the value of the signature header."""
    return f"v0={hmac.new(secret.encode(), f'v0:{timestamp}:'.encode() + body, sha256).hexdigest()}"


class Slack:
    """See Platform."""

    name = "slack"
    redelivers = False

    def verify(self, request: ApiRequest, secrets: Mapping[str, str], now_s: float) -> None:
        timestamp, received = signature_headers(request, TIMESTAMP, SIGNATURE, _SIGNATURE)
        known = secrets_of(secrets, self.name)
        genuine = [hmac.compare_digest(received, signature(secret, timestamp, request.body)) for secret in known]
        if not any(genuine):
            raise refused("the signature fits no active secret")
        check_recent(int(timestamp), now_s)

    def read(self, request: ApiRequest) -> Incoming | Handshake | None:
        if request.headers.get("content-type", "").startswith("application/json"):
            return _challenge(request.body)
        fields = _fields(request.body)
        if "command" not in fields or not fields.get("user_id") or not fields.get("team_id"):
            return None
        command, text = fields["command"], fields.get("text", "")
        written = f"/{text.strip().removeprefix('/')}" if command == PREFIX else f"{command} {text}"
        # A signature is of one body at one time, and Slack's trigger id makes each body another.
        nonce, sent_at_s = request.headers[SIGNATURE], int(request.headers[TIMESTAMP])
        return Incoming(f"{fields['team_id']}/{fields['user_id']}", written, nonce, sent_at_s)

    def form(self, answer: ChatAnswer, _incoming: Incoming) -> Any:
        lines = "\n".join(shortened(answer.lines, CHARACTERS_MAX))
        blocks = [{"type": "header", "text": _plain(answer.title[:150])}]
        blocks += [{"type": "section", "text": _plain(lines)}] if lines else []
        blocks += [{"type": "section", "text": {"type": "mrkdwn", "text": f"`{answer.code}`"}}] if answer.code else []
        return {"response_type": "ephemeral", "text": _escaped(answer.title), "blocks": blocks}

    def silence(self) -> Any:
        return {"response_type": "ephemeral", "text": UNAVAILABLE}


def _plain(text: str) -> dict[str, Any]:
    """Return text in which nothing is markup."""
    return {"type": "plain_text", "text": text, "emoji": False}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _fields(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except ValueError as wrong:
        raise bad_request(f"the body is no form: {wrong}") from wrong
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise bad_request("the body names a field more than once")
    return fields


def _challenge(body: bytes) -> Handshake | None:
    try:
        event = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError) as wrong:
        raise bad_request(f"the body: {wrong}") from wrong
    if event.get("type") != "url_verification":
        return None
    return Handshake({"challenge": str(event.get("challenge", ""))})
