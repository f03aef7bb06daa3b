"""Traces: carried beside messages, restored from them, recorded by a library that is only loaded for it."""

import json
import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fanfold.aws.sns import Topics
from fanfold.aws.telemetry.tracing import Trace, Tracing
from support.core_desk import A, bars_message, stretch, walk

SHARED = Path(__file__).resolve().parents[2] / "shared"
ROOT = "1-5759e988-bd862e3fe1be46a994272793"
OWN = f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1"
PROGRAM = """
import json, os, sys
from fanfold.aws.telemetry.tracing import Tracing
tracing = Tracing(print)
call = tracing.traced(lambda service, operation, parameters: {"done": operation})
tracing.begin(os.environ["_X_AMZN_TRACE_ID"])
assert call("sns", "Publish", {}) == {"done": "Publish"}
print(json.dumps([name for name in ("aws_xray_sdk", "botocore") if name in sys.modules]))
"""


def run(header: str, port: int = 9) -> list[str]:
    """The libraries that a function's process has loaded after a call."""
    environment = {
        "PYTHONPATH": str(SHARED),
        "_X_AMZN_TRACE_ID": header,
        "LAMBDA_TASK_ROOT": "/var/task",
        "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{port}",
        "PATH": os.environ["PATH"],
    }
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def carried(header: str) -> dict[str, Any]:
    return {"trace": {"stringValue": header, "dataType": "String"}}


def test_a_header_is_read_and_written_again() -> None:
    assert Trace.of(OWN) == Trace(ROOT, "53995c3f42cd8ad8", sampled=True)
    assert Trace.of(OWN).header == OWN
    assert Trace.of(f"Self=1;{OWN};Lineage=a:0").header == OWN
    assert Trace.of("").header == Trace.of("nonsense").header == ""


def test_an_invocation_that_is_not_sampled_does_not_load_the_library() -> None:
    assert run(OWN.replace("Sampled=1", "Sampled=0")) == []
    assert run("") == []


def test_a_sampled_call_is_a_subsegment_under_lambdas_own_and_loads_no_botocore() -> None:
    pytest.importorskip("aws_xray_sdk")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.settimeout(10)
        assert run(OWN, daemon.getsockname()[1]) == ["aws_xray_sdk"]
        _, document = daemon.recv(65_536).split(b"\n", 1)
    segment = json.loads(document)
    assert (segment["trace_id"], segment["parent_id"], segment["type"]) == (ROOT, "53995c3f42cd8ad8", "subsegment")
    assert (segment["name"], segment["namespace"], segment["aws"]) == ("sns", "aws", {"operation": "Publish"})


def test_a_message_takes_its_trace_along_and_its_consumer_goes_on_with_it() -> None:
    sent: list[dict[str, Any]] = []

    def call(_service: str, _operation: str, parameters: Any) -> dict[str, Any]:
        sent.append(parameters)
        return {}

    first, second = Tracing(print), Tracing(print)
    first.begin(OWN)
    message = bars_message([stretch(A, walk(1, A, 3), 0, 1)])
    Topics(call, {"bars": "arn"}, lambda _message: first.attributes()).publish([message])
    attribute = sent[0]["MessageAttributes"]["trace"]
    assert attribute == {"DataType": "String", "StringValue": OWN}
    assert "trace" not in sent[0]["Message"]
    second.begin("Root=1-other;Parent=p;Sampled=0")
    second.restore(carried(attribute["StringValue"]))
    assert second.trace == first.trace
    second.restore({})
    assert second.trace.root == "1-other"


def test_where_the_platform_carried_the_trace_its_own_segment_is_the_parent() -> None:
    tracing = Tracing(print)
    tracing.begin(f"Root={ROOT};Parent=mine;Sampled=1")
    tracing.restore(carried(OWN))
    assert tracing.trace.parent == "mine"


def test_without_the_library_calls_are_made_and_it_is_told_once() -> None:
    warned: list[str] = []

    def missing() -> Any:
        raise ImportError("no aws_xray_sdk")

    tracing = Tracing(warned.append, missing)
    tracing.begin(OWN)
    call = tracing.traced(lambda *_: {"done": True})
    assert [call("sns", "Publish", {}), call("sns", "Publish", {})] == [{"done": True}] * 2
    assert len(warned) == 1


def test_a_fault_in_a_traced_call_comes_through() -> None:
    opened: list[str] = []

    @contextmanager
    def segment(_trace: Trace, service: str, operation: str) -> Any:
        opened.append(f"{service}.{operation}")
        yield

    def failing(*_: object) -> dict[str, Any]:
        raise OSError("gone")

    tracing = Tracing(print, lambda: segment)
    tracing.begin(OWN)
    with pytest.raises(OSError, match="gone"):
        tracing.traced(failing)("sns", "Publish", {})
    assert opened == ["sns.Publish"]
