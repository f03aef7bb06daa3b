"""Roll a service back at once, also where new versions come by a canary.

A canary would give nine messages in ten to the bad version for five minutes more, and an alarm that rings for that
version would stop the way back.
"""

import copy
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from fanfold.aws.client.call import Call
from fanfold.errors import BadInput
from fanfold.stages.removal import ARTEFACTS, describe, wait_for_stack

GROUP = "AWS::CodeDeploy::DeploymentGroup"
AT_ONCE = {"DeploymentConfigName": "CodeDeployDefault.LambdaAllAtOnce", "AlarmConfiguration": {"Enabled": False}}
TEMPLATE = "compiled-cloudformation-template.json"
WAY_BACK = "way-back.json"
# Beside what a deploy put there: that the stack was rolled back from it.
# The tool deploys nothing with the hashes of the newest deploy's files; with this one beside them it does so once more.
UNDONE = "undone.json"
NO_HASH = {"filesha256": "undone"}


class Deploy(NamedTuple):
    """One deploy of a stack, where the Serverless tool keeps what it deployed."""

    stack: str
    bucket: str
    folder: str

    @property
    def timestamp(self) -> str:
        return self.folder.rstrip("/").rpartition("/")[2].partition("-")[0]


def deploys(call: Call, service: str, stage: str) -> list[Deploy]:
    """Return a stack's deploys, the oldest first, without those undone. Raises BadInput where there is no stack."""
    stack = f"fanfold-{service}-{stage}"
    there = describe(call, stack)
    if there is None:
        raise BadInput(f"{service} is not deployed to {stage}: there is nothing to go back to")
    bucket = str({output["OutputKey"]: output["OutputValue"] for output in there.get("Outputs", [])}[ARTEFACTS])
    prefix = f"serverless/fanfold-{service}/{stage}/"
    # The tool keeps five deploys of a few files each.
    page = call("s3", "ListObjectsV2", {"Bucket": bucket, "Prefix": prefix})
    files = [tuple(item["Key"].removeprefix(prefix).split("/", 1)) for item in page.get("Contents", [])]
    undone = {folder for folder, *name in files if name == [UNDONE]}
    folders = {folder for folder, *name in files if name} - undone
    listed = [Deploy(stack, bucket, f"{prefix}{folder}/") for folder in folders]
    return sorted(listed, key=lambda deploy: deploy.timestamp)


def template_of(call: Call, deploy: Deploy) -> dict[str, Any]:
    """Return the template that a deploy put in force."""
    key = f"{deploy.folder}{TEMPLATE}"
    template: dict[str, Any] = json.loads(call("s3", "GetObject", {"Bucket": deploy.bucket, "Key": key})["Body"])
    return template


def undo(call: Call, deploy: Deploy) -> None:
    """Store that a stack was rolled back from a deploy, so that no later rollback goes to it."""
    request = {"Bucket": deploy.bucket, "Key": f"{deploy.folder}{UNDONE}", "Body": b"{}", "Metadata": NO_HASH}
    call("s3", "PutObject", request)


def roll_back_at_once(call: Call, before: Deploy, pause_s: float = 2) -> bool:
    """Bring a stack back to an earlier deploy without its canaries; return False where it has none, and do nothing."""
    template = template_of(call, before)
    if not _groups(template):
        return False
    body = json.dumps(without_canaries(template)).encode()
    call("s3", "PutObject", {"Bucket": before.bucket, "Key": f"{before.folder}{WAY_BACK}", "Body": body})
    there = describe(call, before.stack) or {}
    call("cloudformation", "UpdateStack", {
        "StackName": before.stack, "TemplateURL": f"https://{before.bucket}.s3.amazonaws.com/{before.folder}{WAY_BACK}",
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"], "Tags": there.get("Tags", []),
    })  # fmt: skip
    wait_for_stack(call, before.stack, pause_s)
    return True


def without_canaries(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return the template with all traffic shifted to the version at once, whatever alarm rings."""
    changed: dict[str, Any] = copy.deepcopy(dict(template))
    for name in _groups(template):
        changed["Resources"][name]["Properties"] |= AT_ONCE
    return changed


def _groups(template: Mapping[str, Any]) -> list[str]:
    return [name for name, resource in template["Resources"].items() if resource["Type"] == GROUP]
