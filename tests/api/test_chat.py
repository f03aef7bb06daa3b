"""Commands from chats: who may what, what is answered, and that each acts once, whatever fails and comes again."""

import json
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from msgspec import convert, structs

from fanfold.alerts.record import AlertRecord
from fanfold.api.schemas import AccountStatus
from fanfold.chat import answers
from fanfold.chat.conversation import STRANGERS_MAX
from fanfold.chat.platforms import PLATFORMS
from fanfold.chat.requests import UNAVAILABLE, WINDOW_S, Incoming
from fanfold.chat.webhook import ChatParts, conversation
from fanfold.errors import NotReachable
from fanfold.messages import TradingState
from fanfold.simulation.cloud import MemoryCloud
from risk_service.halt_api import OWN_DELAY
from support.api_desk import BERT, NOW, ORDERS, READER, World, answered, history
from support.chats import by_discord, by_slack, by_telegram, interaction, slash, update
from support.crashes import Crash, Fuse, Mortal

ANNA, BERTS, CARL, DORA = "1001", "1002", "1003", "1004"
ANNA_ON_SLACK, ANNA_ON_DISCORD = "T0001/U1001", "80351110224678912"
STRANGER = "666"
NUMBERS = count(10_000)


@pytest.fixture
def desk() -> World:
    return World(MemoryCloud().call, history(ORDERS), "chat")


def tell(desk: World, text: str, user: str = ANNA, number: int | None = None, **message: Any) -> str:
    """The text that Telegram shows of an answer; "" is nothing."""
    number = next(NUMBERS) if number is None else number
    return shown(answered(desk.chat, by_telegram(update(text, user, number, desk.now, **message))).body)


def shown(body: dict[str, Any]) -> str:
    """The text of an answer in any platform's form."""
    if "blocks" in body:
        return "\n".join(block["text"]["text"] for block in body["blocks"])
    return str(body.get("text") or body.get("data", {}).get("content", ""))


def code_of(answer: str) -> str:
    """The command that an answer says to send."""
    return answer.partition("<code>")[2].partition("</code>")[0]


@pytest.mark.parametrize(
    ("text", "user", "done"),
    [
        ("/status", ANNA, True),
        ("/halt main", DORA, False),
        ("/dance", ANNA, False),
        ("/why 0000", ANNA, False),
    ],
)
def test_an_answer_says_whether_the_command_was_carried_out(desk, text, user, done):
    parts = ChatParts(desk.invoke, desk.chats, desk.commands, lambda: desk.alerts, dict)
    incoming = Incoming(user, text, "1", int(desk.now.timestamp()))
    answer = conversation(desk.desk, parts).respond(PLATFORMS["telegram"](), incoming, desk.now)
    assert (answer.done, bool(answer.lines)) == (done, True)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("/status", ["main: ACTIVE", "cash 9,949.90 USDT, began with 10,000.00", "spare: not opened"]),
        ("/status main", ["main: ACTIVE", "2 positions", "bars matched through"]),
        ("/positions", ["main trend: 0.5 ", "cost 50.05"]),
        ("/orders", ["buy 0.5 BTC/USDT: ", "REFUSED ORDER_NOTIONAL"]),
        ("/orders main refused", ["REFUSED ORDER_NOTIONAL"]),
        ("/pnl", ["main trend: ", "before fees of "]),
        ("/day", ["Day 2026-03-01", "main: 0.00 USDT", "  equity 9,949.90, 0.00% from", "  BTC/USDT: ", "spare: 0.00"]),
        ("/help", ["/resume ACCOUNT REASON: "]),
        ("/HELP@desk_bot", ["/halt [ACCOUNT] [CODE] [REASON]: nothing trades"]),
    ],
)
def test_a_reader_is_answered_what_audit_recorded(desk, text, parts):
    answer = tell(desk, text)
    assert [part for part in parts if part not in answer] == []


def test_alerts_shows_what_is_open_and_nothing_that_is_over_or_taken(desk):
    assert "none is open" in tell(desk, "/alerts")
    first = AlertRecord(
        key="a", severity="critical", title="No bars", text="t", first_s=int(NOW.timestamp()), last_s=1, lasts=True
    )
    over, taken = structs.replace(first, title="Over", ended_s=2), structs.replace(first, acknowledged_by="anna")
    desk.alerts += [structs.replace(first, title="Older", last_s=0), first, over, taken]
    assert tell(desk, "/alerts").splitlines()[1:] == ["No bars, since 03-01 12:00", "Older, since 03-01 12:00"]


def test_status_shows_orders_of_unknown_outcome(desk):
    account = desk.get("/status").body["accounts"][0] | {"unknown_orders": 2}
    assert "open orders, 2 of UNKNOWN outcome" in "\n".join(answers.status([convert(account, AccountStatus)]).lines)


