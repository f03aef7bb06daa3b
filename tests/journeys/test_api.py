"""The HTTP API of a desk that trades, end to end: `fanfold serve` on a socket, in front of the embedded AWS."""

import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from fanfold.messages import Targets, TradingStateChanged
from support.hooked_desk import HOOK, INSTRUMENT, hooked, secret_of
from support.served_api import Heard, Served, served
from support.trading import ROOT, Desk, closes, trade

MINUTES = 20
FIRST = 12
NONCE, LATER = "nonce-of-the-first-signal", "nonce-of-a-later-signal"
SIGNAL = {"instance": HOOK, "instrument": INSTRUMENT, "weight": 0.5}
HALTED = {"reason": "the venue is down"}
RESUME = {"account": "main", "reason": "the venue is back"}
DOCUMENT = ROOT / "docs" / "api.md"
Found = dict[str, Any]


@pytest.fixture(scope="module")
def answers(deployed: Path, tmp_path_factory: pytest.TempPathFactory) -> Found:
    """The answers that a trader, an operator and a sender of signals got."""
    heard: Found = {}

    def act(desk: Desk) -> None:
        plan = desk.plan
        closes(desk, range(plan.start, plan.start + FIRST * 60, 60))
        with served(desk.state, "--control") as api:
            heard.update(_told(desk, api), status=api.get("/status"), document=api.get("/openapi.json"))
            heard.update(_halted(desk, api))
            heard.update(_resumed(desk, api))
            heard["shell"] = _documented(desk, api, heard["filled"]["order_id"])

    state = tmp_path_factory.mktemp("served") / "state"
    heard["outcome"] = trade(state, deployed, hooked(MINUTES), act)
    return heard


def _told(desk: Desk, api: Served) -> Found:
    """A signal that fills, and ones that are none."""
    now = desk.plan.start + (FIRST - 1) * 60
    secret = secret_of(desk)
    heard: Found = {
        "forged": api.tell(SIGNAL, secret=b"a guess", at=now, nonce=NONCE),
        "old": api.tell(SIGNAL, secret=secret, at=now - 301, nonce=NONCE),
        "taken": api.tell(SIGNAL, secret=secret, at=now, nonce=NONCE),
        "replayed": api.tell(SIGNAL, secret=secret, at=now, nonce=NONCE),
    }
    assert desk.cloud.wait_until_quiet()
    closes(desk, range(now + 60, now + 180, 60))
    assert desk.cloud.wait_until_quiet()
    orders = api.get(f"/orders?instrument={INSTRUMENT}&limit=100").body["orders"]
    [filled] = [order for order in orders if order["instance"] == HOOK]
    day = filled["changed_at"][:10]
    return heard | {
        "filled": filled,
        "explained": api.get(f"/orders/{filled['order_id']}").body,
        "trades": api.get(f"/trades?account=main&day={day}").body["trades"],
        "positions": api.get("/positions?account=main").body["positions"],
        "signals": api.get("/signals").body["signals"],
    }


def _halted(desk: Desk, api: Served) -> Found:
    heard: Found = {"halt": api.post("/halt", HALTED, idempotency_key="key-halt-0001")}
    heard["halt again"] = api.post("/halt", HALTED, idempotency_key="key-halt-0001")
    assert desk.cloud.wait_until_quiet()
    heard["halted"] = api.get("/status")
    now = float((desk.state / "clock").read_text())
    heard["while halted"] = api.tell(SIGNAL | {"weight": -0.5}, secret=secret_of(desk), at=now, nonce=LATER)
    assert desk.cloud.wait_until_quiet()
    refused = api.get("/orders?refused=true&limit=100").body["orders"]
    return heard | {"refused": [refused_order for refused_order in refused if refused_order["instance"] == HOOK]}


def _resumed(desk: Desk, api: Served) -> Found:
    heard: Found = {"asked": api.post("/resume", RESUME, idempotency_key="key-resume-01")}
    confirmed = RESUME | {"confirmation": heard["asked"].body["confirmation"]}
    heard["alone"] = api.post("/resume", confirmed, idempotency_key="key-resume-02")
    _pass(desk, 901)
    heard["later"] = api.post("/resume", confirmed, idempotency_key="key-resume-03")
    assert desk.cloud.wait_until_quiet()
    return heard | {"resumed": api.get("/status")}


def _pass(desk: Desk, seconds: float) -> None:
    desk.run.set_clock(float((desk.state / "clock").read_text()) + seconds)


