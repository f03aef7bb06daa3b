"""Log lines: JSON, tied together by ids, and never with a secret in them."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from fanfold.aws.function.sqs import SqsConsumer, consume
from fanfold.aws.telemetry.logs import HIDDEN, JsonLog, bridge, clean, redacted
from fanfold.aws.telemetry.telemetry import Telemetry
from fanfold.messages import encode
from support.core_desk import A, bars_message, stretch, walk

AWS_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEK1"
VENUE_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def lines() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def log(lines: list[dict[str, Any]]) -> JsonLog:
    return JsonLog(lambda: NOW, lambda: {"request": "r-1"}, lambda text: lines.append(json.loads(text)))


@pytest.mark.parametrize(
    "name",
    [
        "secret",
        "apiKey",
        "API_KEY",
        "aws_secret_access_key",
        "sessionToken",
        "X-Signature",
        "Authorization",
        "password",
        "venueKeys",
        "webhookSecrets",
    ],
)
def test_fields_named_like_a_secret_are_redacted_at_any_depth(name: str) -> None:
    assert redacted({"a": [{name: "x", "price": 1}]}) == {"a": [{name: HIDDEN, "price": 1}]}


@pytest.mark.parametrize(
    "secret",
    [
        AWS_SECRET,
        VENUE_KEY,
        JWT,
        "AKIAIOSFODNN7EXAMPLE",
        "ASIAIOSFODNN7EXAMPLE",
        "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
    ],
)
def test_a_text_that_looks_like_a_key_is_redacted(secret: str) -> None:
    cleaned = clean(f"the venue said: {secret} is not known")
    assert secret not in cleaned
    assert cleaned.startswith("the venue said: ")
    assert cleaned.endswith(" is not known")


@pytest.mark.parametrize(
    "text",
    [
        "GET /order?symbol=A&signature=abc123",
        "Authorization: Bearer abc123",
        '{"apiKey": "abc123"}',
        "{'secret': 'abc123'}",
        "token=abc123",
    ],
)
def test_a_secret_that_a_text_names_is_hidden(text: str) -> None:
    assert "abc123" not in clean(text)
    assert HIDDEN in clean(text)


@pytest.mark.parametrize(
    "text",
    [
        "BTC/USDT",
        "a" * 64,
        "0f" * 32,
        "notional 5000.00 > 4000",
        "bar_age_s_max",
        "arn:aws:sns:eu-west-1:000000000000:fanfold-live-bars.fifo",
        "1-5f84c7a5-01234567",
    ],
)
def test_a_text_that_is_no_secret_is_left_alone(text: str) -> None:
    assert clean(text) == text
    assert redacted({"instrument": text, "keyboard": text}) == {"instrument": text, "keyboard": text}


def test_a_line_has_its_time_level_and_ids(log: JsonLog, lines: list[dict[str, Any]]) -> None:
    log.info("limits have changed", account="main", limits={"gross_max": "0.5"})
    assert lines == [
        {
            "at": "2026-03-01T00:00:00+00:00",
            "level": "INFO",
            "text": "limits have changed",
            "request": "r-1",
            "account": "main",
            "limits": {"gross_max": "0.5"},
        }
    ]


def test_a_fault_is_told_with_its_stack_and_without_its_secrets(log: JsonLog, lines: list[dict[str, Any]]) -> None:
    def ask() -> None:
        raise OSError(f"refused {VENUE_KEY}")

    with pytest.raises(OSError, match="refused") as raised:
        ask()
    log.fault("no order was placed", raised.value)
    (line,) = lines
    assert line["fault"] == f"OSError: refused {HIDDEN}"
    assert "test_logs.py" in line["stack"]
    assert VENUE_KEY not in json.dumps(line)


def test_a_verb_that_knows_only_the_standard_library_writes_the_same_lines(
    log: JsonLog, lines: list[dict[str, Any]]
) -> None:
    bridge(log, "told")
    logging.getLogger("told").warning("%s is left out: %s", A, f"key {VENUE_KEY}")
    assert (lines[0]["level"], lines[0]["text"]) == ("WARNING", f"{A} is left out: key {HIDDEN}")


def test_a_line_about_a_message_is_found_by_all_its_ids(lines: list[dict[str, Any]]) -> None:
    watch = Telemetry(
        {"AWS_LAMBDA_FUNCTION_NAME": "f", "_X_AMZN_TRACE_ID": "Root=1-a;Parent=b;Sampled=0"},
        lambda: NOW,
        lambda text: lines.append(json.loads(text)),
    )
    message = bars_message([stretch(A, walk(1, A, 3), 0, 1)], "a")
    record = {
        "messageId": "m",
        "body": encode(message).decode(),
        "eventSourceARN": "q",
        "attributes": {"MessageGroupId": "g", "SentTimestamp": "0"},
        "messageAttributes": {"trace": {"stringValue": "Root=1-chain;Parent=c;Sampled=0"}},
    }

    def handle(_arrived: object) -> None:
        watch.log.warning("in hand")

    with watch.invocation(type("Context", (), {"aws_request_id": "r"})()):
        consume({"Records": [record]}, handle, SqsConsumer(lambda *_asked: {}, "d", "f", lambda: NOW, watch))
        watch.log.info("after")
    ids = {"function": "f", "request": "r", "trace": "1-chain", "delivery": "m", "message": "a/1", "cause": "poll-a"}
    assert ids.items() <= lines[0].items()


@pytest.mark.parametrize(("version", "written"), [("7", "7"), ("$LATEST", None), (None, None)])
def test_a_line_tells_the_version_by_which_a_canary_is_judged(version: str | None, written: str | None) -> None:
    environ = {"AWS_LAMBDA_FUNCTION_NAME": "assess"} | ({"AWS_LAMBDA_FUNCTION_VERSION": version} if version else {})
    lines: list[str] = []
    Telemetry(environ, lambda: datetime(2026, 3, 1, tzinfo=UTC), lines.append).log.error(
        "a message will be tried again"
    )
    assert json.loads(lines[0]).get("version") == written
