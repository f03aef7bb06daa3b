"""Halt takes one, resume takes two or a delay; the same request twice is one."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fanfold.errors import AT_ONCE
from fanfold.ledger.approvals import Approvals
from fanfold.ledger.changes import OpenAccount
from fanfold.ledger.trading_state import OrderPermissions
from fanfold.messages import TradingState, TradingStateChanged
from fanfold.operators.persons import caller_of
from risk_service.halt_api import OWN_DELAY, VALID, answer
from support.api_desk import ANNA, BERT, NOW, World, event

REASON = {"reason": "venue is down"}
RESUME = {"account": "main", "reason": "venue is back"}


class Halts:
    """Controls of accounts that are all open."""

    def __init__(self) -> None:
        self.messages: list[TradingStateChanged] = []

    def permissions(self, _account: str) -> OrderPermissions:
        return OrderPermissions(TradingState.ACTIVE)

    def remembered(self, _principal: str, _key: str) -> None:
        return None

    def halt(self, messages: list[TradingStateChanged], *_remembered: Any) -> dict[str, OrderPermissions]:
        self.messages += messages
        return {}


def session(role: str, name: str) -> dict:
    return {"iam": {"userArn": f"arn:aws:sts::000000000000:assumed-role/{role}/{name}"}}


def halted(world: World) -> str:
    """A halted account, and the confirmation of Anna's request to resume it."""
    assert world.post("/halt", REASON).status == 200
    answer = world.post("/resume", RESUME, key="key-ask-0001")
    assert (answer.status, answer.body["state"]) == (202, "PENDING")
    assert world.halted() is TradingState.HALTED
    return answer.body["confirmation"]


def confirm(world: World, confirmation: str, who: dict, key: str = "key-confirm-1"):
    return world.post("/resume", RESUME | {"confirmation": confirmation}, who, key)


@pytest.mark.parametrize("state", ["HALTED", "REDUCE_ONLY", "FLATTENING"])
def test_one_person_halts_at_once_and_the_audit_chain_records_who_and_why(world, state):
    answer = world.post("/halt", REASON | {"state": state, "accounts": ["main"]})
    (halt,) = world.bus.messages
    who = ANNA["iam"]["userArn"]
    assert answer.body == {"state": state, "accounts": ["main"], "actor": who, "left": [], **REASON}
    assert (halt.state, halt.reason, halt.actor) == (state, "venue is down", ANNA["iam"]["userArn"])
    assert world.halted() == state


def test_halting_all_halts_every_account_that_was_opened(world):
    assert world.post("/halt", REASON).body["accounts"] == ["main"]
    refused = world.post("/halt", REASON | {"accounts": ["main", "spare"]}, key="key-00000002")
    assert (refused.status, refused.body["type"]) == (409, "urn:fanfold:problem:not-opened")


def test_a_repeated_halt_request_halts_once_and_repeats_the_response(world):
    first, second = (world.post("/halt", REASON) for _ in range(2))
    assert first.body == second.body
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert len(world.bus.messages) == 1


def test_a_repeated_halt_does_not_undo_a_resume_that_came_between(world):
    confirmation = halted(world)
    assert confirm(world, confirmation, BERT).status == 200
    assert world.post("/halt", REASON).status == 200
    assert world.halted() is TradingState.ACTIVE


def test_an_idempotency_key_belongs_to_one_request_of_one_caller(world):
    world.post("/halt", REASON)
    other = world.post("/halt", {"reason": "another"})
    assert (other.status, other.body["type"]) == (422, "urn:fanfold:problem:key-reused")
    assert world.post("/resume", RESUME).status == 422
    assert world.post("/halt", {"reason": "another"}, BERT).status == 200


def test_two_concurrent_requests_with_one_key_halt_once_and_get_the_same_response(world):
    """Both find the key unused; the transaction lets one through."""
    remembered = world.controls.remembered
    answers = []

    def late(principal: str, key: str):
        if not answers:
            answers.append(None)
            answers.append(world.post("/halt", REASON))
            return None
        return remembered(principal, key)

    world.controls.remembered = late
    second = world.post("/halt", REASON)
    assert (second.status, second.body) == (200, answers[1].body)
    assert len(world.bus.messages) == 1


