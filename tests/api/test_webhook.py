"""The webhook: the table of forgeries, each refused, and what a genuine signal does, once."""

import base64
import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.api.problems import Problem
from fanfold.api.webhooks import NONCE, SIGNATURE, TIMESTAMP, WINDOW_S, signature, verify
from fanfold.errors import Conflict
from support.api_desk import DAY, NOW, SECRETS, A, Answer, World, answered, event

NONCE_1 = "nonce-0123456789abcdef"
BODY = json.dumps({"instance": "hook", "instrument": A, "weight": 0.25})
T0 = int(NOW.timestamp())


def signed(body: str = BODY, *, secret: bytes = SECRETS[0], at: int = T0, nonce: str = NONCE_1) -> dict[str, str]:
    return {TIMESTAMP: str(at), NONCE: nonce, SIGNATURE: signature(secret, str(at), nonce, body.encode())}


def sent(world: World, headers: dict[str, str], body: str | None = BODY, **changes: Any) -> Answer:
    request = event("POST", "/signals/external", body=body)
    request["headers"] |= headers
    return answered(world.webhook, request | changes)


def test_a_genuine_signal_becomes_one_targets_message_of_no_poll(world):
    answer = sent(world, signed())
    (message,) = world.hooked.messages
    assert (answer.status, answer.body["message_id"]) == (202, message.id)
    assert (message.account, message.poll_id, message.at, message.cause) == ("main", "", NOW, f"webhook/{NONCE_1}")
    (target,) = message.targets
    assert (target.instance, target.instrument, target.weight, target.timeframe) == ("hook", A, 0.25, "1m")
    assert target.signal_id == answer.body["signal_id"]


FLIPPED = BODY.replace("0.25", "0.26")
FORGERIES: dict[str, tuple[dict[str, str], str]] = {
    "wrong key": (signed(secret=b"a guess"), BODY),
    "empty key": (signed(secret=b""), BODY),
    "flipped byte": (signed(), FLIPPED),
    "a byte more": (signed(), BODY + " "),
    "old": (signed(at=T0 - WINDOW_S - 1), BODY),
    "future": (signed(at=T0 + WINDOW_S + 1), BODY),
    "another time": (signed() | {TIMESTAMP: str(T0 + 1)}, BODY),
    "another nonce": (signed() | {NONCE: NONCE_1 + "0"}, BODY),
    "no timestamp": ({key: value for key, value in signed().items() if key != TIMESTAMP}, BODY),
    "no nonce": ({key: value for key, value in signed().items() if key != NONCE}, BODY),
    "no signature": ({key: value for key, value in signed().items() if key != SIGNATURE}, BODY),
    "duplicate signature": (signed() | {SIGNATURE: signed()[SIGNATURE] + "," + "0" * 64}, BODY),
    "duplicate timestamp": (signed() | {TIMESTAMP: f"{T0},{T0}"}, BODY),
    "duplicate nonce": (signed() | {NONCE: f"{NONCE_1},{NONCE_1}"}, BODY),
    "upper case": (signed() | {SIGNATURE: signed()[SIGNATURE].upper()}, BODY),
    "short signature": (signed() | {SIGNATURE: signed()[SIGNATURE][:32]}, BODY),
    "short nonce": (signed(nonce="short"), BODY),
    "digits of another script": (signed() | {TIMESTAMP: "".join(chr(0x660 + int(n)) for n in str(T0))}, BODY),
    "unicode signature": (signed() | {SIGNATURE: "ä" * 64}, BODY),
    "line end after the time": (signed() | {TIMESTAMP: f"{T0}\n"}, BODY),
    "dots moved": (signed(body="." + BODY), BODY),
    "empty body": (signed(), ""),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forgery_is_refused_and_does_nothing(world, forgery):
    headers, body = FORGERIES[forgery]
    answer = sent(world, headers, body)
    assert (answer.status, answer.body["type"]) == (401, "urn:fanfold:problem:bad-signature")
    assert world.hooked.messages == []
    assert sent(world, signed()).status == 202, "the forgery used up the nonce of the genuine one"


def test_a_signal_that_is_sent_again_is_refused(world):
    assert sent(world, signed()).status == 202
    again = sent(world, signed())
    later = sent(world, signed(at=T0 + 1))
    assert (again.status, later.status) == (409, 409)
    assert len(world.hooked.messages) == 1


@pytest.mark.parametrize("off", [-WINDOW_S, -1, 0, 1, WINDOW_S])
def test_a_sender_whose_clock_is_slightly_off_is_accepted(world, off):
    assert sent(world, signed(at=T0 + off)).status == 202


def test_a_nonce_is_kept_as_long_as_a_signature_with_it_is_valid():
    from fanfold.aws.dynamodb.nonces import KEPT_S

    assert KEPT_S >= 2 * WINDOW_S


def test_the_signature_of_a_base64_body_covers_the_decoded_bytes(world):
    packed = base64.b64encode(BODY.encode()).decode()
    assert sent(world, signed(packed), packed, isBase64Encoded=True).status == 401
    assert sent(world, signed(), packed, isBase64Encoded=True).status == 202
    assert sent(world, signed(nonce=NONCE_1 + "1"), packed + "!", isBase64Encoded=True).status == 400


def test_keys_rotate_without_a_gap(world):
    assert sent(world, signed(secret=SECRETS[1])).status == 202
    world.secrets.pop(0)
    assert sent(world, signed(nonce=NONCE_1 + "2")).status == 401
    assert sent(world, signed(secret=SECRETS[1], nonce=NONCE_1 + "3")).status == 202
    world.secrets.clear()
    assert sent(world, signed(secret=SECRETS[1], nonce=NONCE_1 + "4")).status == 401


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"instance": "trend"}, 404),
        ({"instance": "gone"}, 404),
        ({"instance": "ä"}, 400),
        ({"instrument": "SOL/USDT"}, 404),
        ({"instrument": ""}, 400),
        ({"weight": 1.01}, 400),
        ({"weight": "0.5"}, 400),
        ({"weight": None}, 400),
        ({"speed": 3}, 400),
    ],
)
def test_an_invalid_signal_of_a_genuine_sender_is_explained_and_not_traded(world, changes, status):
    body = json.dumps(json.loads(BODY) | changes)
    assert sent(world, signed(body), body).status == status
    assert world.hooked.messages == []


