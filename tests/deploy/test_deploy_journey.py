"""A stage's life on the embedded AWS, by the commands that a user types: up, again, one service, back, away."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fanfold import desk
from fanfold.console import run_plan
from fanfold.console.cloud import launcher
from fanfold.console.cloud.launcher import REGION, SERVICES, STAGE, Cloud
from fanfold.console.desk_run import DeskRun, environment, started
from fanfold.venues import replay

ROOT = Path(__file__).resolve().parents[2]
MINUTES = 5
OTHER = "sha256:" + "1" * 64
STACKS = ("platform", *SERVICES)


class Account:
    """An empty AWS, and the stage's commands on it."""

    def __init__(self, cloud: Cloud, state: Path) -> None:
        self.cloud = cloud
        self.state = state
        self.call = cloud.call()

    def stage(self, *command: str, **changes: str) -> str:
        keys = {
            "AWS_ENDPOINT_URL": self.cloud.endpoint, "AWS_ACCESS_KEY_ID": "embedded", "AWS_REGION": REGION,
            "AWS_SECRET_ACCESS_KEY": "embedded", "AWS_DEFAULT_REGION": REGION,
            "SLS_AWS_MONITORING_FREQUENCY": "200", "PYTHONPATH": str(ROOT / "shared"),
        }
        verb, *rest = command
        asked = [sys.executable, "-m", "fanfold.console.stage", verb, STAGE, *rest]
        done = subprocess.run(asked, env=os.environ | keys | changes, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def stacks(self) -> dict[str, Any]:
        """When each stack was last changed, by name."""
        found = self.call("cloudformation", "DescribeStacks", {})["Stacks"]
        return {one["StackName"]: one.get("LastUpdatedTime", one["CreationTime"]) for one in found
                if one["StackStatus"] != "DELETE_COMPLETE" and one["StackName"] != "fanfold-bootstrap"}

    def images(self) -> dict[str, str]:
        """The digest that each service runs."""
        found = {}
        for service in SERVICES:
            name = next(one["FunctionName"] for one in self.call("lambda", "ListFunctions", {})["Functions"]
                        if one["FunctionName"].startswith(f"fanfold-{service}-"))
            code = self.call("lambda", "GetFunction", {"FunctionName": name})["Code"]
            found[service] = code["ImageUri"].partition("@")[2]
        return found

    def trade(self, plan: run_plan.Plan, minutes: range) -> None:
        run = DeskRun(self.cloud, self.state)
        run.set_clock(minutes[0] - 60)
        run.open_accounts(list(plan.desk.accounts))
        assert run.replay(minutes, 0.0, lambda _now: None, lambda: False) == len(minutes)
        run.finish()
        assert run.dead_letters() == 0


@pytest.fixture
def plan() -> run_plan.Plan:
    return run_plan.plan(ROOT / "desk.toml", [], minutes=2 * MINUTES, strategy=None, params={}, since=None, until=None)


@pytest.fixture
def account(plan: run_plan.Plan, tmp_path: Path) -> Iterator[Account]:
    if shutil.which("node") is None or not (ROOT / "node_modules" / ".bin" / "serverless").exists():
        pytest.skip("needs node and `make install`: the stacks are deployed by the Serverless tool")
    replay.write(tmp_path / "recordings", plan.recordings)
    (tmp_path / "desk.json").write_bytes(desk.dump(plan.desk))
    with started(tmp_path, environment(tmp_path, live=False)) as cloud:
        yield Account(cloud, tmp_path)


def test_a_stage_comes_up_changes_in_one_place_goes_back_and_away(account: Account, plan: run_plan.Plan) -> None:
    account.stage("bootstrap")
    account.stage("deploy")
    launcher.check(account.cloud)
    up, images = account.stacks(), account.images()
    assert set(up) == {f"fanfold-{stack}-{STAGE}" for stack in STACKS}
    account.trade(plan, range(plan.start, plan.start + MINUTES * 60, 60))

    told = account.stage("deploy")
    # The tool leaves a service out by its artefacts; of the platform, which has none, CloudFormation says it.
    assert told.count("no change") >= len(SERVICES), told
    assert account.stacks() == up

    account.stage("deploy", "--service", "signal", FANFOLD_DIGEST_SIGNAL=OTHER)
    assert account.images() == images | {"signal": OTHER}
    changed = {name for name, at in account.stacks().items() if at != up[name]}
    assert changed == {f"fanfold-signal-{STAGE}"}
    account.trade(plan, range(plan.start + MINUTES * 60, plan.until + 1, 60))

    account.stage("rollback", "--service", "signal")
    assert account.images() == images

    account.stage("remove")
    assert account.stacks() == {}
    names = {one["Name"] for one in account.call("s3", "ListBuckets", {})["Buckets"]}
    assert names == {f"fanfold-{STAGE}-deployment"}