def test_why_takes_the_start_of_an_id_as_orders_shows_it(desk):
    short = tell(desk, "/orders main").splitlines()[-1].split()[0]
    answer = tell(desk, f"/why {short}", DORA)
    assert f"Order {short}" in answer
    assert "because of " in answer
    assert "none of the newest" in tell(desk, "/why ffffffff")


@pytest.mark.parametrize(
    ("text", "state"),
    [("/halt venue is down", "HALTED"), ("/reduce main", "REDUCE_ONLY"), ("/halt main", "HALTED")],
)
def test_one_person_stops_in_one_step_and_the_audit_chain_has_both_the_command_and_what_it_did(desk, text, state):
    assert state in tell(desk, text, CARL)
    (changed,), (command,) = desk.bus.messages, desk.commands.messages
    assert (desk.halted(), changed.state, changed.actor) == (state, state, "chat/carl")
    assert (command.actor, command.text, command.denied) == ("chat/carl", text, "")


def test_the_reason_is_what_was_written_behind_the_command(desk):
    tell(desk, "/halt main   venue  is down ")
    tell(desk, "/halt")
    assert [message.reason for message in desk.bus.messages] == ["venue is down", "/halt by chat, without a reason"]


def test_a_misspelt_account_stops_every_account_and_not_none(desk):
    assert "main" in tell(desk, "/halt mian")
    assert desk.halted() is TradingState.HALTED


def test_flatten_asks_once_and_takes_its_code_once(desk):
    pending = tell(desk, "/flatten main end of trial", CARL)
    assert "Every position of main would be closed" in pending
    assert desk.halted() is TradingState.ACTIVE
    assert "FLATTENING" in tell(desk, code_of(pending), CARL)
    assert (desk.halted(), desk.bus.messages[-1].reason) == (TradingState.FLATTENING, "end of trial")
    assert "nothing waits under this code" in tell(desk, code_of(pending), CARL)


def test_a_code_to_flatten_is_of_one_person_and_of_two_minutes(desk):
    pending = tell(desk, "/flatten")
    assert "Refused" in tell(desk, code_of(pending), CARL)
    desk.now = NOW + timedelta(seconds=121)
    assert "Refused" in tell(desk, code_of(pending))
    assert desk.halted() is TradingState.ACTIVE


@pytest.mark.parametrize("text", ["/halt", "/reduce"])
def test_a_flattening_is_only_stopped_by_who_names_it(desk, text):
    tell(desk, code_of(tell(desk, "/flatten main end of trial")))
    before = desk.controls.permissions("main")
    said = tell(desk, f"{text} main odd prices")
    assert "FLATTENING" in said
    assert f"name it: {before.change[:8]}" in said
    assert desk.controls.permissions("main") == before
    tell(desk, f"{text} main {before.change[:8].upper()} odd prices")
    assert (desk.bus.messages[-1].replaces, desk.bus.messages[-1].reason) == (before.change, "odd prices")


@pytest.mark.parametrize(
    ("path", "who"),
    [
        ("/resume", {"iam": {"userArn": "arn:aws:iam::000000000000:user/anna"}}),
        ("/page/resume", {"jwt": {"claims": {"sub": "anna", "scope": "fanfold/resume"}}}),
    ],
)
def test_who_asks_in_a_chat_does_not_confirm_at_once_as_whom_the_desk_file_does_not_know(desk, path, who):
    tell(desk, "/halt main down")
    code = code_of(tell(desk, "/resume main venue is back")).split()[-1]
    confirming = {"account": "main", "reason": "venue is back", "confirmation": code}
    refused = desk.post(path, confirming, who)
    assert (refused.status, desk.halted()) == (403, TradingState.HALTED)
    assert refused.body["type"] == "urn:fanfold:problem:second-person-needed"
    desk.now += OWN_DELAY
    assert desk.post(path, confirming, who, "key-confirm-2").body["state"] == "ACTIVE"


def test_a_resume_takes_two_steps_and_a_second_person(desk):
    tell(desk, "/halt main")
    pending = tell(desk, "/resume main venue is back")
    assert desk.halted() is TradingState.HALTED
    assert "never the same" in tell(desk, code_of(pending))
    desk.now = NOW + timedelta(minutes=59)
    assert "never the same" in tell(desk, code_of(pending))
    assert "main trades again" in tell(desk, f"{code_of(pending)} seen", BERTS)
    assert (desk.halted(), desk.bus.messages[-1].reason) == (TradingState.ACTIVE, "seen (asked: venue is back)")


