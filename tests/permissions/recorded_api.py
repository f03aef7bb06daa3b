"""The functions behind the HTTP API, each asked in every way in which it asks AWS for something."""

import json
from typing import Any

from fanfold.api.webhooks import NONCE, SIGNATURE, TIMESTAMP, signature
from fanfold.aws.function.watched import NO_REASON
from fanfold.deployment import SERVICES, STAGE, dead_letters_names
from fanfold.local import http_gateway
from fanfold.local.driver import invoke
from fanfold.local.http_gateway import TARGETS
from fanfold.local.session import ACCOUNT_ID, bucket_name
from support.api_desk import ANNA, BERT, READER, Answer, answered, event
from support.hooked_desk import HOOK, INSTRUMENT, secret_of
from support.trading import Desk

READING = (
    "/status", "/positions", "/orders", "/orders?open=true", "/signals", "/openapi.json", "/refusals", "/limits",
    "/research", "/bars?instrument=BTC/USDT", "/equity?account=main",
)  # fmt: skip


def tell(desk: Desk, weight: float, nonce: str) -> Answer:
    """A signal from outside, signed with the secret that the deploy made."""
    body = json.dumps({"instance": HOOK, "instrument": INSTRUMENT, "weight": weight})
    at = str(int(float((desk.state / "clock").read_text())))
    signed = {TIMESTAMP: at, NONCE: nonce, SIGNATURE: signature(secret_of(desk), at, nonce, body.encode())}
    request = event("POST", "/signals/external", body=body)
    request["headers"] |= signed
    return _answered(desk, "signal", "webhook", request)


def hear_twice(desk: Desk) -> None:
    """A signal is taken once; the second time its nonce is looked up."""
    assert [tell(desk, 0.5, "nonce-of-the-journey").status for _ in range(2)] == [202, 409]


def read(desk: Desk) -> None:
    """Every route; of a filled order also what its causes were, for which segments of the log are read."""
    _submit(desk)
    for path in READING:
        assert get(desk, path).status == 200
    orders = get(desk, "/orders?limit=100").body["orders"]
    filled = next(order for order in orders if order["state"] == "FILLED")
    day = filled["changed_at"][:10]
    assert get(desk, f"/trades?account=main&day={day}").body["trades"]
    assert get(desk, f"/orders/{filled['order_id']}").body["chain"]


def see_system(desk: Desk) -> None:
    """The system with a day that was closed, and a message that the platform gave up, whose fault is looked up."""
    queue = f"{desk.cloud.endpoint}/{ACCOUNT_ID}/{dead_letters_names('audit', STAGE)[0]}"
    desk.cloud.call()("sqs", "SendMessage", {"QueueUrl": queue, "MessageBody": "given up"})
    system = get(desk, "/system").body
    assert "given up" not in str(system)
    assert NO_REASON in {letter["reason"] for letter in system["dead_letters"]}
    assert system["closed"]["sound"]
    assert [queue["service"] for queue in system["queues"]] == list(SERVICES)
    assert all(code["digest"] for code in system["functions"])


def _submit(desk: Desk) -> None:
    """A sweep lies in the lake, as a stage with research has it."""
    instance = {"strategy": "sma_cross", "timeframe": "1m"}
    job = {"desk": {"strategies": {"a": instance}}, "configurations": [{}], "markets": [["BTC/USDT"]],
           "windows": [{"since": 0, "until": 60}]}  # fmt: skip
    body = json.dumps({"sweep": "sweep-1", "job": job}).encode()
    key = "research/sweeps/sweep-1/sweep.json"
    desk.cloud.call()("s3", "PutObject", {"Bucket": bucket_name("lake", STAGE), "Key": key, "Body": body})


def control(desk: Desk) -> None:
    """Halt, and the same again; ask to resume, and let another confirm."""
    halt = {"reason": "a test"}
    assert [post(desk, "/halt", halt, ANNA, "key-halt-0001").status for _ in range(2)] == [200, 200]
    resume = {"account": "main", "reason": "a test"}
    pending = post(desk, "/resume", resume, ANNA, "key-resume-01")
    assert pending.status == 202
    confirmed = post(desk, "/resume", resume | {"confirmation": pending.body["confirmation"]}, BERT, "key-resume-02")
    assert confirmed.body["state"] == "ACTIVE"


def get(desk: Desk, url: str) -> Answer:
    path, _, query = url.partition("?")
    target = TARGETS.get(f"GET {path}", http_gateway.READING)
    return _answered(desk, target.service, target.function, event("GET", path, query, who=READER))


def post(desk: Desk, path: str, body: Any, who: dict[str, Any], key: str) -> Answer:
    return _answered(desk, "risk", "api_control", event("POST", path, who=who, body=body, idempotency_key=key))


def _answered(desk: Desk, service: str, function: str, request: dict[str, Any]) -> Answer:
    return answered(lambda api_event: invoke(desk.run.call, service, function, api_event), request)
