"""The delivery: in order, with no stored key, and no more permission than a job needs."""

import copy
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / ".github" / "workflows" / "delivery.yml"
ORDER = ("test", "build", "scan", "package", "deploy-dev", "smoke", "approve", "live")
ALLOWED = {"contents": "read", "id-token": "write"}
WITHIN = {"deploy-dev": "dev", "approve": "live", "live": "live"}
PINNED = re.compile(r"[\w-]+/[\w-]+@v\d+\.\d+\.\d+")
Workflow = dict[str, Any]


def workflow() -> Workflow:
    found: Workflow = yaml.safe_load(FILE.read_text())
    return found


def before(jobs: dict[str, Any], name: str) -> set[str]:
    """Every job that has passed when this one starts."""
    needs = jobs[name].get("needs", [])
    direct = {needs} if isinstance(needs, str) else set(needs)
    return direct.union(*(before(jobs, one) for one in direct))


def wrong(found: Workflow) -> list[str]:
    jobs, text = found["jobs"], yaml.safe_dump(found)
    secrets = set(re.findall(r"secrets\.(\w+)", text)) - {"GITHUB_TOKEN"}
    kept = [f"secret {name}" for name in secrets] + ["a stored key"] * ("aws-access-key-id" in text)
    asked = [found.get("permissions", {"all": "write"}), *(job.get("permissions", {}) for job in jobs.values())]
    wide = [f"permission {name}: {level}" for one in asked for name, level in one.items() if ALLOWED.get(name) != level]
    used = [step["uses"] for job in jobs.values() for step in job["steps"] if "uses" in step]
    loose = [f"{name} is not pinned" for name in used if not PINNED.fullmatch(name)]
    early = [f"{late} does not wait for {first}" for first, late in pairwise(ORDER)
             if first not in before(jobs, late)]
    free = [f"{name} runs outside {stage}" for name, stage in WITHIN.items()
            if jobs[name].get("environment") != stage]
    return kept + wide + loose + early + free


def test_the_delivery_is_as_it_should_be() -> None:
    assert wrong(workflow()) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("jobs", "live", "needs"), "build"),
        (("jobs", "approve", "environment"), "dev"),
        (("jobs", "test", "permissions"), {"contents": "write"}),
        (("permissions",), {"packages": "write"}),
        (("env",), {"KEY": "${{ secrets.AWS_SECRET }}"}),
        (("jobs", "test", "steps"), [{"uses": "actions/checkout@main"}]),
    ],
)
def test_a_loose_delivery_is_seen(path: tuple[str, ...], value: Any) -> None:
    changed = node = copy.deepcopy(workflow())
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    assert wrong(changed) != []