@pytest.mark.parametrize("text", ["halt main down", "/halt main down", " /halt main down"])
def test_slack_s_command_takes_another_with_its_slash_or_without(desk, text):
    answer = answered(desk.chat, by_slack(slash(text, ANNA_ON_SLACK, next(NUMBERS)), NOW))
    assert ("HALTED" in shown(answer.body), desk.halted()) == (True, TradingState.HALTED)


def test_one_person_on_two_platforms_is_no_second_person(desk):
    tell(desk, "/halt main")
    code = code_of(tell(desk, "/resume main venue is back")).removeprefix("/")
    on_slack = answered(desk.chat, by_slack(slash(code, ANNA_ON_SLACK, 1), NOW))
    on_discord = answered(desk.chat, by_discord(interaction(f"/{code}", ANNA_ON_DISCORD, 1), NOW))
    assert "never the same" in shown(on_slack.body)
    assert "never the same" in shown(on_discord.body)
    assert desk.halted() is TradingState.HALTED


def test_one_person_by_chat_and_by_the_api_is_no_second_person(desk):
    tell(desk, "/halt main")
    code = code_of(tell(desk, "/resume main venue is back", BERTS)).split()[-1]
    confirming = {"account": "main", "reason": "r", "confirmation": code}
    assert desk.post("/resume", confirming, BERT).status == 403
    assert desk.halted() is TradingState.HALTED
    assert "trades again" in tell(desk, f"/resume main {code}")


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("/halt", DORA),
        ("/reduce main", DORA),
        ("/flatten", DORA),
        ("/resume main reason", DORA),
        ("/resume main reason", CARL),
    ],
)
def test_a_role_that_lacks_a_command_is_denied_and_recorded(desk, text, user):
    before = desk.halted()
    assert "Not allowed" in tell(desk, text, user)
    (command,) = desk.commands.messages
    assert (command.denied, desk.halted(), desk.bus.messages) == ("Not allowed", before, [])


@pytest.mark.parametrize(
    "text", ["/sttus", "/", "/ status", "/why", "/why zz", "/status gone", "/resume", "/resume main"]
)
def test_a_text_that_is_no_command_is_explained_and_recorded(desk, text):
    assert "Not understood" in tell(desk, text)
    assert desk.commands.messages[0].denied == "Not understood"


def test_strangers_of_many_names_fill_neither_the_table_nor_the_chain(desk):
    for user in range(5_000, 5_200):
        tell(desk, "/halt", str(user))
    assert len(desk.commands.messages) <= STRANGERS_MAX


def test_whoever_is_not_in_the_desk_file_learns_nothing_and_is_recorded_once_an_hour(desk):
    assert {tell(desk, text, STRANGER) for text in ("/status", "/halt", "/help", "/nothing")} == {""}
    on_slack = [
        answered(desk.chat, by_slack(slash(text, "T0001/U666", n), NOW)) for n, text in enumerate(("halt", "x"))
    ]
    on_discord = answered(desk.chat, by_discord(interaction("/halt", "70351110224678912", 5), NOW))
    assert {shown(answer.body) for answer in (*on_slack, on_discord)} == {UNAVAILABLE}
    actors = [command.actor for command in desk.commands.messages]
    assert actors == ["telegram:666", "slack:T0001/U666", "discord:70351110224678912"]
    assert {command.denied for command in desk.commands.messages} == {"Nobody of the desk file"}
    desk.now = NOW + timedelta(hours=1)
    tell(desk, "/status", STRANGER)
    assert len(desk.commands.messages) == 4
    assert desk.halted() is TradingState.ACTIVE


def test_an_empty_list_is_nobody(desk):
    desk.desk = type(desk.desk)(**{f: getattr(desk.desk, f) for f in desk.desk.__struct_fields__ if f != "chat"})
    assert tell(desk, "/halt") == ""
    assert desk.halted() is TradingState.ACTIVE


@pytest.mark.parametrize(
    "message",
    [
        {"chat": {"id": -100, "type": "group", "title": "all"}},
        {"chat": {"id": -100, "type": "supergroup"}},
        {"forward_origin": {"type": "user", "sender_user": {"id": 1001}, "date": 1}},
        {"via_bot": {"id": 9, "is_bot": True}},
        {"from": {"id": 1001, "is_bot": True}},
    ],
)
def test_what_a_person_did_not_write_to_the_bot_alone_commands_nothing(desk, message):
    assert tell(desk, "/halt", **message) == ""
    assert desk.commands.messages == []
    assert desk.halted() is TradingState.ACTIVE


@pytest.mark.parametrize("text", ["halt", "", "please /halt"])
def test_a_text_without_a_slash_in_front_commands_nothing(desk, text):
    assert tell(desk, text) == ""
    assert desk.commands.messages == []


