"""A stage in an AWS account: what `make bootstrap`, `deploy`, `rollback` and `remove` do.

All goes to the account, or the emulator, that the usual AWS variables name.
"""

import argparse
import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fanfold.aws.calls import AwsFault, Call, Endpoint, connect
from fanfold.console.cloud.launcher import SERVICES, repository_root
from fanfold.refusals import BadInput

PLATFORM = "platform"
BOOTSTRAP = "fanfold-bootstrap"
# Where nothing is ever removed but by hand; docs/deploy.md says how.
KEPT = ("paper", "live")


class StageFailed(Exception):
    """A step did not go through; the text is the tool's own."""


class Stage:
    """The six stacks of a stage."""

    def __init__(self, name: str, call: Call, told: Callable[[str], None] = print) -> None:
        self._name = name
        self._call = call
        self._told = told
        self._root = repository_root()

    def deploy(self, services: Iterable[str] = (PLATFORM, *SERVICES)) -> None:
        """The platform first, then the others side by side; no stack that would lose a table or a bucket."""
        wanted = list(services)
        self._side_by_side(self._guard, wanted)
        if PLATFORM in wanted:
            self._deploy(PLATFORM)
        self._side_by_side(self._deploy, [one for one in wanted if one != PLATFORM])

    def rollback(self, service: str) -> str:
        """Bring back what a service's stack was one deploy ago; the timestamp of that."""
        done = self._deploys(service)
        if len(done) < 2:
            raise BadInput(f"{service} was deployed {len(done)} times to {self._name}: there is nothing to go back to")
        self._tool(service, "rollback", "--timestamp", done[-2])
        self._told(f"{service} is what it was at {done[-2]}")
        return done[-2]

    def remove(self) -> None:
        """Take everything away: the services, what is in the buckets, the platform."""
        if self._name in KEPT:
            raise BadInput(f"stage {self._name} keeps what it has; docs/deploy.md says how to remove it by hand")
        self._side_by_side(lambda one: self._tool(one, "remove"), list(SERVICES))
        for bucket in self._buckets():
            self._empty(bucket)
        self._tool(PLATFORM, "remove")
        self._told(f"stage {self._name} is gone")

    def _deploy(self, stack: str) -> None:
        answer = self._tool(stack, "deploy")
        self._told(f"{stack}: {'no change' if 'No changes to deploy' in answer else 'deployed'}")

    def _guard(self, stack: str) -> None:
        """Refuse an update that would put a new table or bucket in the place of one that holds something."""
        deployed = self._deployed(stack)
        if deployed is None:
            return
        with TemporaryDirectory() as into:
            self._tool(stack, "package", "--package", into)
            old = Path(into) / "deployed.json"
            old.write_text(json.dumps(deployed))
            new = Path(into) / "cloudformation-template-update-stack.json"
            _run([sys.executable, "-m", "fanfold.console.deploy_guard", str(old), str(new)], self._root)

    def _deployed(self, stack: str) -> Any:
        try:
            found = self._call("cloudformation", "GetTemplate", {"StackName": f"fanfold-{stack}-{self._name}"})
        except AwsFault as fault:
            if "does not exist" not in fault.message:
                raise
            return None
        body = found["TemplateBody"]
        return json.loads(body) if isinstance(body, str) else body

    def _deploys(self, service: str) -> list[str]:
        """Timestamps of a stack's deploys, the oldest first."""
        prefix = f"serverless/fanfold-{service}/{self._name}/"
        bucket = self._deployment_bucket(service)
        page = self._call("s3", "ListObjectsV2", {"Bucket": bucket, "Prefix": prefix, "Delimiter": "/"})
        return sorted(one["Prefix"].removeprefix(prefix).split("-")[0] for one in page.get("CommonPrefixes", []))

    def _deployment_bucket(self, service: str) -> str:
        found = self._call("cloudformation", "DescribeStacks", {"StackName": f"fanfold-{service}-{self._name}"})
        outputs = {one["OutputKey"]: one["OutputValue"] for one in found["Stacks"][0].get("Outputs", [])}
        return str(outputs["ServerlessDeploymentBucketName"])

    def _buckets(self) -> list[str]:
        found = self._call("cloudformation", "DescribeStackResources", {"StackName": f"fanfold-platform-{self._name}"})
        stores = [one for one in found["StackResources"] if one["ResourceType"] == "AWS::S3::Bucket"]
        return [one["PhysicalResourceId"] for one in stores]

    def _empty(self, bucket: str) -> None:
        """Every version of every object; retention in governance mode gives way to who may bypass it."""
        for versions in _pages(self._call, bucket):
            asked = {"Bucket": bucket, "Delete": {"Objects": versions}, "BypassGovernanceRetention": True}
            failed = self._call("s3", "DeleteObjects", asked).get("Errors", [])
            if failed:
                raise StageFailed(f"bucket {bucket} keeps {failed[0]['Key']}: {failed[0].get('Message')}")

    def _tool(self, stack: str, *command: str) -> str:
        folder = self._root if stack == PLATFORM else self._root / "services" / stack
        tool = self._root / "node_modules" / ".bin" / "serverless"
        return _run([str(tool), *command, "--stage", self._name], folder)

    def _side_by_side(self, act: Callable[[str], object], stacks: list[str]) -> None:
        with ThreadPoolExecutor(len(SERVICES)) as pool:
            list(pool.map(act, stacks))