@pytest.mark.parametrize("body", ["", "[]", "{", "null", '{"weight": NaN}', "ä", "\U0001f600"])
def test_a_signed_body_that_is_not_a_signal_is_rejected(world, body):
    assert sent(world, signed(body), body).status == 400


def test_a_body_that_is_not_utf_8_is_rejected(world):
    raw = b'\xff{"a": 1}'
    headers = signed() | {SIGNATURE: signature(SECRETS[0], str(T0), NONCE_1, raw)}
    packed = base64.b64encode(raw).decode()
    assert sent(world, headers, packed, isBase64Encoded=True).status == 400


def test_a_body_of_another_type_is_refused(world):
    assert sent(world, signed() | {"content-type": "text/plain"}).status == 415


def test_a_signal_that_was_stored_but_not_published_is_published_on_retry(world):
    class Down:
        def publish(self, _messages: object) -> None:
            raise Conflict("the topic is down")

    bus, world.hooked.publish = world.hooked.publish, Down().publish
    with pytest.raises(Conflict):
        sent(world, signed())
    world.hooked.publish = bus
    world.now = NOW + timedelta(seconds=5)
    other = BODY.replace("0.25", "0.3")
    assert sent(world, signed(other), other).status == 409
    assert sent(world, signed()).status == 202
    (message,) = world.hooked.messages
    assert message.at == NOW
    assert sent(world, signed()).status == 409


@given(body=st.binary(max_size=60), at=st.integers(0, len(BODY) - 1), bit=st.integers(0, 7))
def test_no_other_body_passes_under_a_signature(body, at, bit):
    genuine = BODY.encode()
    flipped = genuine[:at] + bytes([genuine[at] ^ (1 << bit)]) + genuine[at + 1 :]
    for other in (flipped, *([body] if body != genuine else [])):
        with pytest.raises(Problem, match="fits no active secret"):
            verify(signed(), other, SECRETS, float(T0))
    assert verify(signed(), genuine, SECRETS, float(T0)) == NONCE_1


def test_the_day_of_the_tests_is_the_day_of_the_desk():
    assert NOW.date().isoformat() == DAY


def test_a_signal_to_be_short_in_a_spot_account_is_refused_and_leaves_its_nonce_unused(world):
    from signal_service.webhook import Receiver

    account = msgspec.structs.replace(world.desk.accounts["main"], kind="spot")
    desk = msgspec.structs.replace(world.desk, accounts=world.desk.accounts | {"main": account})
    # It has no inbox and no bus: whatever is taken fails there.
    nothing: Any = None
    receiver = Receiver(desk, lambda: SECRETS, nothing, nothing)
    body = json.dumps(json.loads(BODY) | {"weight": -0.25})
    request = event("POST", "/signals/external", body=body)
    request["headers"] |= signed(body)
    answer = answered(lambda sent_on: receiver.answer(sent_on, NOW), request)
    assert answer.status == 400
    assert answer.body["detail"] == (
        "hook trades in the account main, which is spot and cannot be short: send a weight of 0 or more"
    )
    assert sent(world, signed(body), body).status == 202