def _documented(desk: Desk, api: Served, order: str) -> dict[str, str]:
    """The output of each block with a curl in docs/api.md, run in turn; by the wall clock, as its signature is."""
    desk.run.set_clock(time.time())
    kept = desk.state / "shell"
    kept.touch()
    variables = {"API": api.url, "ORDER": order, "SECRET": secret_of(desk).decode(), "TOKEN": "any"}
    variables |= {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_SESSION_TOKEN": "any"}
    said = {}
    for block in re.findall(r"```sh\n(.*?)```", DOCUMENT.read_text(), re.DOTALL):
        if "curl " in block or "signed " in block:
            said[block] = _shell(block, kept, variables)
            # Who asked to resume waits before they confirm.
            desk.run.set_clock(time.time() + (901 if "CONFIRMATION=" in block else 0))
    return said


def _shell(block: str, kept: Path, variables: dict[str, str]) -> str:
    """The output of a block that goes on where the one before it ended; raises CalledProcessError for a refusal."""
    failing = 'curl() { command curl --fail-with-body "$@"; }'
    keeping = f"{{ declare -f; set | grep ^CONFIRMATION= || :; }} > {kept}"
    script = f"set -euo pipefail\n. {kept}\n{failing}\n{block}\n{keeping}"
    done = subprocess.run(
        ["bash", "-c", script], env=os.environ | variables, capture_output=True, text=True, check=True
    )
    return done.stdout


def refusal(heard: Heard) -> tuple[int, str, str]:
    return heard.status, heard.body["type"].removeprefix("urn:fanfold:problem:"), heard.headers["content-type"]


def test_a_signal_from_outside_becomes_an_order_that_fills(answers):
    assert answers["taken"].status == 202
    assert answers["filled"]["state"] == "FILLED"
    fills = answers["explained"]["fills"]
    assert fills == [trade for trade in answers["trades"] if trade["order_id"] == answers["filled"]["order_id"]]
    assert fills
    [held] = [position for position in answers["positions"] if position["instance"] == HOOK]
    assert float(held["quantity"]) == sum(float(fill["quantity"]) for fill in fills) > 0


def test_why_leads_from_the_order_back_to_the_signal(answers):
    decided, signaled = answers["explained"]["chain"]
    assert (decided["kind"], signaled["kind"]) == ("OrdersApproved", "Targets")
    assert signaled["cause"] == f"webhook/{NONCE}"
    assert (signaled["message_id"], signaled["weight"]) == (answers["taken"].body["message_id"], 0.5)
    assert decided["hash"] != signaled["hash"]


def test_audit_kept_the_signal_and_who_halted_and_resumed(answers):
    outcome = answers["outcome"]
    signals = [
        message for message in outcome.messages if isinstance(message, Targets) and message.cause == f"webhook/{NONCE}"
    ]
    assert [message.id for message in signals] == [answers["taken"].body["message_id"]]
    changed = [
        (message.state, message.reason) for message in outcome.messages if isinstance(message, TradingStateChanged)
    ]
    assert ("HALTED", HALTED["reason"]) in changed
    assert ("ACTIVE", f"{RESUME['reason']} (asked: {RESUME['reason']})") in changed
    assert {verdict.kind for verdict in outcome.verdicts} == {"sound"}


def test_a_signal_that_is_forged_old_or_sent_again_is_refused(answers):
    problem = "application/problem+json"
    assert refusal(answers["forged"]) == (401, "bad-signature", problem)
    assert refusal(answers["old"]) == (401, "bad-signature", problem)
    assert refusal(answers["replayed"]) == (409, "replayed", problem)


def test_reading_tells_what_the_desk_did(answers):
    [account] = answers["status"].body["accounts"]
    assert (account["account"], account["trading_state"]) == ("main", "ACTIVE")
    assert account["positions"] > 0
    assert HOOK in {signal["instance"] for signal in answers["signals"]}
    assert "/orders/{order}" in answers["document"].body["paths"]


def test_a_halted_desk_refuses_and_says_why(answers):
    assert (answers["halt"].status, answers["halt"].body["accounts"]) == (200, ["main"])
    assert answers["halt again"].body == answers["halt"].body
    assert answers["halt again"].headers["idempotency-replayed"] == "true"
    [account] = answers["halted"].body["accounts"]
    assert (account["trading_state"], account["trading_state_reason"]) == ("HALTED", HALTED["reason"])
    assert answers["while halted"].status == 202
    [refused] = answers["refused"]
    assert (refused["state"], refused["code"]) == ("REFUSED", "KILL_STATE")
    assert "HALTED" in refused["detail"]


def test_who_halted_resumes_after_a_delay_alone(answers):
    assert (answers["asked"].status, answers["asked"].body["state"]) == (202, "PENDING")
    assert refusal(answers["alone"])[:2] == (403, "second-person-needed")
    assert int(answers["alone"].headers["retry-after"]) > 800
    assert (answers["later"].status, answers["later"].body["state"]) == (200, "ACTIVE")
    [account] = answers["resumed"].body["accounts"]
    assert account["trading_state"] == "ACTIVE"


def test_every_curl_of_the_document_is_answered(answers):
    assert sum(block.count("curl ") + block.count("signed /") for block in answers["shell"]) >= 7
    said = "".join(answers["shell"].values())
    for part in ('"accounts":[{', '"orders":[{', '"chain":[{', '"state":"HALTED"', '"state":"ACTIVE"', '"signal_id":"'):
        assert part in said
