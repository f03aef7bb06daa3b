"""What the delivery and the guide push is what `make images` builds, and what is deployed is what was pushed."""

import re
from pathlib import Path

import pytest
import yaml

from fanfold.console.images import layout, tool

ROOT = Path(__file__).resolve().parents[2]
DELIVERY = ROOT / ".github" / "workflows" / "delivery.yml"
JOBS = yaml.safe_load(DELIVERY.read_text())["jobs"]


def commands(job: str) -> str:
    return "\n".join(step.get("run", "") for step in JOBS[job]["steps"])


def pushed(text: str) -> str:
    """The name that is tagged for the registry, for one of the services."""
    (name,) = re.findall(r'docker tag "?(\S*?)"? ', text)
    return name.replace("$service", "signal")


GUIDE = (ROOT / "docs" / "deploy.md").read_text()


@pytest.mark.parametrize("text", [commands("build"), GUIDE], ids=["delivery", "guide"])
def test_the_image_that_is_pushed_is_the_one_that_was_built(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCH", "arm64")
    assert pushed(text) == tool.image_name("signal")
    assert f"for service in {' '.join(layout.SERVICES)}" in text


def test_images_are_built_on_a_named_base_for_the_functions_architecture() -> None:
    (step,) = [step for step in JOBS["build"]["steps"] if "make images" in step.get("run", "")]
    assert step["env"]["ARCH"] == "arm64"
    assert step["run"].startswith('test -n "$BASE_IMAGE" && ')
    common = (ROOT / "serverless.common.yml").read_text()
    assert re.findall(r"^\s*architecture: (\w+)", common, re.MULTILINE) == ["arm64"]


def test_bills_of_materials_are_kept_and_dependencies_audited() -> None:
    kept = [step["with"]["path"] for step in JOBS["build"]["steps"] if "upload-artifact" in step.get("uses", "")]
    assert kept == ["build/sbom"]
    assert "make images sbom" in commands("build")
    assert "make audit-dependencies" in commands("scan")
    assert "uv pip install '.[scan,advisories]'" in commands("scan")


@pytest.mark.parametrize("job", ["package", "deploy-dev", "live"])
def test_digests_come_from_what_was_pushed(job: str) -> None:
    assert JOBS["build"]["outputs"] == {"digests": "${{ steps.push.outputs.digests }}"}
    given = [step["env"]["DIGESTS"] for step in JOBS[job]["steps"] if "DIGESTS" in step.get("env", {})]
    assert given == ["${{ needs.build.outputs.digests }}"]
    common = (ROOT / "serverless.common.yml").read_text() + (ROOT / "serverless.derived.cjs").read_text()
    assert "FANFOLD_DIGEST_" in common
