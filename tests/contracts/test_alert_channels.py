"""The requests of apprise to each platform: each arrives over a socket as the platform documents it.

Telegram: core.telegram.org/bots/api#sendmessage. Slack: docs.slack.dev, incoming webhooks. Discord: its developers'
page on executing a webhook. ntfy: docs.ntfy.sh/publish. PagerDuty: Events API v2. Mail: RFC 5321 and 5322.
"""

import email
import html
import json
import logging
import re
from email.policy import default
from importlib import import_module

import pytest

from fanfold.alerts.sending import ChannelFailed
from fanfold.channels.addressed import PLATFORMS, AddressedChannels, Announcement, without_secrets
from support.channel_stand_in import StandIn, mail_platform, web_platform

pytest.importorskip("apprise", reason="apprise is not installed: run `make install`")

BOT, CHAT = "123456789:abcdefghijklmnopqrstuvwxyz012345678", "12315544"
SLACK = ("T1JJ3T3L2", "A1BRTD4JD", "TIiajkdnlazkcOXrIdevi7FQ")
HOOK = ("4174216298", "JHMHI8qBe7bk2ZwO5U711o3dV_js")
ADDRESSES = {
    "tgram": f"tgram://{BOT}/{CHAT}/",
    "slack": f"slack://{'/'.join(SLACK)}/?image=no",
    "discord": f"discord://{'/'.join(HOOK)}/?avatar=no",
    "pagerduty": "pagerduty://R0UTINGKEY1234567890@the-api-key/fanfold-desk/market",
}
# Of apprise's classes where the platform is.
PLACES = {
    "tgram": ("telegram", "NotifyTelegram", "notify_url", "{}/bot"),
    "slack": ("slack", "NotifySlack", "webhook_url", "{}/services"),
    "discord": ("discord", "NotifyDiscord", "notify_url", "{}/api/webhooks"),
}
HALTED = Announcement("!! main is HALTED", "anna: a test\nAt noon.", "critical")


@pytest.fixture
def platform(monkeypatch):
    """A stand-in for all platforms of the web, which apprise takes for each of them."""
    with web_platform() as stand_in:
        for module, name, attribute, url in PLACES.values():
            monkeypatch.setattr(
                getattr(import_module(f"apprise.plugins.{module}"), name), attribute, url.format(stand_in.url)
            )
        duty = import_module("apprise.plugins.pagerduty")
        monkeypatch.setitem(duty.PAGERDUTY_API_LOOKUP, duty.PagerDutyRegion.US, f"{stand_in.url}/v2/enqueue")
        yield stand_in


def send(address: str, announcement: Announcement = HALTED) -> None:
    AddressedChannels(lambda: {"phone": address}, "a file").send("phone", announcement)


def test_telegram_gets_a_message_for_the_chat(platform: StandIn) -> None:
    send(ADDRESSES["tgram"])
    (arrived,) = platform.arrived
    assert arrived.path == f"/bot{BOT}/sendMessage"
    assert str(arrived.json["chat_id"]) == CHAT
    assert "main is HALTED" in arrived.json["text"]
    assert "anna: a test" in arrived.json["text"]


def test_slack_gets_a_text_at_its_webhook(platform: StandIn) -> None:
    send(ADDRESSES["slack"])
    (arrived,) = platform.arrived
    assert arrived.path == f"/services/{'/'.join(SLACK)}"
    (attachment,) = arrived.json["attachments"]
    assert (attachment["title"], attachment["text"]) == (HALTED.title, HALTED.body)


def test_discord_gets_content_at_its_webhook(platform: StandIn) -> None:
    platform.statuses[:] = [204]
    send(ADDRESSES["discord"])
    (arrived,) = platform.arrived
    assert arrived.path.partition("?")[0] == f"/api/webhooks/{'/'.join(HOOK)}"
    assert HALTED.title in arrived.json["content"]
    assert "anna: a test" in arrived.json["content"]


HOSTILE = "price < 5: @everyone <@123> <!channel> [sure](http://x.test) <http://x.test|sure> <b>bold</b> &lt;"


