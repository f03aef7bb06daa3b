"""A stage in an AWS account that commands query, with the credentials of the environment or its profile."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

from fanfold import desk
from fanfold.api.idempotency import KEY_HEADER
from fanfold.audit.verify import Days
from fanfold.aws.client.call import AwsFault, Endpoint, with_expected_owner
from fanfold.aws.client.connect import connect as client
from fanfold.aws.s3.audit_log import S3Log
from fanfold.aws.s3.seals import closed_days
from fanfold.desk import Desk
from fanfold.errors import BadInput, NothingThere
from fanfold.local.http_gateway import TARGETS, Function, Gateway, RouteTarget
from fanfold.local.session import Session, connect
from fanfold.strategy import folder

BAD_REQUEST = 400


class StageSession(Session):
    """A deployed stage; it trades on its own."""

    def __init__(self, stage: str, environ: Mapping[str, str]) -> None:
        self.stage = stage
        self.running = True
        self.call = with_expected_owner(client("boto3", Endpoint.of(environ)), lambda: str(self._caller["Account"]))
        self._strategies = folder.chosen(environ.get("FANFOLD_STRATEGIES"))
        caches = Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        self.state = caches / "fanfold" / self.bucket("lake")

    @cached_property
    def desk(self) -> Desk:
        folder.use(self._strategies)
        described = self.invoke("risk", "control", {"action": "describe"})
        return desk.load(json.dumps(described).encode(), f"the desk of the stage {self.stage}")

    @property
    def log(self) -> S3Log:
        return S3Log(self.call, self.bucket("audit"))

    @property
    def days(self) -> Days:
        return closed_days(self.call, self.bucket("audit"), self.bucket("lake"), f"alias/fanfold-{self.stage}-seals")

    @property
    def principal(self) -> str:
        """Return the ARN of the caller, as AWS sees it."""
        return str(self._caller["Arn"])

    @cached_property
    def _caller(self) -> dict[str, Any]:
        return self.call("sts", "GetCallerIdentity", {})

    def read(self, path: str) -> dict[str, Any]:
        """Return the answer of the function behind a path that is read. Raises BadInput for one that it rejects."""
        target = TARGETS[f"GET {path}"]
        reader = {"jwt": {"jwt": {"claims": {"sub": self.principal}}}}
        return self._document(Gateway({target: self._function(target)}, reader).answer("GET", path, {}, b""))

    def control(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Return the response of the control API. Raises BadInput for a command that it rejects."""
        target = TARGETS[f"POST {path}"]
        gateway = Gateway({target: self._function(target)}, {"iam": {"iam": {"userArn": self.principal}}})
        headers = {KEY_HEADER: uuid4().hex, "content-type": "application/json"}
        return self._document(gateway.answer("POST", path, headers, json.dumps(body).encode()))

    def _document(self, response: dict[str, Any]) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(response["body"])
        if response["statusCode"] >= BAD_REQUEST:
            raise BadInput(f"the stage {self.stage} refuses: {document['detail']}")
        return document

    @property
    def api_url(self) -> str:
        """Return the address of the HTTP API."""
        return self._outputs["HttpApiUrl"]

    def bucket(self, name: str) -> str:
        return self._outputs[f"{name.capitalize()}Bucket"]

    def queue_url(self, queue: str) -> str:
        return str(self.call("sqs", "GetQueueUrl", {"QueueName": queue})["QueueUrl"])

    def rested(self) -> bool:
        """Return False: a stage takes in bars every minute, and nobody waits for it to rest."""
        return False

    def _function(self, target: RouteTarget) -> Function:
        return lambda event, _context: self.invoke(target.service, target.function, event)

    @cached_property
    def _outputs(self) -> dict[str, str]:
        """Return the outputs of the platform's stack, which the other stacks use."""
        stack = f"fanfold-platform-{self.stage}"
        try:
            (described,) = self.call("cloudformation", "DescribeStacks", {"StackName": stack})["Stacks"]
        except AwsFault as fault:
            if fault.code != "ValidationError":
                raise
            raise NothingThere(
                f"there is no stack {stack} in this account and region; `make deploy STAGE={self.stage}` makes it, or "
                "name another account with AWS_PROFILE and AWS_REGION"
            ) from fault
        return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}


@contextmanager
def reach(state: Path, stage: str, command: str) -> Iterator[Session]:
    """Yield the desk that a command is about: a stage where one is named, else the desk of the state directory."""
    if stage:
        yield StageSession(stage, os.environ)
        return
    with connect(state, command) as session:
        yield session
