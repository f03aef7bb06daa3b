"""Each image answers recorded events under the runtime client that Lambda uses, and holds what it should."""

import json
import subprocess
from datetime import UTC, datetime

import pytest

from fanfold.local import container_tool
from fanfold.messages import BarsRequested, encode
from support.running import DESK, HANDLERS, SIZE, START, bars_message, event, init_errors

SIZE_MB = {"signal": 160, "risk": 160, "audit": 340, "execution": 250, "market-data": 250}
FORBIDDEN = {"pip", "setuptools", "wheel", "boto3", "botocore", "pytest", "pandas", "numpy", "duckdb"}
# ccxt wants it; anywhere else msgspec would load it for nothing.
WITHOUT_CCXT = {"typing_extensions", "ccxt", "requests"}
CCXT = ("market-data", "execution")
OPEN = {"action": "open", "account": "main", "reason": "test", "actor": "test"}
BARS = encode(bars_message()).decode()
WANTED = BarsRequested(
    id="w1",
    cause="b1",
    at=datetime.fromtimestamp(START + 600, UTC),
    venue=next(iter(DESK.venues)),
    timeframe="1m",
    instruments=["BTC/USDT"],
    since_s=START + 60,
    until_s=START + 300,
)
LOOK = """
import glob, importlib.util, json
bare = [name for top in ("/var/task", "/opt/python") for name in glob.glob(top + "/**/*.py", recursive=True)
        if not os.path.exists(importlib.util.cache_from_source(name))]
def flags(name):
    with open(importlib.util.cache_from_source(name), "rb") as file:
        return int.from_bytes(file.read(8)[4:], "little")
print(json.dumps({
    "bytes": size("/"), "bare": bare, "user": os.getuid(), "flags": flags("/var/task/fanfold/__init__.py"),
    "here": [name for name in FORBIDDEN if importlib.util.find_spec(name)],
    "tools": [name for name in ("gcc", "cc", "make", "pip", "pip3", "git") if any(
        os.path.exists(os.path.join(top, name)) for top in os.environ["PATH"].split(":"))],
    "task": sorted(os.listdir("/var/task")), "tests": glob.glob("/var/task/**/test*", recursive=True),
    "desk": sorted(json.load(open("/var/task/desk.json"))),
}))
"""


@pytest.fixture
def inside(service, containers):
    """The facts that a script inside an image reports."""
    forbidden = FORBIDDEN | (set() if service in CCXT else WITHOUT_CCXT)
    code = f"FORBIDDEN = {sorted(forbidden)!r}\n{SIZE}{LOOK}"
    command = container_tool.command_in(containers.container(service), ["python3", "-c", code], {}, {})
    done = subprocess.run(command, env=container_tool.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_an_image_is_small_compiled_and_bare_of_tools(service, inside):
    assert inside["bytes"] <= SIZE_MB[service] * 1_000_000
    assert inside["bare"] == []
    # PEP 552: a hash that nothing checks.
    assert inside["flags"] == 1
    assert (inside["here"], inside["tools"], inside["tests"]) == ([], [], [])
    assert inside["task"] == sorted(["desk.json", "fanfold", "strategies", f"{service.replace('-', '_')}_service"])
    assert inside["user"] != 0
    assert {"venues", "accounts", "strategies"} <= set(inside["desk"])


def test_bars_are_handled_and_an_invalid_message_goes_to_the_dead_letter_queue(service, functions):
    answer, failed = functions.invoke(service, HANDLERS[service], event(service, BARS, "no message"))
    assert not failed, answer
    assert answer == {"batchItemFailures": []}


def test_only_the_failed_message_is_reported_as_failed(service, functions):
    stores = ("FOLDS_TABLE", "LEDGER_TABLE", "PAPER_BOOK_TABLE", "VIEWS_TABLE", "AUDIT_BUCKET")
    absent = dict.fromkeys(stores, "absent") | {"BARS_TOPIC": "arn:aws:sns:eu-west-1:000000000000:absent.fifo"}
    # Bars are nothing to market-data; what it is asked for, it publishes.
    body = encode(WANTED).decode() if service == "market-data" else BARS
    answer, failed = functions.invoke(service, HANDLERS[service], event(service, "no message", body), **absent)
    assert not failed, answer
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}]}


def test_a_missing_handler_is_an_init_error(service, containers):
    with init_errors() as (address, errors):
        handler = f"{service.replace('-', '_')}_service.absent.handler"
        command = container_tool.command_in(
            containers.container(service),
            ["python3", "-m", "awslambdaric", handler],
            {"AWS_LAMBDA_RUNTIME_API": address},
            {},
        )
        done = subprocess.run(command, env=container_tool.environment(), capture_output=True, check=False, timeout=30)
    assert done.returncode != 0
    assert [error["errorType"] for error in errors] == ["Runtime.ImportModuleError"]
    assert "absent" in errors[0]["errorMessage"]


@pytest.mark.parametrize(
    ("owner", "handler", "payload"),
    [
        ("market-data", "poll", {}),
        ("signal", "fold", event("signal", encode(bars_message(299)).decode())),
        ("risk", "control", OPEN),
    ],
)
def test_an_api_request_becomes_a_message(owner, handler, payload, built, functions):
    if owner not in built:
        pytest.skip(f"the image of {owner} was not asked for")
    functions.heard(0.1)
    answer, failed = functions.invoke(owner, handler, payload, FOLDS_TABLE="folds")
    assert not failed, answer
    assert functions.heard()


def test_audit_records_reach_the_bucket_and_then_the_lake(built, functions):
    if "audit" not in built:
        pytest.skip("the image of audit was not asked for")
    answer, failed = functions.invoke("audit", "record", event("audit", BARS))
    assert (answer, failed) == ({"batchItemFailures": []}, False)
    answer, failed = functions.invoke("audit", "flush", {})
    assert not failed, answer
    assert functions.call("s3", "ListObjectsV2", {"Bucket": "audit"})["KeyCount"] > 0
    assert functions.call("s3", "ListObjectsV2", {"Bucket": "lake"})["KeyCount"] > 0