@pytest.mark.parametrize("key", ["", "short", "x" * 65, "with space!", "ä" * 8, "key-00000001\n"])
def test_a_request_without_a_key_is_refused_and_does_nothing(world, key):
    assert world.post("/halt", REASON, key=key).status == 400
    assert world.halted() is TradingState.ACTIVE


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        {},
        {"reason": ""},
        {"reason": "  "},
        {"reason": "x" * 501},
        {"reason": 3},
        {"reason": "r", "state": "ACTIVE"},
        {"reason": "r", "state": "halt"},
        {"reason": "r", "acounts": ["main"]},
        {"reason": "r", "accounts": "main"},
        {"reason": "r", "accounts": ["a b"]},
        {"reason": "r", "actor": "root"},
    ],
)
def test_an_invalid_halt_request_is_explained_and_changes_nothing(world, body):
    assert world.post("/halt", body).status == 400
    assert world.halted() is TradingState.ACTIVE


def test_an_unknown_account_cannot_be_halted(world):
    assert world.post("/halt", REASON | {"accounts": ["gone"]}).status == 404
    assert world.post("/resume", RESUME | {"account": "gone"}, key="key-00000002").status == 404
    assert world.post("/resume", RESUME | {"account": "spare"}, key="key-00000003").status == 409


def test_one_person_alone_cannot_resume_at_once(world):
    confirmation = halted(world)
    refused = confirm(world, confirmation, ANNA)
    assert (refused.status, refused.headers["retry-after"]) == (403, str(int(OWN_DELAY.total_seconds()) + 1))
    assert world.halted() is TradingState.HALTED


def test_a_second_person_resumes_at_once_and_the_chain_records_both_reasons(world):
    confirmation = halted(world)
    answer = confirm(world, confirmation, BERT)
    assert (answer.status, answer.body["state"], world.halted()) == (200, "ACTIVE", TradingState.ACTIVE)
    assert world.bus.messages[-1].actor == BERT["iam"]["userArn"]
    assert "asked: venue is back" in world.bus.messages[-1].reason


def test_the_same_person_may_confirm_after_the_delay_and_nobody_after_expiry(world):
    confirmation = halted(world)
    world.now = NOW + OWN_DELAY - timedelta(seconds=1)
    assert confirm(world, confirmation, ANNA).status == 403
    world.now = NOW + VALID + timedelta(seconds=1)
    assert confirm(world, confirmation, BERT).status == 409
    world.now = NOW + OWN_DELAY
    assert confirm(world, confirmation, ANNA).status == 200


def test_two_sessions_of_a_role_are_one_person_and_two_roles_are_two(world):
    anna = session("operator", "anna")
    assert caller_of(anna["iam"]["userArn"]) == caller_of(session("operator", "bert")["iam"]["userArn"])
    assert world.post("/halt", REASON, anna).status == 200
    confirmation = world.post("/resume", RESUME, anna, "key-ask-0001").body["confirmation"]
    assert confirm(world, confirmation, session("operator", "bert")).status == 403
    assert confirm(world, confirmation, session("owner", "anna")).status == 200


def test_a_confirmation_is_used_once(world):
    confirmation = halted(world)
    assert confirm(world, confirmation, BERT).status == 200
    assert world.post("/halt", REASON, key="key-again-01").status == 200
    assert confirm(world, confirmation, BERT, "key-confirm-2").status == 409
    assert world.halted() is TradingState.HALTED


@pytest.mark.parametrize("how", ["by the API", "by the console"])
def test_a_halt_after_the_request_voids_it(world, how):
    confirmation = halted(world)
    if how == "by the API":
        world.post("/halt", {"reason": "worse"}, key="key-again-01")
    else:
        halt = TradingStateChanged(
            id="h", cause="c", at=NOW, account="main", state=TradingState.HALTED, reason="r", actor="a"
        )
        Approvals(world.store, AT_ONCE).halt(halt)
    assert confirm(world, confirmation, BERT).status == 409
    assert world.halted() is TradingState.HALTED


