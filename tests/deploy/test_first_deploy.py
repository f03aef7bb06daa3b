"""The first deploy of a stage that keeps its tables: not protected while it may fail, protected once it is there."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from fanfold.aws.client.call import AwsFault
from fanfold.deployment import SERVICES
from fanfold.errors import BadInput
from fanfold.stages.deploy import Stage
from fanfold.stages.names import digest
from fanfold.stages.removal import PLATFORM, StageFailed

NAMES = ("FANFOLD_BUCKET_PREFIX", "FANFOLD_ALARM_EMAIL", "FANFOLD_LIVE_VENUE", "FANFOLD_JWT_ISSUER",
         "FANFOLD_JWT_AUDIENCE", *map(digest, SERVICES))  # fmt: skip
RUNS = "sha256:" + "1" * 64
SETTINGS = dict.fromkeys(NAMES, "given") | {"FANFOLD_IMAGES": "1.dkr.ecr.eu-west-1.amazonaws.com/fanfold"}


class Tool(Stage):
    """A stage in an account whose stacks are there once the tool has made them; ``deployed`` lists its deploys."""

    def __init__(self, name: str, failing: str = "") -> None:
        super().__init__(name, self.answer, SETTINGS, report=lambda _line: None)
        self.deployed: list[tuple[str, str]] = []
        self.there: set[str] = set()
        self.failing = failing
        self.images: list[dict[str, Any]] = []

    def answer(self, _service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        name = str(parameters.get("StackName", ""))
        if operation in {"DescribeStacks", "GetTemplate"} and name not in self.there:
            raise AwsFault("ValidationError", f"Stack with id {name} does not exist", 400)
        if operation == "GetTemplate":
            return {"TemplateBody": {"Resources": {"Function": {"Type": "x", "Code": f"registry/fanfold-risk@{RUNS}"}}}}
        if operation == "DescribeImages":
            return {"imageDetails": self.images}
        if operation == "BatchGetImage":
            return {"images": [{"imageManifest": "{}", "imageManifestMediaType": "x"}]}
        return {"Stacks": [{"StackStatus": "CREATE_COMPLETE", "CreationTime": datetime(2026, 3, 1, tzinfo=UTC)}]}

    def _tool(self, stack: str, *_command: str) -> str:
        self.deployed.append((stack, self._settings["FANFOLD_PROTECTED"]))
        if stack == self.failing:
            raise StageFailed(stack)
        self.there.add(f"fanfold-{stack}-{self._name}")
        return ""


@pytest.mark.parametrize("name", ["paper", "live"])
def test_tables_are_protected_once_all_stacks_are_there_and_from_then_on(name: str) -> None:
    stage = Tool(name)
    stage.deploy([PLATFORM, "risk"])
    assert stage.deployed == [(PLATFORM, "false"), ("risk", "false"), (PLATFORM, "true")]
    stage.deployed.clear()
    stage.deploy([PLATFORM, "risk"])
    assert stage.deployed == [(PLATFORM, "true"), ("risk", "true")]


def test_a_first_deploy_that_fails_is_repeated_without_protection() -> None:
    stage = Tool("live", failing=PLATFORM)
    for _ in range(2):
        with pytest.raises(StageFailed):
            stage.deploy([PLATFORM, "risk"])
    assert stage.deployed == [(PLATFORM, "false")] * 2


def test_a_deploy_that_costs_the_registry_what_runs_is_refused_before_it_begins() -> None:
    stage = Tool("live")
    stage.there |= {"fanfold-platform-live", "fanfold-risk-live"}
    undone = [(f"sha256:{number}", number) for number in (2, 3, 4)]
    stage.images = [
        {"imageDigest": digest, "imagePushedAt": at, "imageTags": [f"live-{at}"]} for digest, at in [(RUNS, 1), *undone]
    ]
    with pytest.raises(BadInput, match=r"fanfold-risk keeps the 3 newest images of live.*imageTag=live-4"):
        stage.deploy(["risk"])
    assert stage.deployed == []
    stage.images = stage.images[:2]
    stage.deploy(["risk"])
    assert stage.deployed == [("risk", "true")]


def test_one_service_alone_leaves_the_platform_alone() -> None:
    stage = Tool("live")
    stage.there.add("fanfold-platform-live")
    stage.deploy(["risk"])
    assert stage.deployed == [("risk", "true")]
