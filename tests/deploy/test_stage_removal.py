"""A stage goes away whole, in an order that its own rules allow, as often as it is asked; and not by mistake."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from stage_account import ROOT, Account

from fanfold.aws.client.call import AwsFault
from fanfold.deployment import OPTIONAL, PAGE
from fanfold.errors import BadInput
from fanfold.local.driver import environment, start_desk
from fanfold.stages import names
from fanfold.stages.removal import Removal, StageFailed, ephemeral_stages, sweep
from support import packaged_stages

BUCKET = "example-try-audit"
PAGE_BUCKET = "example-try-page"
TODAY = date(2026, 3, 5)


def template() -> str:
    """A platform's stack with an audit bucket alone, whose policy is the one that stages have."""
    resources = packaged_stages.templates("dev")["platform"]["Resources"]
    bucket = {"BucketName": BUCKET, "ObjectLockEnabled": True, "VersioningConfiguration": {"Status": "Enabled"}}
    return json.dumps({"Resources": {
        "AuditBucket": {"Type": "AWS::S3::Bucket", "Properties": bucket},
        "AuditBucketPolicy": resources["AuditBucketPolicy"],
    }})  # fmt: skip


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    with start_desk(tmp_path, environment(tmp_path, live=False)) as cloud:
        yield Account(cloud, tmp_path)


def up(account: Account, stage: str, day: str) -> None:
    tags = {"project": "fanfold", "stage": stage, "remove-after": day}
    account.call("cloudformation", "CreateStack", {
        "StackName": f"fanfold-platform-{stage}", "TemplateBody": template(),
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    })  # fmt: skip


def locked(account: Account) -> None:
    """Two versions of an object under a retention, and a marker in front of them."""
    # The emulator's stacks make buckets without the lock that their templates ask for.
    lock = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}}
    account.call("s3", "PutObjectLockConfiguration", {"Bucket": BUCKET, "ObjectLockConfiguration": lock})
    for body in (b"one", b"two"):
        account.call("s3", "PutObject", {
            "Bucket": BUCKET, "Key": "chain/main/1", "Body": body, "ObjectLockMode": "GOVERNANCE",
            "ObjectLockRetainUntilDate": "2099-01-01T00:00:00Z",
        })  # fmt: skip
    version = account.call("s3", "ListObjectVersions", {"Bucket": BUCKET})["Versions"][0]["VersionId"]
    with pytest.raises(AwsFault):
        account.call("s3", "DeleteObject", {"Bucket": BUCKET, "Key": "chain/main/1", "VersionId": version})
    account.call("s3", "DeleteObject", {"Bucket": BUCKET, "Key": "chain/main/1"})


def test_expired_ephemeral_stages_are_removed_with_their_locked_objects(account: Account) -> None:
    up(account, "try-old", "2026-03-04")
    anothers = {"StackName": "anothers", "TemplateBody": template().replace(BUCKET, "anothers")}
    tags = [{"Key": "stage", "Value": "try-1"}, {"Key": "remove-after", "Value": "2026-01-01"}]
    account.call("cloudformation", "CreateStack", anothers | {"Tags": tags})
    locked(account)
    lines: list[str] = []
    assert ephemeral_stages(account.call) == {"try-old": date(2026, 3, 4)}
    assert sweep(account.call, date(2026, 3, 4), lines.append, remove=True) == []
    assert sweep(account.call, TODAY, lines.append, remove=False) == ["try-old"]
    assert "which is past" in lines[-1]
    assert "fanfold-platform-try-old" in account.stacks()
    assert sweep(account.call, TODAY, lines.append, remove=True, pause_s=0.1) == ["try-old"]
    assert lines[-1] == "stage try-old is gone"
    assert set(account.stacks()) == {"anothers"}
    assert [bucket["Name"] for bucket in account.call("s3", "ListBuckets", {})["Buckets"]] == ["anothers"]
    assert sweep(account.call, TODAY, lines.append, remove=True) == []


def test_an_ephemeral_stage_is_tagged_with_its_last_day(account: Account) -> None:
    settings = {
        "FANFOLD_PROFILE": "embedded", "FANFOLD_BUCKET_PREFIX": "example", "FANFOLD_IMAGES": "registry/fanfold",
    } | {names.digest(service): packaged_stages.DIGEST for service in packaged_stages.SERVICES}  # fmt: skip
    for _ in range(2):
        account.stage("bootstrap", "try-1", **settings)
    arguments = ("deploy", "try-1", "--service", "platform", "--remove-after", "2026-03-04")
    account.stage(*arguments, **settings)
    assert ephemeral_stages(account.call) == {"try-1": date(2026, 3, 4)}
    assert "try-1: to be removed after 2026-03-04" in account.stage("sweep", "--dry-run")
    assert "stage try-1 is gone" in account.stage("remove", "try-1")
    assert account.stacks() == {}