def bootstrap(call: Call, bucket: str, repository: str) -> None:
    """What an account needs once: image repositories, the deployment bucket, the delivery's role."""
    body = (repository_root() / "docker" / "bootstrap.yml").read_text()
    given = {"DeploymentBucket": bucket, "Repository": repository}
    call("cloudformation", "CreateStack", {
        "StackName": BOOTSTRAP, "TemplateBody": body, "Capabilities": ["CAPABILITY_NAMED_IAM"],
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
    })


def main(given: list[str]) -> None:
    """`python -m fanfold.console.stage deploy dev`, and the like."""
    asked = _parser().parse_args(given)
    call = connect("boto3", Endpoint.of(os.environ))
    if asked.verb == "bootstrap":
        prefix = os.environ.get("FANFOLD_BUCKET_PREFIX", f"fanfold-{asked.stage}")
        bootstrap(call, f"{prefix}-deployment", asked.repository)
        return
    with (repository_root() / ".serverless.lock").open("w") as lock:
        # The tool packages into the source tree: two deploys at once would pull it from under each other.
        fcntl.flock(lock, fcntl.LOCK_EX)
        _obey(Stage(asked.stage, call), asked.verb, asked.service)


def _obey(stage: Stage, verb: str, service: str | None) -> None:
    if verb == "deploy":
        stage.deploy([service] if service else (PLATFORM, *SERVICES))
    elif verb == "remove":
        stage.remove()
    elif service is None:
        raise BadInput("name the service to roll back, as in `make rollback STAGE=dev SERVICE=signal`")
    else:
        stage.rollback(service)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fanfold.console.stage", description="Deploy a stage, and take it back.")
    parser.add_argument("verb", choices=["bootstrap", "deploy", "rollback", "remove"])
    parser.add_argument("stage")
    parser.add_argument("--service", choices=[PLATFORM, *SERVICES])
    parser.add_argument("--repository", default="", help="owner/name on GitHub, whose delivery may deploy")
    return parser


def _pages(call: Call, bucket: str) -> Iterator[list[dict[str, str]]]:
    while True:
        page = call("s3", "ListObjectVersions", {"Bucket": bucket, "MaxKeys": 500})
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if not found:
            return
        yield [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]


def _run(command: list[str], folder: Path) -> str:
    quiet = {"SLS_TELEMETRY_DISABLED": "1", "SLS_NOTIFICATIONS_MODE": "off", "NODE_NO_WARNINGS": "1"}
    done = subprocess.run(  # noqa: S603 - tools that the lock files pin
        command, cwd=folder, env=os.environ | quiet, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise StageFailed(f"{' '.join(command)}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout + done.stderr


if __name__ == "__main__":
    main(sys.argv[1:])
