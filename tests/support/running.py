"""A small AWS for the images' functions, events for them, and their answers."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from fanfold import desk
from fanfold.aws.client.call import Call
from fanfold.local.containers import STATE, Containers
from fanfold.local.runtime_api import RuntimeApi
from fanfold.market import bars
from fanfold.market.bars import Series
from fanfold.messages import BarsClosed, Message
from fanfold.simulation import market

ROOT = Path(__file__).resolve().parents[2]
# Set by `make test-images`: the services whose images it built.
ASKED = "FANFOLD_IMAGE_TESTS"
START = 1_767_225_600
MINUTES = 300
HANDLERS = {"market-data": "serve", "signal": "fold", "risk": "assess", "execution": "execute", "audit": "record"}
TABLES = ("ledger", "folds", "cursors", "paper-book", "views", "faults")
TOPICS = ("bars", "bars-requested", "targets", "orders", "executions")
BUCKETS = ("audit", "lake")
# Python for inside an image: bytes on disk under a folder, links counted once.
SIZE = """
import os
def size(top):
    seen = {}
    for folder, folders, files in os.walk(top):
        folders[:] = [name for name in folders if not os.path.ismount(os.path.join(folder, name))]
        for name in files:
            found = os.lstat(os.path.join(folder, name))
            seen[found.st_ino] = found.st_blocks * 512
    return sum(seen.values())
"""
DESK = desk.parse((ROOT / "desk.toml").read_text())


def small_aws(call: Call, url: str) -> dict[str, str]:
    """Make tables, buckets, and topics that all lead to one queue; what comes back is the functions' environment."""
    environment = {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "STAGE": "local",
        "HEARD": _queue(call, "heard.fifo"),
        "DEAD_LETTERS": _queue(call, "dead-letters.fifo"),
    }
    for table in TABLES:
        call(
            "dynamodb",
            "CreateTable",
            {
                "TableName": table,
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            },
        )
        environment[f"{_variable(table)}_TABLE"] = table
    for topic in TOPICS:
        made = call("sns", "CreateTopic", {"Name": f"{topic}.fifo", "Attributes": {"FifoTopic": "true"}})
        call(
            "sns",
            "Subscribe",
            {
                "TopicArn": made["TopicArn"],
                "Protocol": "sqs",
                "Endpoint": _arn("heard.fifo"),
                "Attributes": {"RawMessageDelivery": "true"},
            },
        )
        environment[f"{_variable(topic)}_TOPIC"] = made["TopicArn"]
    for bucket in BUCKETS:
        call("s3", "CreateBucket", {"Bucket": bucket, "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}})
        environment[f"{_variable(bucket)}_BUCKET"] = bucket
    return environment


def _queue(call: Call, name: str) -> str:
    url: str = call("sqs", "CreateQueue", {"QueueName": name, "Attributes": {"FifoQueue": "true"}})["QueueUrl"]
    return url


def _arn(queue: str) -> str:
    return f"arn:aws:sqs:eu-west-1:000000000000:{queue}"


def _variable(name: str) -> str:
    return name.replace("-", "_").upper()


def recordings() -> list[Series]:
    """The desk's instruments for a few minutes of the seeded market."""
    return market.market(7, list(DESK.instruments), MINUTES, START)


def bars_message(closes: int = 1) -> Message:
    """The first bars of every instrument, as market-data publishes them."""
    venue = next(iter(DESK.venues))
    first = [
        Series(
            instrument=recording.instrument,
            timeframe=recording.timeframe,
            price_scale=recording.price_scale,
            volume_scale=recording.volume_scale,
            after=recording.after,
            bars=recording.bars[:closes],
        )
        for recording in recordings()
    ]
    at = datetime.fromtimestamp(START + closes * 60, UTC)
    return BarsClosed(
        id=f"b{closes}",
        cause="poll",
        at=at,
        venue=venue,
        part=1,
        parts=1,
        requested=False,
        frames=bars.pack(first),
        defects=[],
    )


def event(service: str, *bodies: str) -> dict[str, Any]:
    """An SQS event; each message is in a group of its own."""
    return {"Records": [_record(service, number, body) for number, body in enumerate(bodies)]}


def _record(service: str, number: int, body: str) -> dict[str, Any]:
    return {
        "messageId": f"m{number}",
        "receiptHandle": f"r{number}",
        "body": body,
        "messageAttributes": {},
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": str(START * 1_000),
            "MessageGroupId": f"g{number}",
            "MessageDeduplicationId": f"d{number}",
        },
        "eventSource": "aws:sqs",
        "eventSourceARN": _arn(f"{service}.fifo"),
        "awsRegion": "eu-west-1",
    }


class Functions:
    """The functions of the images; a function's name has what its environment differs in."""

    api: RuntimeApi

    def __init__(self, call: Call, environment: Mapping[str, str], containers: Containers) -> None:
        self.call = call
        self.environment = environment
        self.containers = containers

    def environment_of(self, config: dict[str, Any]) -> Mapping[str, str]:
        return {**self.environment, **config["Environment"]}

    def invoke(self, service: str, handler: str, event: dict[str, Any], **environment: str) -> tuple[Any, bool]:
        """The answer of a function of an image, and whether it failed."""
        package = f"{service.replace('-', '_')}_service"
        config = {
            "FunctionName": f"{service}-{handler}-{len(self.api.functions)}",
            "Code": {"ImageUri": f"local/fanfold-{service}"},
            "ImageConfigResponse": {"ImageConfig": {"Command": [f"{package}.handler.{handler}"]}},
            "Environment": {"CLOCK": f"market:{STATE}/clock", "RECORDINGS": f"{STATE}/recordings", **environment},
        }
        answer = self.api.function(config).invoke(json.dumps(event).encode(), 30)
        return json.loads(answer.body or b"null"), answer.failed

    def heard(self, wait_s: float = 3) -> list[Any]:
        """The messages that were published since the last time."""
        bodies: list[Any] = []
        until = time.monotonic() + wait_s
        while not bodies and time.monotonic() < until:
            got = self.call("sqs", "ReceiveMessage", {"QueueUrl": self.environment["HEARD"], "MaxNumberOfMessages": 10})
            for message in got.get("Messages", []):
                bodies.append(json.loads(message["Body"]))
                self.call(
                    "sqs",
                    "DeleteMessage",
                    {"QueueUrl": self.environment["HEARD"], "ReceiptHandle": message["ReceiptHandle"]},
                )
        return bodies


@contextmanager
def init_errors() -> Iterator[tuple[str, list[Any]]]:
    """A Runtime API that has no event, and the init errors it is told; the client sends these to a bare address."""
    errors: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            if self.path == "/2018-06-01/runtime/init/error":
                errors.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}", errors
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
