"""Telegram: webhooks of the Bot API (core.telegram.org/bots/api: "setWebhook", "Making requests when getting updates").

Telegram signs nothing: it sends the secret token that the webhook was set with. The answer to the request may itself
call a method of the API, so no token of the bot is needed here.
"""

import hmac
from collections.abc import Mapping
from html import escape
from typing import Any

import msgspec

from fanfold.api.requests import ApiRequest, decode_body
from fanfold.chat.requests import ChatAnswer, Handshake, Incoming, refused, secrets_of, shortened

PROOF = "x-telegram-bot-api-secret-token"
# The token is all that proves a request, and anybody may try one: a shorter one is not taken.
SECRET_MIN = 16
# A message takes 4,096 characters after its entities are parsed.
CHARACTERS_MAX = 3_500


class TelegramUser(msgspec.Struct, frozen=True):
    """The sender of a message."""

    id: int
    is_bot: bool = False


class TelegramChat(msgspec.Struct, frozen=True):
    """The place where a message was written: ``private`` is seen by its sender and the bot alone."""

    id: int
    type: str


class TelegramMessage(msgspec.Struct, frozen=True, rename={"sender": "from"}):
    """A message; what was forwarded, or made by another bot, was not written by its sender."""

    date: int
    chat: TelegramChat
    sender: TelegramUser | None = None
    text: str = ""
    forward_origin: Any = None
    via_bot: Any = None


class TelegramUpdate(msgspec.Struct, frozen=True):
    """An update; edited messages and others have no ``message``."""

    update_id: int
    message: TelegramMessage | None = None


class Telegram:
    """See Platform."""

    name = "telegram"
    redelivers = True

    def verify(self, request: ApiRequest, secrets: Mapping[str, str], _now_s: float) -> None:
        sent = request.headers.get(PROOF, "").encode()
        known = [secret for secret in secrets_of(secrets, self.name) if len(secret) >= SECRET_MIN]
        genuine = [hmac.compare_digest(sent, secret.encode()) for secret in known]
        if not any(genuine):
            raise refused("the secret token is not the webhook's")

    def read(self, request: ApiRequest) -> Incoming | Handshake | None:
        update = decode_body(request, TelegramUpdate)
        message = update.message
        if message is None or not _is_written_here(message) or message.sender is None:
            return None
        # Another bot at the same address counts its updates anew.
        nonce = f"{update.update_id}.{message.date}"
        return Incoming(str(message.sender.id), message.text, nonce, message.date, chat=str(message.chat.id))

    def form(self, answer: ChatAnswer, incoming: Incoming) -> Any:
        parts = [f"<b>{escape(answer.title)}</b>", *map(escape, shortened(answer.lines, CHARACTERS_MAX))]
        parts += [f"<code>{escape(answer.code)}</code>"] if answer.code else []
        return {
            "method": "sendMessage",
            "chat_id": int(incoming.chat),
            "text": "\n".join(parts),
            "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": True},
        }

    def silence(self) -> Any:
        return {}


def _is_written_here(message: TelegramMessage) -> bool:
    by_a_person = message.sender is not None and not message.sender.is_bot
    private = message.chat.type == "private"
    own = message.forward_origin is None and message.via_bot is None
    return by_a_person and private and own and message.text.startswith("/")