class Recording:
    """An account with every stack of a stage; its requests are kept, in turn."""

    def __init__(self, stuck: str = "") -> None:
        self.requests: list[str] = []
        self._stuck = stuck
        self._deleted: set[str] = set()
        self._emptied: set[str] = set()

    def __call__(self, _service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        name = str(parameters.get("StackName") or parameters.get("Bucket", ""))
        if not operation.startswith(("Describe", "List")):
            self.requests.append(f"{operation} {name}")
        return dict(getattr(self, operation)(name))

    def DescribeStacks(self, name: str) -> dict[str, Any]:  # noqa: N802 - AWS names them
        if name in self._deleted and name != self._stuck:
            raise AwsFault("ValidationError", f"Stack with id {name} does not exist", 400)
        status = "DELETE_FAILED" if name in self._deleted else "CREATE_COMPLETE"
        return {"Stacks": [{"StackName": name, "StackStatus": status, "StackStatusReason": "the bucket is not empty"}]}

    def DeleteStack(self, name: str) -> dict[str, Any]:  # noqa: N802
        self._deleted.add(name)
        return {}

    def DescribeStackResources(self, name: str) -> dict[str, Any]:  # noqa: N802
        bucket = PAGE_BUCKET if name.startswith("fanfold-page-") else BUCKET
        return {"StackResources": [{"ResourceType": "AWS::S3::Bucket", "PhysicalResourceId": bucket,
                                    "ResourceStatus": "CREATE_COMPLETE"}]}  # fmt: skip

    def DeleteBucketPolicy(self, _name: str) -> dict[str, Any]:  # noqa: N802
        return {}

    def ListObjectVersions(self, name: str) -> dict[str, Any]:  # noqa: N802
        return {"Versions": [] if name in self._emptied else [{"Key": "a", "VersionId": "1"}]}

    def DeleteObjects(self, name: str) -> dict[str, Any]:  # noqa: N802
        self._emptied.add(name)
        return {}


def test_removal_deletes_the_deny_policy_before_objects_and_the_platform_last() -> None:
    account = Recording()
    Removal("dev", account, lambda _line: None, 0).run()
    stacks = (*packaged_stages.SERVICES, *OPTIONAL, PAGE)
    assert account.requests.pop(0) == f"DeleteObjects {PAGE_BUCKET}"
    services, rest = account.requests[: len(stacks)], account.requests[len(stacks) :]
    assert set(services) == {f"DeleteStack fanfold-{stack}-dev" for stack in stacks}
    assert rest == [f"DeleteBucketPolicy {BUCKET}", f"DeleteObjects {BUCKET}", "DeleteStack fanfold-platform-dev"]


def test_removing_live_needs_its_name_twice_and_keeps_its_buckets() -> None:
    account, lines = Recording(), list[str]()
    for confirmed in ("", "dev"):
        with pytest.raises(BadInput, match="CONFIRM=live"):
            Removal("live", account, lines.append, 0).run(confirmed)
    assert account.requests == []
    Removal("live", account, lines.append, 0).run("live")
    assert {request.split()[0] for request in account.requests[1:]} == {"DeleteStack"}
    assert account.requests[0] == f"DeleteObjects {PAGE_BUCKET}"
    assert BUCKET in lines[-1]


def test_a_stack_that_cannot_be_deleted_is_named_with_the_reason() -> None:
    account = Recording(stuck="fanfold-platform-dev")
    with pytest.raises(StageFailed, match="fanfold-platform-dev does not go: the bucket is not empty"):
        Removal("dev", account, lambda _line: None, 0).run()


@pytest.mark.parametrize(("command", "environ", "message"), [
    (("deploy", "prod"), {}, "there is no stage prod; there are local, dev, paper, live"),
    (("remove", "prod"), {}, "there is no stage prod"),
    (("deploy", "dev"), {"FANFOLD_IMAGES": "x", "FANFOLD_BUCKET_PREFIX": "y"}, "FANFOLD_DIGEST_SIGNAL: the digest of"),
    (("deploy", "dev", "--service", "platform"), {}, "FANFOLD_BUCKET_PREFIX: the first part"),
    (("deploy", "live"), {}, "FANFOLD_JWT_ISSUER: who signs"),
    (("rollback", "local"), {}, "name the service"),
    (("remove", "dev"), {"AWS_REGION": ""}, "set AWS_REGION"),
    (("remove", "dev"), {"AWS_ACCESS_KEY_ID": "", "AWS_PROFILE": "nobody"}, "AWS does not know who asks"),
])  # fmt: skip
def test_a_missing_argument_is_named_in_one_line_before_any_call(command, environ, message) -> None:
    keys = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "a",
            "AWS_SECRET_ACCESS_KEY": "b", "PYTHONPATH": str(ROOT / "shared"), "PATH": os.environ["PATH"]}  # fmt: skip
    arguments = [sys.executable, "-m", "fanfold.cli.entry", "stage", *command]
    done = subprocess.run(arguments, env=keys | environ, capture_output=True, text=True, check=False)
    assert done.returncode in {2, 4}
    assert message in done.stderr
    assert "Traceback" not in done.stderr
