"""Discord: interactions, signed with the application's key (discord.com/developers/docs: "Receiving and Responding").

The signature is Ed25519 of the timestamp and the body. The key is public, so it may verify and cannot sign.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from fanfold.api.requests import ApiRequest, decode_body
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

SIGNATURE, TIMESTAMP = "x-signature-ed25519", "x-signature-timestamp"
PING, APPLICATION_COMMAND = 1, 2
PONG, MESSAGE = 1, 4
EPHEMERAL = 1 << 6
# A message takes 2,000 characters, and each may be escaped by another.
CHARACTERS_MAX = 900
_SIGNATURE = re.compile(r"[0-9a-f]{128}", re.ASCII)
_KEY = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MARKUP = re.compile(r"([\\*_~`|>#\[\]()<@:-])")


class DiscordUser(msgspec.Struct, frozen=True):
    """The user of an interaction."""

    id: str
    bot: bool = False


class DiscordMember(msgspec.Struct, frozen=True):
    """The user of an interaction in a server."""

    user: DiscordUser | None = None


class DiscordOption(msgspec.Struct, frozen=True):
    """An option of a command."""

    name: str
    value: Any = ""


class DiscordData(msgspec.Struct, frozen=True):
    """The command of an interaction."""

    name: str = ""
    options: list[DiscordOption] = []


class DiscordInteraction(msgspec.Struct, frozen=True):
    """An interaction; in a server its user is the ``member``'s."""

    id: str
    type: int
    data: DiscordData = DiscordData()
    member: DiscordMember = DiscordMember()
    user: DiscordUser | None = None


class Discord:
    """See Platform."""

    name = "discord"
    redelivers = False

    def verify(self, request: ApiRequest, secrets: Mapping[str, str], now_s: float) -> None:
        timestamp, received = signature_headers(request, TIMESTAMP, SIGNATURE, _SIGNATURE)
        message = timestamp.encode() + request.body
        keys = [key for key in secrets_of(secrets, self.name) if _KEY.fullmatch(key)]
        if not any(is_signed(bytes.fromhex(key), message, bytes.fromhex(received)) for key in keys):
            raise refused("the signature fits no active key")
        check_recent(int(timestamp), now_s)

    def read(self, request: ApiRequest) -> Incoming | Handshake | None:
        interaction = decode_body(request, DiscordInteraction)
        if interaction.type == PING:
            return Handshake({"type": PONG})
        user = interaction.member.user or interaction.user
        if interaction.type != APPLICATION_COMMAND or user is None or user.bot:
            return None
        words = " ".join(str(option.value) for option in interaction.data.options)
        written, sent_at_s = f"/{interaction.data.name} {words}", int(request.headers[TIMESTAMP])
        return Incoming(user.id, written, interaction.id, sent_at_s)

    def form(self, answer: ChatAnswer, _incoming: Incoming) -> Any:
        parts = [f"**{_escaped(answer.title[:200])}**", *map(_escaped, shortened(answer.lines, CHARACTERS_MAX))]
        parts += [f"`{answer.code}`"] if answer.code else []
        return _message("\n".join(parts))

    def silence(self) -> Any:
        return _message(UNAVAILABLE)


def is_signed(key: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether an Ed25519 signature of 64 bytes is a message's under a public key of 32 (RFC 8032)."""
    # Only a request of Discord needs the library, which takes a while to load.
    from nacl.exceptions import CryptoError  # noqa: PLC0415
    from nacl.signing import VerifyKey  # noqa: PLC0415

    try:
        VerifyKey(key).verify(message, signature)
    except CryptoError:
        return False
    return True


def _message(content: str) -> dict[str, Any]:
    """Return a message that its user alone sees, and that notifies nobody."""
    data = {"content": content, "flags": EPHEMERAL, "allowed_mentions": {"parse": []}}
    return {"type": MESSAGE, "data": data}


def _escaped(text: str) -> str:
    return _MARKUP.sub(r"\\\1", text)
