"""Requests of chat platforms in the shapes that their documents show, proven as each proves its own.

Telegram: core.telegram.org/bots/api#update. Slack: docs.slack.dev/interactivity/implementing-slash-commands. Discord:
discord.com/developers/docs/interactions/receiving-and-responding.
"""

import json
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fanfold.chat import slack

Event = dict[str, Any]
TELEGRAM_TOKEN = "a-secret-token_of_the_webhook"
# The secret of the example in Slack's documents.
SLACK_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
DISCORD = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SECRETS_OF_CHATS = {
    "telegram": TELEGRAM_TOKEN,
    "slack": SLACK_SECRET,
    "discord": DISCORD.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex(),
}


def chat_event(platform: str, body: str, headers: dict[str, str]) -> Event:
    """The event of a request to a platform's address."""
    path = f"/chat/{platform}"
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {"http": {"method": "POST", "path": path}},
        "body": body,
        "isBase64Encoded": False,
    }


def update(text: str, user: str, number: int, now: datetime, **message: Any) -> dict[str, Any]:
    """Telegram's update of a message in a private chat; ``message`` replaces fields of it."""
    sender = {"id": int(user), "is_bot": False, "first_name": "A", "username": "a", "language_code": "en"}
    written = {
        "message_id": 1365,
        "from": sender,
        "chat": {"id": int(user), "first_name": "A", "username": "a", "type": "private"},
        "date": int(now.timestamp()),
        "text": text,
        "entities": [{"offset": 0, "length": len(text.split(" ", maxsplit=1)[0]), "type": "bot_command"}],
    }
    return {"update_id": number, "message": written | message}


def by_telegram(document: Any, token: str = TELEGRAM_TOKEN) -> Event:
    headers = {"content-type": "application/json", "x-telegram-bot-api-secret-token": token}
    return chat_event("telegram", json.dumps(document), headers)


def slash(text: str, user: str, number: int, command: str = "/fanfold") -> str:
    """Slack's body of a slash command; ``user`` is TEAM/USER."""
    team, _, member = user.partition("/")
    return urlencode(
        {
            "token": "gIkuvaNzQIHg97ATvDxqgjtO",
            "team_id": team,
            "team_domain": "example",
            "channel_id": "C2147483705",
            "channel_name": "test",
            "user_id": member,
            "user_name": "Steve",
            "command": command,
            "text": text,
            "response_url": "https://hooks.slack.com/commands/1234/5678",
            "trigger_id": f"13345224609.738474920.{number}",
            "api_app_id": "A123456",
        }
    )


def by_slack(
    body: str, now: datetime, secret: str = SLACK_SECRET, media: str = "application/x-www-form-urlencoded"
) -> Event:
    at = str(int(now.timestamp()))
    proof = {slack.TIMESTAMP: at, slack.SIGNATURE: slack.signature(secret, at, body.encode())}
    return chat_event("slack", body, {"content-type": media} | proof)


def interaction(text: str, user: str, number: int, *, in_server: bool = True) -> dict[str, Any]:
    """Discord's interaction of a command, whose words are one option."""
    name, _, words = text.removeprefix("/").partition(" ")
    whose = {"id": user, "username": "Mason", "discriminator": "1337", "avatar": None, "public_flags": 0}
    who = {"member": {"user": whose, "roles": [], "permissions": "2147483647"}} if in_server else {"user": whose}
    return {
        "application_id": "775799577604522054",
        "channel_id": "772908445358620702",
        "data": {
            "id": "866818195033292851",
            "name": name,
            "options": [{"name": "text", "type": 3, "value": words}] if words else [],
            "type": 1,
        },
        "id": f"8667931720{number:08d}",
        "token": "aW50ZXJhY3Rpb246ODY2",
        "type": 2,
        "version": 1,
        **who,
    }


def by_discord(document: Any, now: datetime, key: Ed25519PrivateKey = DISCORD) -> Event:
    at, body = str(int(now.timestamp())), json.dumps(document)
    proof = {"x-signature-timestamp": at, "x-signature-ed25519": key.sign(f"{at}{body}".encode()).hex()}
    return chat_event("discord", body, {"content-type": "application/json"} | proof)
