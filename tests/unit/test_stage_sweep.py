"""The removal of temporary stages that have expired, one of which does not go."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from fanfold.aws.client.call import AwsFault
from fanfold.stages.removal import StageFailed, sweep

EXPIRED = "2026-03-01"


class Account:
    """Platform stacks by stage, each of which goes when it is deleted, but those that are stuck or denied."""

    def __init__(self, stages: list[str]) -> None:
        self.stages = stages
        self.stuck: set[str] = set()

    def call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        if operation == "DescribeStackResources":
            return {"StackResources": []}
        assert service == "cloudformation"
        if "StackName" not in parameters:
            return {"Stacks": [self._stack(stage) for stage in self.stages]}
        stack, stage = parameters["StackName"].removeprefix("fanfold-").split("-", 1)
        if operation == "DeleteStack":
            if stage == "pr-denied":
                raise AwsFault("AccessDenied", f"no right to delete {stage}", 403)
            self.stages = [each for each in self.stages if each != stage or stage in self.stuck]
            return {}
        if stack != "platform" or stage not in self.stages:
            raise AwsFault("ValidationError", "it does not exist", 400)
        return {"Stacks": [self._stack(stage)]}

    def _stack(self, stage: str) -> dict[str, Any]:
        tags = {"project": "fanfold", "stage": stage, "remove-after": EXPIRED}
        state = {
            "StackStatus": "DELETE_FAILED" if stage in self.stuck else "CREATE_COMPLETE",
            "StackStatusReason": "held",
        }
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()], **state}


def test_a_stage_that_does_not_go_keeps_no_other_from_going() -> None:
    account, lines = Account(["pr-1", "pr-2", "pr-denied", "try-3"]), []
    account.stuck = {"pr-1"}
    with pytest.raises(StageFailed) as failed:
        sweep(account.call, date(2026, 3, 2), lines.append, remove=True, pause_s=0)
    assert account.stages == ["pr-1", "pr-denied"]
    first, second = str(failed.value).splitlines()
    assert first == "pr-1: fanfold-platform-pr-1 does not go: held"
    assert second.startswith("pr-denied: ")
    assert "stage try-3 is gone" in lines
