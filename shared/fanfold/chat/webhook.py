"""``POST /chat/{platform}``: verify the request, hear the command, and answer in the platform's form."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from fanfold.api.problems import not_found
from fanfold.api.requests import ApiRequest
from fanfold.api.router import Reply, serve
from fanfold.chat.conversation import Conversation
from fanfold.chat.platforms import PLATFORMS
from fanfold.chat.requests import Handshake


class ChatWebhook:
    """The chat's side of the HTTP API; ``secrets`` are by platform, and without any nobody gets through."""

    def __init__(self, conversation: Conversation, secrets: Callable[[], Mapping[str, str]]) -> None:
        self._conversation = conversation
        self._secrets = secrets

    def answer(self, event: dict[str, Any], now: datetime) -> dict[str, Any]:
        """Respond to an HTTP API event."""
        return serve(event, {"chat": lambda request, _query: self._take(request, now)})

    def _take(self, request: ApiRequest, now: datetime) -> Reply:
        platform = PLATFORMS.get(request.parameters["platform"])
        if platform is None:
            raise not_found(f"{request.path!r} is no platform's; there are {', '.join(PLATFORMS)}")
        # The body is not decoded before its sender is verified.
        platform.verify(request, self._secrets(), now.timestamp())
        incoming = platform.read(request)
        if isinstance(incoming, Handshake):
            return Reply(incoming.body)
        answer = None if incoming is None else self._conversation.hear(platform, incoming, now)
        if incoming is None or answer is None:
            return Reply(platform.silence())
        return Reply(platform.form(answer, incoming))