def test_a_wrong_confirmation_and_an_active_account_are_refused(world):
    halted(world)
    assert confirm(world, "0" * 32, BERT).status == 409
    assert confirm(world, "no hex", BERT, "key-confirm-2").status == 400
    world.post("/resume", RESUME, key="key-ask-0002")
    assert world.halted() is TradingState.HALTED


def test_an_active_account_cannot_be_resumed(world):
    refused = world.post("/resume", RESUME)
    assert (refused.status, refused.body["type"]) == (409, "urn:fanfold:problem:not-halted")


def test_an_active_account_is_re_armed_after_a_drawdown(world):
    request = world.post("/resume", RESUME | {"rearm": True})
    assert (request.status, world.bus.messages) == (202, [])
    assert confirm(world, request.body["confirmation"], BERT).status == 200
    (change,) = world.bus.messages
    assert (change.state, "re-armed" in change.reason) == (TradingState.ACTIVE, True)


def test_a_halt_in_between_voids_the_request_to_re_arm(world):
    request = world.post("/resume", RESUME | {"rearm": True})
    assert world.post("/halt", REASON, key="key-00000002").status == 200
    assert confirm(world, request.body["confirmation"], BERT).status == 409
    assert world.halted() is TradingState.HALTED


def test_a_repeated_confirmation_repeats_the_response(world):
    confirmation = halted(world)
    first = confirm(world, confirmation, BERT)
    assert confirm(world, confirmation, BERT).body == first.body
    assert len([message for message in world.bus.messages if message.state is TradingState.ACTIVE]) == 1


def test_halting_all_halts_as_many_accounts_as_there_are(world):
    opened = [f"account-{number}" for number in range(30)]
    desk = msgspec.structs.replace(world.desk, accounts=dict.fromkeys(opened, world.desk.accounts["main"]))
    halts = Halts()
    request = event("POST", "/halt", who=ANNA, body=REASON, idempotency_key="key-00000001")
    body = answer(request, desk, halts, NOW)  # type: ignore[arg-type]
    assert json.loads(body["body"])["accounts"] == sorted(opened)
    assert sorted(message.account for message in halts.messages) == sorted(opened)


def signed_in(name: str, *scopes: str) -> dict[str, Any]:
    """Somebody who is signed in to the page, with the scopes of their token."""
    return {"jwt": {"claims": {"sub": name, "scope": " ".join(scopes)}, "scopes": list(scopes)}}


HALTING, RESUMING = "fanfold/halt", "fanfold/resume"


@pytest.mark.parametrize("scopes", [[], ["openid"], [RESUMING], ["fanfold/haltx"]])
def test_nobody_halts_from_the_page_without_the_scope(world, scopes):
    answer = world.post("/page/halt", REASON, signed_in("carol", *scopes))
    assert (answer.status, world.bus.messages) == (403, [])


@pytest.mark.parametrize(("path", "who"), [("/page/halt", ANNA), ("/halt", signed_in("carol", HALTING))])
def test_a_route_takes_no_credentials_of_the_other_kind(world, path, who):
    assert world.post(path, REASON, who).status == 403


def test_who_is_signed_in_with_the_scope_halts_at_once_and_is_recorded(world):
    assert world.post("/page/halt", REASON, signed_in("carol", "openid", HALTING)).status == 200
    assert world.halted() is TradingState.HALTED
    assert world.bus.messages[0].actor == "jwt/carol"


