"""An empty AWS on loopback, and the commands that take a stage up and away in it, as a user types them."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from fanfold.deployment import SERVICES
from fanfold.local import run_plan
from fanfold.local.driver import DeskRun
from fanfold.local.launcher import REGION, Cloud

ROOT = Path(__file__).resolve().parents[2]


class Account:
    """An empty AWS, and the stage's commands on it."""

    def __init__(self, cloud: Cloud, state: Path) -> None:
        self.cloud = cloud
        self.state = state
        self.call = cloud.call()

    def stage(self, *command: str, **changes: str) -> str:
        keys = {
            "AWS_ENDPOINT_URL": self.cloud.endpoint,
            "AWS_ACCESS_KEY_ID": "embedded",
            "AWS_REGION": REGION,
            "AWS_SECRET_ACCESS_KEY": "embedded",
            "AWS_DEFAULT_REGION": REGION,
            "SLS_AWS_MONITORING_FREQUENCY": "200",
            "PYTHONPATH": str(ROOT / "shared"),
        }
        arguments = [sys.executable, "-m", "fanfold.cli.entry", "stage", *command]
        environ = {name: value for name, value in os.environ.items() if not name.startswith("FANFOLD_")}
        done = subprocess.run(arguments, env=environ | keys | changes, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def stacks(self) -> dict[str, Any]:
        """The time at which each stack was last changed, by name."""
        stacks = self.call("cloudformation", "DescribeStacks", {})["Stacks"]
        return {
            stack["StackName"]: stack.get("LastUpdatedTime", stack["CreationTime"])
            for stack in stacks
            if stack["StackStatus"] != "DELETE_COMPLETE" and not stack["StackName"].startswith("fanfold-bootstrap")
        }

    def images(self) -> dict[str, str]:
        """The digest that each service runs."""
        digests = {}
        for service in SERVICES:
            name = next(
                function["FunctionName"]
                for function in self.call("lambda", "ListFunctions", {})["Functions"]
                if function["FunctionName"].startswith(f"fanfold-{service}-")
            )
            code = self.call("lambda", "GetFunction", {"FunctionName": name})["Code"]
            digests[service] = code["ImageUri"].partition("@")[2]
        return digests

    def trade(self, plan: run_plan.RunPlan, minutes: range) -> None:
        run = DeskRun(self.cloud, self.state)
        run.set_clock(minutes[0] - 60)
        run.open_accounts(list(plan.desk.accounts))
        assert run.replay(minutes, 0.0, lambda _now: None, lambda: False) == len(minutes)
        run.finish()
        assert run.dead_letters() == 0
