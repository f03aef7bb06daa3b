"""A stage's life on the embedded AWS, by the commands that a user types: up, again, one service, back, away."""

import copy
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from stage_account import ROOT, Account

from fanfold import desk
from fanfold.deployment import SERVICES, STAGE
from fanfold.local import launcher, run_plan
from fanfold.local.driver import environment, start_desk
from fanfold.stages.deploy import Stage
from fanfold.stages.removal import PLATFORM, StageFailed
from fanfold.venues import replay
from support import packaged_stages

MINUTES = 5
OTHER = "sha256:" + "1" * 64
STACKS = ("platform", *SERVICES)


@pytest.fixture
def plan() -> run_plan.RunPlan:
    return run_plan.plan(ROOT / "desk.toml", [], minutes=2 * MINUTES, strategy=None, params={}, since=None, until=None)


@pytest.fixture
def account(plan: run_plan.RunPlan, tmp_path: Path) -> Iterator[Account]:
    if shutil.which("node") is None or not (ROOT / "node_modules" / ".bin" / "serverless").exists():
        pytest.skip("needs node and `make install`: the stacks are deployed by the Serverless tool")
    replay.write(tmp_path / "recordings", plan.recordings)
    (tmp_path / "desk.json").write_bytes(desk.dump(plan.desk))
    with start_desk(tmp_path, environment(tmp_path, live=False)) as cloud:
        yield Account(cloud, tmp_path)


def test_a_deploy_that_would_replace_a_table_is_refused_before_any_change() -> None:
    deployed = copy.deepcopy(packaged_stages.templates("local")["platform"])
    deployed["Resources"]["LedgerTable"]["Properties"]["TableName"] = "fanfold-local-older"
    operations = []

    def call(_service: str, operation: str, _parameters: object) -> dict[str, Any]:
        operations.append(operation)
        return {"TemplateBody": json.dumps(deployed)}

    with pytest.raises(StageFailed, match=r"LedgerTable\.TableName"):
        Stage(STAGE, call, {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}).deploy([PLATFORM])
    assert operations == ["GetTemplate"]


def test_a_stage_is_deployed_changed_rolled_back_and_removed(account: Account, plan: run_plan.RunPlan) -> None:
    account.stage("bootstrap", STAGE)
    account.stage("deploy", STAGE)
    launcher.check(account.cloud)
    up, images = account.stacks(), account.images()
    assert set(up) == {f"fanfold-{stack}-{STAGE}" for stack in STACKS}
    account.trade(plan, range(plan.start, plan.start + MINUTES * 60, 60))

    output = account.stage("deploy", STAGE)
    # The tool leaves a service out by its artefacts; of the platform, which has none, CloudFormation says it.
    assert output.count("no change") >= len(SERVICES), output
    assert account.stacks() == up

    account.stage("deploy", STAGE, "--service", "signal", FANFOLD_DIGEST_SIGNAL=OTHER)
    assert account.images() == images | {"signal": OTHER}
    changed = {name for name, at in account.stacks().items() if at != up[name]}
    assert changed == {f"fanfold-signal-{STAGE}"}
    account.trade(plan, range(plan.start + MINUTES * 60, plan.until + 1, 60))

    account.stage("rollback", STAGE, "--service", "signal")
    assert account.images() == images

    account.stage("remove", STAGE)
    assert account.stacks() == {}
    assert "is gone" in account.stage("remove", STAGE)
    names = {bucket["Name"] for bucket in account.call("s3", "ListBuckets", {})["Buckets"]}
    assert names == {f"fanfold-{STAGE}-deployment"}