@pytest.mark.parametrize("name", ["tgram", "slack", "discord"])
def test_what_a_venue_writes_is_no_markup(platform: StandIn, name: str) -> None:
    platform.statuses[:] = [204 if name == "discord" else 200]
    send(ADDRESSES[name], Announcement(HOSTILE, HOSTILE))
    (arrived,) = platform.arrived
    text = json.dumps(arrived.json, ensure_ascii=False)
    assert "price \u2039 5" in text
    assert not any(mark in text for mark in ("@everyone", "<@", "<!", "](http", "<http", "&lt;@", "<b>bold"))
    assert text.count("x.test") == 4


# What each platform takes: Telegram after entities are parsed, PagerDuty in the summary with the title.
LIMITS = {"tgram": ("text", 4_096), "discord": ("content", 2_000), "pagerduty": ("summary", 1_024)}


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("word", ["words ", "a & 'b' @d ", "_*`~|# "])
def test_a_text_that_is_too_long_arrives_without_its_middle(platform: StandIn, name: str, word: str) -> None:
    field, longest = LIMITS[name]
    platform.statuses[:] = [{"discord": 204, "pagerduty": 202}.get(name, 200)]
    send(
        ADDRESSES[name], Announcement("!! alarm fanfold-dev-queue-age", f"It began.\n{word * 2_000}\n[alarm queue-age]")
    )
    (arrived,) = platform.arrived
    text = html.unescape(re.sub("<[^>]+>", "", (arrived.json.get("payload") or arrived.json)[field]))
    assert longest - 200 <= len(text) <= longest
    assert text.startswith(("!! alarm", "**!! alarm", "# !! alarm"))
    assert "It began." in text
    assert text.endswith("[alarm queue-age]")


def test_a_program_gets_a_text_as_it_was_written(platform: StandIn) -> None:
    send(f"json://127.0.0.1:{platform.port}/hooks/desk", Announcement("T", HOSTILE))
    assert platform.arrived[0].json["message"] == HOSTILE


def test_pagerduty_gets_an_event_that_triggers(platform: StandIn) -> None:
    platform.statuses[:] = [202]
    send(ADDRESSES["pagerduty"])
    (arrived,) = platform.arrived
    assert arrived.path == "/v2/enqueue"
    assert arrived.json["event_action"] == "trigger"
    assert arrived.json["routing_key"]
    payload = arrived.json["payload"]
    assert HALTED.body in payload["summary"] or HALTED.title in payload["summary"]
    assert payload["severity"] in {"critical", "error", "warning", "info"}
    assert payload["source"]


def test_pagerduty_resolves_the_incident_that_an_alert_began(platform: StandIn) -> None:
    platform.statuses[:] = [202]
    send(ADDRESSES["pagerduty"], HALTED._replace(thing="trading-state main"))
    send(
        ADDRESSES["pagerduty"],
        Announcement("All clear: main is HALTED", "From 12:00.", "clear", thing="trading-state main"),
    )
    sent = [(arrived.json["event_action"], arrived.json["dedup_key"]) for arrived in platform.arrived]
    assert sent == [("trigger", "trading-state main"), ("resolve", "trading-state main")]


def test_ntfy_gets_a_title_and_a_message_for_the_topic(platform: StandIn) -> None:
    send(f"ntfy://127.0.0.1:{platform.port}/my-desk-topic")
    (arrived,) = platform.arrived
    assert arrived.json["topic"] == "my-desk-topic"
    assert (arrived.json["title"], arrived.json["message"]) == (HALTED.title, HALTED.body)


def test_a_webhook_gets_a_json_object(platform: StandIn) -> None:
    send(f"json://127.0.0.1:{platform.port}/hooks/desk")
    (arrived,) = platform.arrived
    assert arrived.path == "/hooks/desk"
    assert (arrived.json["title"], arrived.json["message"], arrived.json["type"]) == (
        HALTED.title,
        HALTED.body,
        "failure",
    )


