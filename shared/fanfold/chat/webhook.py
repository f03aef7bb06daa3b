"""``POST /chat/{platform}``: verify the request, carry out the command, and answer in the platform's form."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from fanfold.api.problems import not_found
from fanfold.api.requests import ApiRequest
from fanfold.api.router import Reply, serve
from fanfold.chat.actions import Actions, Alerts, Flattenings
from fanfold.chat.conversation import CommandBus, CommandInbox, Conversation
from fanfold.chat.desk_api import DeskApi, Invoke
from fanfold.chat.platforms import PLATFORMS
from fanfold.chat.requests import Handshake
from fanfold.desk import Desk

Secrets = Callable[[], Mapping[str, str]]


class ChatMemory(CommandInbox, Flattenings, Protocol):
    """The commands and flattenings that the chat remembers; see fanfold.aws.dynamodb.chat_inbox."""


class ChatParts(NamedTuple):
    """The parts of a chat: the API's functions, its memory, the bus of commands, stored alerts, secrets by platform."""

    invoke: Invoke
    inbox: ChatMemory
    bus: CommandBus
    alerts: Alerts
    secrets: Secrets


class ChatWebhook:
    """The chat's side of the HTTP API; ``secrets`` are by platform, and without any nobody gets through."""

    def __init__(self, conversation: Conversation, secrets: Secrets) -> None:
        self._conversation = conversation
        self._secrets = secrets

    def answer(self, event: dict[str, Any], now: datetime) -> dict[str, Any]:
        """Respond to an HTTP API event."""
        return serve(event, {"chat": lambda request, _query: self._take(request, now)})

    def _take(self, request: ApiRequest, now: datetime) -> Reply:
        name = request.parameters["platform"]
        if name not in PLATFORMS:
            raise not_found(f"{name!r} is no platform; there are {', '.join(PLATFORMS)}")
        platform = PLATFORMS[name]()
        # The body is not decoded before its sender is verified.
        platform.verify(request, self._secrets(), now.timestamp())
        incoming = platform.read(request)
        if isinstance(incoming, Handshake):
            return Reply(incoming.body)
        answer = None if incoming is None else self._conversation.respond(platform, incoming, now)
        if incoming is None or answer is None:
            return Reply(platform.silence())
        return Reply(platform.form(answer, incoming))


def connect(desk: Desk, parts: ChatParts) -> ChatWebhook:
    """Return the webhook of a desk's chat."""
    return ChatWebhook(conversation(desk, parts), parts.secrets)


def conversation(desk: Desk, parts: ChatParts) -> Conversation:
    """Return what responds to the commands of a desk's chat."""
    actions = Actions(desk, DeskApi(parts.invoke), parts.inbox, parts.alerts)
    return Conversation(desk, actions, parts.inbox, parts.bus)
