"""The proofs of the chat platforms: the table of forgeries, each refused before anything is parsed, and handshakes."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fanfold.api.requests import BODY_BYTES_MAX
from fanfold.chat import slack, telegram
from fanfold.chat.requests import WINDOW_S
from fanfold.messages import TradingState
from fanfold.simulation.cloud import MemoryCloud
from support.api_desk import NOW, World, answered
from support.chats import Event, by_discord, by_slack, by_telegram, interaction, slash, update

ANNA, ANNA_ON_SLACK, ANNA_ON_DISCORD = "1001", "T0001/U1001", "80351110224678912"
LATE, EARLY = (NOW + timedelta(seconds=sign * (WINDOW_S + 1)) for sign in (-1, 1))
# The example of Slack's documents: "Verifying requests from Slack".
EXAMPLE_AT = 1_531_420_618
EXAMPLE_BODY = (
    "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
    "&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
    "%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121"
    ".803a0bc887a14d10d2c447fce8b6703c"
)
EXAMPLE_SIGNATURE = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


@pytest.fixture
def desk() -> World:
    return World(MemoryCloud().call, [], "chat")


def halting(platform: str, now: datetime = NOW) -> Event:
    """A genuine request of a platform to halt."""
    return {
        "telegram": lambda: by_telegram(update("/halt", ANNA, 1, now)),
        "slack": lambda: by_slack(slash("halt", ANNA_ON_SLACK, 1), now),
        "discord": lambda: by_discord(interaction("/halt", ANNA_ON_DISCORD, 1), now),
    }[platform]()


def changed(request: Event, **headers: str | None) -> Event:
    """The request with other headers; None takes one away."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    kept = {name: value for name, value in (request["headers"] | named).items() if value is not None}
    return request | {"headers": kept}


def twice(request: Event, header: str) -> Event:
    """The request with a header that was sent twice, as the gateway joins it."""
    value = request["headers"][header]
    return changed(request, **{header.replace("-", "_"): f"{value},{value}"})


def flipped(request: Event) -> Event:
    """The request with a byte of its body changed."""
    return request | {"body": request["body"].replace("halt", "Halt", 1)}


