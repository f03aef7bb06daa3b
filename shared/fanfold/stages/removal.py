"""Remove a stage, or every ephemeral stage that is due.

CloudFormation deletes the stacks: a stage may have to go when the settings that it was packaged with are not at hand.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

from fanfold.aws.client.call import AwsFault, Call
from fanfold.deployment import OPTIONAL, PAGE, SERVICES
from fanfold.errors import BadInput, NotReachable
from fanfold.stages.names import EPHEMERAL, KEPT, KINDS

PLATFORM = "platform"
TIMEOUT_S = 1_800
GONE = "DELETE_COMPLETE"
DONE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})
STUCK = "DELETE_FAILED"
ARTEFACTS = "ServerlessDeploymentBucketName"
NOTHING: Mapping[str, bool] = {}
Report = Callable[[str], object]


class StageFailed(NotReachable):
    """A step failed; the text is AWS's or the tool's own."""


class Removal:
    """The removal of a stage. It may be run again: what is gone already is passed over."""

    def __init__(self, stage: str, call: Call, report: Report, pause_s: float = 2) -> None:
        self._stage = stage
        self._call = call
        self._report = report
        self._pause_s = pause_s

    def run(self, confirmed: str = "") -> None:
        """Delete the services, the contents of the buckets, the platform; lasting stores stay.

        Raises BadInput where a stage with lasting stores is not named a second time, StageFailed where a stack stays.
        """
        kept = self._stage in KEPT
        if kept and confirmed != self._stage:
            raise BadInput(
                f"stage {self._stage} trades, and keeps its tables and buckets when its stacks go; if that is what you "
                f"want, say so: `make remove STAGE={self._stage} CONFIRM={self._stage}`, and read docs/deploy.md first"
            )
        places = [artefact for stack in (*SERVICES, *OPTIONAL, PAGE, PLATFORM) for artefact in self._artefacts(stack)]
        stores = self._stores()
        # It holds what is uploaded again, and nothing of the desk's.
        for bucket in self._stores(PAGE):
            self._empty(bucket)
        with ThreadPoolExecutor(len(SERVICES)) as pool:
            list(pool.map(self._delete, (*SERVICES, *OPTIONAL, PAGE)))
        for bucket in [] if kept else stores:
            self._open(bucket)
            self._empty(bucket, bypass={"BypassGovernanceRetention": True})
        self._delete(PLATFORM)
        for bucket, prefix in places:
            self._empty(bucket, prefix)
        self._report(f"stage {self._stage} is gone" + (f"; it left {', '.join(stores)} and its tables" if kept else ""))

    def _delete(self, stack: str) -> None:
        name = f"fanfold-{stack}-{self._stage}"
        if describe(self._call, name) is None:
            return
        delete_stack(self._call, name, self._pause_s)
        self._report(f"{stack}: removed")

    def _artefacts(self, stack: str) -> list[tuple[str, str]]:
        """Return the bucket and prefix where the tool keeps what it deployed."""
        there = describe(self._call, f"fanfold-{stack}-{self._stage}") or {}
        outputs = {output["OutputKey"]: output["OutputValue"] for output in there.get("Outputs", [])}
        prefix = f"serverless/fanfold-{stack}/{self._stage}/"
        return [(outputs[ARTEFACTS], prefix)] if ARTEFACTS in outputs else []

    def _stores(self, stack: str = PLATFORM) -> list[str]:
        name = f"fanfold-{stack}-{self._stage}"
        if describe(self._call, name) is None:
            return []
        resources = self._call("cloudformation", "DescribeStackResources", {"StackName": name})["StackResources"]
        buckets = [resource for resource in resources if resource["ResourceType"] == "AWS::S3::Bucket"]
        return [bucket["PhysicalResourceId"] for bucket in buckets if bucket["ResourceStatus"] != GONE]

    def _open(self, bucket: str) -> None:
        """Delete the bucket's policy: that of audit denies everyone the calls that remove it."""
        try:
            self._call("s3", "DeleteBucketPolicy", {"Bucket": bucket})
        except AwsFault as fault:
            if fault.code not in {"NoSuchBucketPolicy", "NoSuchBucket"}:
                raise

    def _empty(self, bucket: str, prefix: str = "", bypass: Mapping[str, bool] = NOTHING) -> None:
        """Delete every version of every object; ``bypass`` lifts a retention, which takes a permission of its own."""
        for versions in self._versions(bucket, prefix):
            request = {"Bucket": bucket, "Delete": {"Objects": versions}, **bypass}
            failed = self._call("s3", "DeleteObjects", request).get("Errors", [])
            if failed:
                raise StageFailed(f"bucket {bucket} keeps {failed[0]['Key']}: {failed[0].get('Message')}")

    def _versions(self, bucket: str, prefix: str) -> Iterator[list[dict[str, str]]]:
        while True:
            page = self._call("s3", "ListObjectVersions", {"Bucket": bucket, "Prefix": prefix, "MaxKeys": 500})
            versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            if not versions:
                return
            yield [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in versions]