def test_an_edited_message_commands_nothing(desk):
    document = update("/halt", ANNA, 1, NOW)
    edited = {"update_id": 1, "edited_message": document["message"]}
    assert answered(desk.chat, by_telegram(edited)).body == {}
    assert desk.halted() is TradingState.ACTIVE


@pytest.mark.parametrize("seconds", [-WINDOW_S - 1, WINDOW_S + 1])
def test_a_command_that_waited_too_long_or_comes_of_the_future_is_not_carried_out(desk, seconds):
    document = update("/halt", ANNA, 1, NOW + timedelta(seconds=seconds))
    assert "Too late" in shown(answered(desk.chat, by_telegram(document)).body)
    assert desk.halted() is TradingState.ACTIVE


def test_another_bot_that_counts_its_updates_anew_is_no_redelivery(desk):
    tell(desk, "/status", number=7)
    desk.now += timedelta(seconds=1)
    assert "HALTED" in tell(desk, "/halt", number=7)
    assert desk.halted() is TradingState.HALTED


@pytest.mark.parametrize("text", ["/halt main", "/status", "/resume main back", "/flatten"])
def test_a_command_that_telegram_delivers_again_is_answered_again_and_does_nothing_again(desk, text):
    first, changes = tell(desk, text, number=7), list(desk.bus.messages)
    assert tell(desk, text, number=7) == first
    assert desk.bus.messages == changes
    assert len({message.id for message in desk.commands.messages}) == 1


def test_a_replayed_request_of_slack_or_discord_is_refused(desk):
    for request in (
        by_slack(slash("halt", ANNA_ON_SLACK, 1), NOW),
        by_discord(interaction("/halt", ANNA_ON_DISCORD, 1), NOW),
    ):
        statuses = [answered(desk.chat, request).status for _ in range(2)]
        assert statuses == [200, 409]
    assert len(desk.bus.messages) == 2


def test_a_replay_after_a_resume_does_not_halt_again(desk):
    request = by_slack(slash("halt main", ANNA_ON_SLACK, 1), NOW)
    answered(desk.chat, request)
    code = code_of(tell(desk, "/resume main back"))
    tell(desk, code, BERTS)
    assert answered(desk.chat, request).status == 409
    assert desk.halted() is TradingState.ACTIVE


def test_a_desk_that_does_not_answer_is_said_so(desk):
    def silent(*_request: Any) -> dict[str, Any]:
        raise NotReachable("risk did not answer")

    request = by_telegram(update("/halt", ANNA, 1, NOW))
    answer = answered(lambda event: desk.chat_webhook(invoke=silent).answer(event, NOW), request)
    assert "look at /status" in shown(answer.body)
    assert len(desk.commands.messages) == 1


STORIES = {
    "halt": (["/halt main down"], TradingState.HALTED, 1),
    "flatten": (["/flatten main", "CODE"], TradingState.FLATTENING, 1),
    "resume": (["/halt main down", "/resume main back", "CODE by bert"], TradingState.ACTIVE, 2),
}


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("name", STORIES)
def test_a_crash_at_any_call_loses_no_command_and_carries_none_out_twice(name, after):
    """Each delivery dies at its nth effect and comes again, as Telegram delivers again what was not answered."""
    texts, state, changes = STORIES[name]
    nth = 1
    while True:
        world = World(MemoryCloud().call, [], "chat")
        if not _told_with_a_crash(world, texts, nth, after=after):
            break
        assert world.halted() is state
        assert len({message.id for message in world.bus.messages}) == changes
        assert len({message.id for message in world.commands.messages}) == len(texts)
        nth += 1
    assert nth > 4


def _told_with_a_crash(world: World, texts: list[str], nth: int, *, after: bool) -> bool:
    died, answer = False, ""
    for number, text in enumerate(texts):
        user = BERTS if "bert" in text else ANNA
        document = update(text.replace("CODE", code_of(answer)), user, number, NOW)
        fuse = Fuse(nth, after=after)
        inbox, bus = Mortal(world.chats, fuse), Mortal(world.commands, fuse)
        invoke = lambda *request, fuse=fuse: fuse.effect(lambda: world.invoke(*request))  # noqa: E731
        try:
            reply = world.chat_webhook(inbox, bus, invoke).answer(by_telegram(document), NOW)
        except Crash:
            reply = world.chat_webhook().answer(by_telegram(document), NOW)
        died = died or fuse.blown
        answer = shown(json.loads(reply["body"])) or answer
    return died


def test_nobody_but_the_chat_itself_is_taken_for_the_chat(desk):
    """A reader's token does not open the control routes, whatever the body says."""
    assert desk.post("/halt", {"reason": "r"}, READER).status == 403
    assert desk.post("/halt", {"reason": "r"}, {"lambda": {"other": "chat/anna"}}).status == 401
