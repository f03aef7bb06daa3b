"""The delivery and the guide push the images that `make images` builds, and stages run the pushed ones."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DELIVERY = ROOT / ".github" / "workflows" / "delivery.yml"
JOBS = yaml.safe_load(DELIVERY.read_text())["jobs"]


def commands(job: str) -> str:
    return "\n".join(step.get("run", "") for step in JOBS[job]["steps"])


GUIDE = (ROOT / "docs" / "deploy.md").read_text()


@pytest.mark.parametrize("text", [commands("build"), GUIDE], ids=["delivery", "guide"])
def test_the_pushed_images_are_the_built_ones_with_either_builder(text: str) -> None:
    assert "make --silent push-images" in text
    assert not re.findall(r"(?:docker|buildah) (?:tag|push|login)", text)
    (step,) = [step for step in JOBS["build"]["steps"] if "push-images" in step.get("run", "")]
    assert step["env"]["ARCH"] == "arm64"


def test_images_are_built_on_a_named_base_for_the_functions_architecture() -> None:
    (step,) = [step for step in JOBS["build"]["steps"] if "make images" in step.get("run", "")]
    assert step["env"]["ARCH"] == "arm64"
    assert step["run"].startswith('test -n "$BASE_IMAGE" && ')
    provider = (ROOT / "shared/stacks/provider.yml").read_text()
    assert re.findall(r"^\s*architecture: (\w+)", provider, re.MULTILINE) == ["arm64"]


def test_bills_of_materials_are_kept_and_dependencies_audited() -> None:
    kept = [step["with"]["path"] for step in JOBS["build"]["steps"] if "upload-artifact" in step.get("uses", "")]
    assert kept == ["build/sbom"]
    assert "make images sbom" in commands("build")
    assert "make audit-dependencies" in commands("scan")
    assert "make scan-images" in commands("scan")
    assert "uv pip install '.[scan,advisories]'" in commands("scan")


@pytest.mark.parametrize("job", ["scan", "package", "deploy-dev", "live"])
def test_digests_come_from_what_was_pushed(job: str) -> None:
    assert JOBS["build"]["outputs"] == {"digests": "${{ steps.push.outputs.digests }}"}
    digests = [step["env"]["DIGESTS"] for step in JOBS[job]["steps"] if "DIGESTS" in step.get("env", {})]
    assert digests == ["${{ needs.build.outputs.digests }}"]
    assert "FANFOLD_DIGEST_" in (ROOT / "shared/stacks/stacks.cjs").read_text()