def describe(call: Call, stack: str) -> dict[str, Any] | None:
    """Return a stack as CloudFormation describes it; None where there is none."""
    try:
        (there,) = call("cloudformation", "DescribeStacks", {"StackName": stack})["Stacks"]
    except AwsFault as fault:
        if "does not exist" not in fault.message:
            raise
        return None
    return None if there["StackStatus"] == GONE else dict(there)


def delete_stack(call: Call, stack: str, pause_s: float = 2) -> None:
    """Delete a stack, and wait until it is gone. Raises StageFailed where it stays."""
    call("cloudformation", "DeleteStack", {"StackName": stack})
    deadline = time.monotonic() + TIMEOUT_S
    while (there := describe(call, stack)) is not None:
        if there["StackStatus"] == STUCK or time.monotonic() > deadline:
            raise StageFailed(f"{stack} does not go: {there.get('StackStatusReason', there['StackStatus'])}")
        time.sleep(pause_s)


def wait_for_stack(call: Call, stack: str, pause_s: float = 2) -> dict[str, Any]:
    """Wait until a stack is created or updated, and return it. Raises StageFailed where that fails or takes long."""
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        there = describe(call, stack) or {"StackStatus": GONE}
        status = there["StackStatus"]
        if status in DONE:
            return there
        if not status.endswith("_IN_PROGRESS") or time.monotonic() > deadline:
            reason = there.get("StackStatusReason", "its events in CloudFormation say why")
            raise StageFailed(f"{stack} is {status}: {reason}")
        time.sleep(pause_s)


def ephemeral_stages(call: Call) -> dict[str, date]:
    """Return the ephemeral stages of the account, each with the day after which it is to go."""
    last_days: dict[str, date] = {}
    request: dict[str, str] = {}
    while True:
        page = call("cloudformation", "DescribeStacks", request)
        for stack in page["Stacks"]:
            tags = {tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])}
            ours = tags.get("project") == "fanfold" and EPHEMERAL.fullmatch(tags.get("stage", ""))
            if ours and stack["StackStatus"] != GONE:
                last_days[tags["stage"]] = date.fromisoformat(tags["remove-after"])
        if not page.get("NextToken"):
            return dict(sorted(last_days.items()))
        request = {"NextToken": page["NextToken"]}


def sweep(
    call: Call, today: date, report: Report, *, remove: bool, kinds: Collection[str] = KINDS, pause_s: float = 2
) -> list[str]:
    """Report every ephemeral stage, remove those whose day is past, and return the names of those.

    A stage that does not go keeps no other from going. Raises StageFailed, which names each, at the end.
    """
    stages = {name: day for name, day in ephemeral_stages(call).items() if name.partition("-")[0] in kinds}
    due = [stage for stage, day in stages.items() if day < today]
    for stage, day in stages.items():
        report(f"{stage}: to be removed after {day}" + (", which is past" if stage in due else ""))
    failed: list[str] = []
    for stage in due if remove else []:
        try:
            Removal(stage, call, report, pause_s).run()
        except (StageFailed, AwsFault) as fault:
            failed.append(f"{stage}: {fault}")
    if failed:
        raise StageFailed("\n".join(failed))
    return due