TELEGRAM, SLACK, DISCORD = halting("telegram"), halting("slack"), halting("discord")
FORGERIES: dict[str, Event] = {
    "telegram without a token": changed(TELEGRAM, x_telegram_bot_api_secret_token=None),
    "telegram with an empty token": changed(TELEGRAM, x_telegram_bot_api_secret_token=""),
    "telegram with another token": by_telegram(update("/halt", ANNA, 1, NOW), token="another"),
    "telegram with Slack's secret": by_telegram(
        update("/halt", ANNA, 1, NOW), token="8f742231b10e8888abcd99yyyzzz85a5"
    ),
    "telegram with the token twice": twice(TELEGRAM, "x-telegram-bot-api-secret-token"),
    "telegram with letters beyond ASCII": changed(TELEGRAM, x_telegram_bot_api_secret_token="ä"),
    "slack without a signature": changed(SLACK, x_slack_signature=None),
    "slack without a timestamp": changed(SLACK, x_slack_request_timestamp=None),
    "slack with another secret": by_slack(slash("halt", ANNA_ON_SLACK, 1), NOW, secret="another"),
    "slack with an empty secret": by_slack(slash("halt", ANNA_ON_SLACK, 1), NOW, secret=""),
    "slack with a byte flipped": flipped(SLACK),
    "slack with a byte more": SLACK | {"body": SLACK["body"] + "&"},
    "slack at another time": changed(SLACK, x_slack_request_timestamp=str(int(NOW.timestamp()) + 1)),
    "slack late": halting("slack", LATE),
    "slack early": halting("slack", EARLY),
    "slack with the signature twice": twice(SLACK, slack.SIGNATURE),
    "slack with the timestamp twice": twice(SLACK, slack.TIMESTAMP),
    "slack in capitals": changed(SLACK, x_slack_signature=SLACK["headers"][slack.SIGNATURE].upper()),
    "slack with another version": changed(
        SLACK, x_slack_signature=SLACK["headers"][slack.SIGNATURE].replace("v0=", "v1=")
    ),
    "discord without a signature": changed(DISCORD, x_signature_ed25519=None),
    "discord without a timestamp": changed(DISCORD, x_signature_timestamp=None),
    "discord with another key": by_discord(
        interaction("/halt", ANNA_ON_DISCORD, 1), NOW, Ed25519PrivateKey.from_private_bytes(bytes(32))
    ),
    "discord with a byte flipped": flipped(DISCORD),
    "discord at another time": changed(DISCORD, x_signature_timestamp=str(int(NOW.timestamp()) + 1)),
    "discord late": halting("discord", LATE),
    "discord early": halting("discord", EARLY),
    "discord with the signature twice": twice(DISCORD, "x-signature-ed25519"),
    "discord with zeros": changed(DISCORD, x_signature_ed25519="0" * 128),
    "discord with a timestamp of other digits": changed(DISCORD, x_signature_timestamp="١٧٧٢٣٦٦٤٠٠"),
    "slack's proof at telegram": SLACK | {"rawPath": "/chat/telegram"},
    "telegram's proof at discord": TELEGRAM | {"rawPath": "/chat/discord"},
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_refused_and_does_nothing(desk, name):
    request = FORGERIES[name]
    answer = answered(desk.chat, request)
    assert (answer.status, answer.body["type"]) == (401, "urn:fanfold:problem:bad-signature")
    assert desk.halted() is TradingState.ACTIVE
    assert desk.commands.messages == []


@pytest.mark.parametrize("platform", ["telegram", "slack", "discord"])
def test_a_genuine_request_passes_as_text_and_in_base64(desk, platform):
    request = halting(platform)
    packed = request | {"body": base64.b64encode(request["body"].encode()).decode(), "isBase64Encoded": True}
    assert answered(desk.chat, packed).status == 200
    assert desk.halted() is TradingState.HALTED


@pytest.mark.parametrize("platform", ["telegram", "slack", "discord"])
def test_a_broken_body_is_not_looked_at_before_its_proof(desk, platform):
    """A forgery whose body is no JSON, no form and no UTF-8 is refused for its proof, not for its body."""
    request = halting(platform)
    junk = {"body": base64.b64encode(b"\xff{").decode(), "isBase64Encoded": True}
    assert answered(desk.chat, changed(request | junk, x_telegram_bot_api_secret_token="no")).status == 401


@pytest.mark.parametrize(
    "body", ["{", "[]", "null", '{"update_id": "x"}', '{"update_id": 1, "message": {"text": "/halt"}}']
)
def test_a_genuine_request_of_no_known_shape_is_400(desk, body):
    request = by_telegram({}) | {"body": body}
    assert answered(desk.chat, request).status == 400


def test_a_body_over_the_cap_is_refused(desk):
    assert answered(desk.chat, by_telegram({"x": "x" * BODY_BYTES_MAX})).status == 413


@pytest.mark.parametrize("platform", ["signal", "TELEGRAM", "telegram ", "..", "%2e"])
def test_an_unknown_platform_is_not_found(desk, platform):
    request = by_telegram({})
    assert answered(desk.chat, request | {"rawPath": f"/chat/{platform}"}).status == 404


@pytest.mark.parametrize("platform", ["telegram", "slack", "discord"])
@pytest.mark.parametrize("secrets", [{}, {"telegram": "", "slack": "", "discord": ""}, {"discord": "zz"}])
def test_without_a_secret_nobody_gets_through(desk, platform, secrets):
    webhook = desk.chat_webhook(secrets=lambda: secrets)
    for request in (
        halting(platform),
        FORGERIES["telegram with an empty token"],
        FORGERIES["slack with an empty secret"],
    ):
        assert answered(lambda event: webhook.answer(event, NOW), request).status == 401
    assert desk.halted() is TradingState.ACTIVE


def test_a_token_that_can_be_tried_out_is_not_taken(desk):
    webhook = desk.chat_webhook(secrets=lambda: {"telegram": "x" * (telegram.SECRET_MIN - 1)})
    request = halting("telegram")
    request["headers"][telegram.PROOF] = "x" * (telegram.SECRET_MIN - 1)
    assert answered(lambda event: webhook.answer(event, NOW), request).status == 401


def test_two_secrets_of_a_platform_are_active_while_one_is_replaced(desk):
    webhook = desk.chat_webhook(secrets=lambda: {"slack": "new", "slack-old": "old", "slackish": "other"})
    statuses = [
        answered(
            lambda event: webhook.answer(event, NOW), by_slack(slash("help", ANNA_ON_SLACK, n), NOW, secret)
        ).status
        for n, secret in enumerate(("new", "old", "other"))
    ]
    assert statuses == [200, 200, 401]


def test_the_example_of_slacks_documents_is_verified():
    """The secret of the example is the test's own."""
    body = EXAMPLE_BODY.encode()
    assert slack.signature("8f742231b10e8888abcd99yyyzzz85a5", str(EXAMPLE_AT), body) == EXAMPLE_SIGNATURE
    desk = World(MemoryCloud().call, [], "chat")
    desk.now = datetime.fromtimestamp(EXAMPLE_AT, UTC)
    request = by_slack(EXAMPLE_BODY, desk.now)
    assert request["headers"][slack.SIGNATURE] == EXAMPLE_SIGNATURE
    assert answered(desk.chat, request).status == 200
    assert desk.commands.messages[0].actor == "slack:T1DC2JH3J/U2CERLKJA"


def test_slacks_check_of_the_address_is_answered(desk):
    body = json.dumps(
        {"token": "Jhj5dZrVaK7ZwHHjRyZWjbDl", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}
    )
    genuine = json.dumps(json.loads(body) | {"type": "url_verification"})
    answer = answered(desk.chat, by_slack(genuine, NOW, media="application/json"))
    assert answer.body == {"challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}
    assert "challenge" not in answered(desk.chat, by_slack(body, NOW, media="application/json")).body
    forged = by_slack(genuine, NOW, secret="another", media="application/json")
    assert answered(desk.chat, forged).status == 401


def test_discords_ping_is_answered_with_a_pong_and_a_forged_one_is_not(desk):
    """Discord checks both when the address is set."""
    ping = {"type": 1, "id": "1", "application_id": "2", "token": "t", "version": 1}
    assert answered(desk.chat, by_discord(ping, NOW)).body == {"type": 1}
    forged = by_discord(ping, NOW, Ed25519PrivateKey.from_private_bytes(bytes(32)))
    assert answered(desk.chat, forged).status == 401


@pytest.mark.parametrize("kind", [3, 4, 5])
def test_other_interactions_of_discord_command_nothing(desk, kind):
    answer = answered(desk.chat, by_discord(interaction("/halt", ANNA_ON_DISCORD, 1) | {"type": kind}, NOW))
    assert answer.body["data"]["content"] == "Not available."
    assert desk.halted() is TradingState.ACTIVE


def test_a_field_that_a_form_names_twice_is_refused(desk):
    body = slash("status", ANNA_ON_SLACK, 1) + "&" + urlencode({"user_id": "U9999"})
    assert answered(desk.chat, by_slack(body, NOW)).status == 400


MARKUP: list[tuple[str, Any]] = [
    ("telegram", "&lt;b&gt; &amp; *x* _y_ @everyone"),
    ("slack", "<b> & *x* _y_ @everyone"),
    ("discord", r"\<b\> & \*x\* \_y\_ \@everyone"),
]


@pytest.mark.parametrize(("platform", "written"), MARKUP)
def test_what_is_shown_is_no_markup(desk, platform, written):
    reason = "<b> & *x* _y_ @everyone"
    request = {
        "telegram": lambda: by_telegram(update(f"/halt {reason}", ANNA, 1, NOW)),
        "slack": lambda: by_slack(slash(f"halt {reason}", ANNA_ON_SLACK, 1), NOW),
        "discord": lambda: by_discord(interaction(f"/halt {reason}", ANNA_ON_DISCORD, 1), NOW),
    }[platform]()
    body = answered(desk.chat, request).body
    assert f"reason: {written}" in json.dumps(body, ensure_ascii=False).replace("\\\\", "\\").replace(r"\:", ":")
    if platform == "slack":
        assert {block["text"]["type"] for block in body["blocks"]} == {"plain_text"}
    if platform == "discord":
        assert body["data"]["allowed_mentions"] == {"parse": []}
        assert body["data"]["flags"] == 64