def test_two_who_are_signed_in_resume_and_one_alone_does_not(world):
    carol, dave = (signed_in(name, HALTING, RESUMING) for name in ("carol", "dave"))
    world.post("/page/halt", REASON, carol)
    pending = world.post("/page/resume", RESUME, carol, "key-ask-0001").body["confirmation"]
    confirmed = RESUME | {"confirmation": pending}
    assert world.post("/page/resume", confirmed, carol, "key-alone-01").status == 403
    assert world.post("/page/resume", confirmed, signed_in("dave", HALTING), "key-bare-001").status == 403
    assert world.post("/page/resume", confirmed, dave, "key-both-001").body["state"] == "ACTIVE"


def test_a_role_and_a_sign_in_may_be_one_person(world):
    confirmation = halted(world)
    carol = signed_in("carol", RESUMING)
    answer = world.post("/page/resume", RESUME | {"confirmation": confirmation}, carol, "key-other-01")
    assert (answer.status, world.halted()) == (403, TradingState.HALTED)


def flattened(world: World, account: str) -> str:
    """Flatten an account as Bert does, and return the change."""
    body = {"state": "FLATTENING", "accounts": [account], "reason": "end of trial"}
    assert world.post("/halt", body, BERT, f"flatten-{account}").status == 200
    return world.controls.permissions(account).change


def test_a_halt_does_not_stop_a_flattening_and_says_whose_it_is_and_how_it_would(world):
    change = flattened(world, "main")
    refused = world.post("/halt", REASON)
    assert (refused.status, refused.body["type"]) == (409, "urn:fanfold:problem:stricter-state")
    assert "FLATTENING since 2026-03-01 12:00:00 UTC" in refused.body["detail"]
    assert f"set by {BERT['iam']['userArn']}" in refused.body["detail"]
    assert refused.body["detail"].endswith(f"name it: {change[:8]}")
    assert world.halted() is TradingState.FLATTENING
    assert len(world.bus.messages) == 1
    named = world.post("/halt", REASON | {"replaces": [change[:8]]}, key="key-00000002")
    assert (named.status, world.halted(), world.bus.messages[-1].replaces) == (200, TradingState.HALTED, change)


@pytest.mark.parametrize(("left", "halted"), [("main", "spare"), ("spare", "main")])
def test_a_halt_of_all_halts_the_others_and_names_what_it_left_and_a_repeated_one_says_the_same(world, left, halted):
    world.store.commit([OpenAccount("spare", Decimal(10_000))])
    change = flattened(world, left)
    answers = [world.post("/halt", REASON) for _ in range(2)]
    assert answers[0].body == answers[1].body
    assert (answers[0].status, answers[0].body["accounts"]) == (200, [halted])
    (row,) = answers[0].body["left"]
    assert (row["account"], row["state"], row["change"]) == (left, "FLATTENING", change)
    assert [message.account for message in world.bus.messages] == [left, halted]


def test_a_halt_may_name_what_is_in_force_of_many_accounts(world):
    change = flattened(world, "main")
    many = [f"{n:032x}" for n in range(50)]
    assert world.post("/halt", REASON | {"replaces": [*many, change]}).status == 200
    assert world.halted() is TradingState.HALTED


@pytest.mark.parametrize("replaces", [["1234567"], ["x" * 8], ["A" * 8], ["0" * 33], "0" * 8])
def test_a_code_that_is_none_is_explained(world, replaces):
    assert world.post("/halt", REASON | {"replaces": replaces}).status == 400


def test_a_halt_between_a_look_and_the_request_to_resume_is_not_undone_by_its_confirmation(world):
    """The state is read, somebody halts, and only then the request is stored, which no halt voids any more."""
    world.post("/halt", REASON)
    ask = world.controls.ask

    def late(pending: Any, request: Any, now: Any) -> None:
        world.post("/halt", REASON | {"state": "FLATTENING"}, BERT, "key-between-1")
        ask(pending, request, now)

    world.controls.ask = late
    pending = world.post("/resume", RESUME, key="key-ask-0001")
    confirmed = confirm(world, pending.body["confirmation"], BERT)
    assert (confirmed.status, confirmed.body["type"]) == (409, "urn:fanfold:problem:conflict")
    assert world.halted() is TradingState.FLATTENING