def test_mail_arrives_with_its_subject_its_text_and_its_picture() -> None:
    with mail_platform() as server:
        address = f"mailto://127.0.0.1:{server.port}/?from=desk@example.com&to=anna@example.com"
        send(address, HALTED._replace(picture=b"\x89PNG\r\n\x1a\n and more"))
        (arrived,) = server.arrived
    assert "desk@example.com" in arrived.path
    assert "anna@example.com" in arrived.path
    message = email.message_from_bytes(arrived.body, policy=default)
    assert message["Subject"] == HALTED.title
    assert "anna: a test" in message.get_body(("html", "plain")).get_content()
    (picture,) = message.iter_attachments()
    assert (picture.get_content_type(), picture.get_filename()) == ("image/png", "equity.png")
    assert picture.get_content() == b"\x89PNG\r\n\x1a\n and more"


def test_discord_gets_the_picture_as_a_file(platform: StandIn) -> None:
    send(ADDRESSES["discord"], HALTED._replace(picture=b"\x89PNG\r\n\x1a\n and more"))
    assert b"\x89PNG\r\n\x1a\n and more" in b"".join(arrived.body for arrived in platform.arrived)
    assert b'filename="equity.png"' in b"".join(arrived.body for arrived in platform.arrived)


@pytest.mark.parametrize("scheme", ADDRESSES)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
def test_a_refusal_is_an_error_that_holds_no_part_of_the_address(platform, scheme, status, caplog, capfd) -> None:
    caplog.set_level(logging.DEBUG)
    platform.statuses[:] = [status]
    address = ADDRESSES[scheme]
    with pytest.raises(ChannelFailed, match="the channel phone refused: ") as refused:
        send(address)
    said = "".join([str(refused.value), repr(refused.value), caplog.text, *capfd.readouterr()])
    for secret in (BOT, BOT.partition(":")[2], CHAT, *SLACK, *HOOK, "R0UTINGKEY1234567890", "the-api-key"):
        assert secret not in said
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("address", [*ADDRESSES.values(), "ntfy://user:pass-of-mine@127.0.0.1:9/topic-of-mine"])
def test_a_platform_that_is_not_there_is_an_error_without_the_address(address, monkeypatch, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    for module, name, attribute, url in PLACES.values():
        nowhere = url.format("http://127.0.0.1:9")
        monkeypatch.setattr(getattr(import_module(f"apprise.plugins.{module}"), name), attribute, nowhere)
    duty = import_module("apprise.plugins.pagerduty")
    monkeypatch.setitem(duty.PAGERDUTY_API_LOOKUP, duty.PagerDutyRegion.US, "http://127.0.0.1:9/v2/enqueue")
    with pytest.raises(ChannelFailed) as refused:
        send(address)
    for secret in (BOT, CHAT, *SLACK, *HOOK, "R0UTINGKEY1234567890", "the-api-key", "pass-of-mine", "topic-of-mine"):
        assert secret not in f"{refused.value} {caplog.text}"


@pytest.mark.parametrize(
    "address", ["tgram://not-a-bot-token", "slack://short", "quatsch://secret-of-mine", "secret-of-mine"]
)
def test_an_address_that_is_none_is_an_error_that_does_not_show_it(address, caplog, capfd) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ChannelFailed) as refused:
        send(address)
    said = "".join([str(refused.value), caplog.text, *capfd.readouterr()])
    assert address.partition("://")[2] not in said or not address.partition("://")[2]
    assert "secret-of-mine" not in said
    assert "not-a-bot-token" not in said


def test_a_channel_without_an_address_says_where_to_put_it() -> None:
    with pytest.raises(ChannelFailed, match="the channel phone has no address: put one into the file"):
        AddressedChannels(dict, "the file").send("phone", HALTED)


def test_every_scheme_names_a_class_of_apprise() -> None:
    for module, name in set(PLATFORMS.values()):
        assert hasattr(import_module(f"apprise.plugins.{module}"), name)


def test_secrets_are_blotted_out_of_a_text_encoded_or_not() -> None:
    address = "mailtos://user%40host:p%2Fssw0rd@mail.example.com?to=anna@example.com"
    text = without_secrets("user%40host failed with p%2Fssw0rd and p/ssw0rd at mail.example.com", address)
    for part in ("ssw0rd", "mail.example.com"):
        assert part not in text
