"""Taking a stage away: what `make remove` and `make sweep-stages` do.

CloudFormation itself does it: a stage may have to go when the settings that it was packaged with are not at hand.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

from fanfold.aws.client.call import AwsFault, Call
from fanfold.deployment import SERVICES
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
    """A step did not go through; the text is AWS's or the tool's own."""


class Removal:
    """The end of a stage; what of it is gone already is passed over, so that it may be asked for again."""

    def __init__(self, stage: str, call: Call, report: Report, pause_s: float = 2) -> None:
        self._stage = stage
        self._call = call
        self._report = report
        self._pause_s = pause_s

    def run(self, confirmed: str = "") -> None:
        """The services, what is in the buckets, the platform; where the stage keeps its stores, those stay.

        Raises BadInput for such a stage that is not named a second time, StageFailed where a stack does not go.
        """
        kept = self._stage in KEPT
        if kept and confirmed != self._stage:
            raise BadInput(
                f"stage {self._stage} trades, and keeps its tables and buckets when its stacks go; if that is what you "
                f"want, say so: `make remove STAGE={self._stage} CONFIRM={self._stage}`, and read docs/deploy.md first"
            )
        places = [artefact for stack in (*SERVICES, PLATFORM) for artefact in self._artefacts(stack)]
        stores = self._stores()
        with ThreadPoolExecutor(len(SERVICES)) as pool:
            list(pool.map(self._delete, SERVICES))
        for bucket in [] if kept else stores:
            self._open(bucket)
            self._empty(bucket, bypass={"BypassGovernanceRetention": True})
        self._delete(PLATFORM)
        for bucket, prefix in places:
            self._empty(bucket, prefix)
        self._report(f"stage {self._stage} is gone" + (f"; it left {', '.join(stores)} and its tables" if kept else ""))

    def _delete(self, stack: str) -> None:
        name = f"fanfold-{stack}-{self._stage}"
        if described(self._call, name) is None:
            return
        self._call("cloudformation", "DeleteStack", {"StackName": name})
        deadline = time.monotonic() + TIMEOUT_S
        while (found := described(self._call, name)) is not None:
            if found["StackStatus"] == STUCK or time.monotonic() > deadline:
                raise StageFailed(f"{name} does not go: {found.get('StackStatusReason', found['StackStatus'])}")
            time.sleep(self._pause_s)
        self._report(f"{stack}: removed")

    def _artefacts(self, stack: str) -> list[tuple[str, str]]:
        """The bucket and prefix where the tool keeps what it deployed."""
        found = described(self._call, f"fanfold-{stack}-{self._stage}") or {}
        outputs = {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}
        prefix = f"serverless/fanfold-{stack}/{self._stage}/"
        return [(outputs[ARTEFACTS], prefix)] if ARTEFACTS in outputs else []

    def _stores(self) -> list[str]:
        name = f"fanfold-{PLATFORM}-{self._stage}"
        if described(self._call, name) is None:
            return []
        found = self._call("cloudformation", "DescribeStackResources", {"StackName": name})["StackResources"]
        return [one["PhysicalResourceId"] for one in found if one["ResourceType"] == "AWS::S3::Bucket"
                and one["ResourceStatus"] != GONE]  # fmt: skip

    def _open(self, bucket: str) -> None:
        """Drop the bucket's policy: that of audit denies to everyone what removing it takes."""
        try:
            self._call("s3", "DeleteBucketPolicy", {"Bucket": bucket})
        except AwsFault as fault:
            if fault.code not in {"NoSuchBucketPolicy", "NoSuchBucket"}:
                raise

    def _empty(self, bucket: str, prefix: str = "", bypass: Mapping[str, bool] = NOTHING) -> None:
        """Every version of every object; to bypass a retention is a right of its own, which artefacts do not want."""
        for versions in self._versions(bucket, prefix):
            asked = {"Bucket": bucket, "Delete": {"Objects": versions}, **bypass}
            failed = self._call("s3", "DeleteObjects", asked).get("Errors", [])
            if failed:
                raise StageFailed(f"bucket {bucket} keeps {failed[0]['Key']}: {failed[0].get('Message')}")

    def _versions(self, bucket: str, prefix: str) -> Iterator[list[dict[str, str]]]:
        while True:
            page = self._call("s3", "ListObjectVersions", {"Bucket": bucket, "Prefix": prefix, "MaxKeys": 500})
            found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            if not found:
                return
            yield [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]


def described(call: Call, stack: str) -> dict[str, Any] | None:
    """A stack as CloudFormation has it; None where there is none."""
    try:
        (found,) = call("cloudformation", "DescribeStacks", {"StackName": stack})["Stacks"]
    except AwsFault as fault:
        if "does not exist" not in fault.message:
            raise
        return None
    return None if found["StackStatus"] == GONE else dict(found)


def settled(call: Call, stack: str, pause_s: float = 2) -> dict[str, Any]:
    """A stack that has come up or changed. Raises StageFailed where it went back or away instead, or takes too long."""
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        found = described(call, stack) or {"StackStatus": GONE}
        status = found["StackStatus"]
        if status in DONE:
            return found
        if not status.endswith("_IN_PROGRESS") or time.monotonic() > deadline:
            reason = found.get("StackStatusReason", "its events in CloudFormation say why")
            raise StageFailed(f"{stack} is {status}: {reason}")
        time.sleep(pause_s)


def ephemeral(call: Call) -> dict[str, date]:
    """The stages of some days that the account has, each with the day after which it is to go."""
    found: dict[str, date] = {}
    asked: dict[str, str] = {}
    while True:
        page = call("cloudformation", "DescribeStacks", asked)
        for stack in page["Stacks"]:
            tags = {one["Key"]: one["Value"] for one in stack.get("Tags", [])}
            ours = tags.get("project") == "fanfold" and EPHEMERAL.fullmatch(tags.get("stage", ""))
            if ours and stack["StackStatus"] != GONE:
                found[tags["stage"]] = date.fromisoformat(tags["remove-after"])
        if not page.get("NextToken"):
            return dict(sorted(found.items()))
        asked = {"NextToken": page["NextToken"]}


def sweep(
    call: Call, today: date, report: Report, *, remove: bool, kinds: Collection[str] = KINDS, pause_s: float = 2
) -> list[str]:
    """Tell of every stage of some days, and remove those whose day is past; their names."""
    stages = {name: day for name, day in ephemeral(call).items() if name.partition("-")[0] in kinds}
    due = [stage for stage, day in stages.items() if day < today]
    for stage, day in stages.items():
        report(f"{stage}: to be removed after {day}" + (", which is past" if stage in due else ""))
    for stage in due if remove else []:
        Removal(stage, call, report, pause_s).run()
    return due
