"""The table of settings in docs/deploy.md has every setting that a stage reads, and says who needs it."""

import re
from pathlib import Path

import pytest

from fanfold.stages import names

ROOT = Path(__file__).resolve().parents[2]
ROWS = re.findall(r"^\| (`FANFOLD_[^|]+) \| ([^|]+) \|", (ROOT / "docs" / "deploy.md").read_text(), re.MULTILINE)
# Where a stage's stacks, and the commands that make them, read settings.
FOLDERS = ("shared/stacks", "services", "shared/fanfold/stages", "shared/fanfold/cli/commands/stage")
SETTING = re.compile(r"FANFOLD_[A-Z_]*[A-Z]")


def needing() -> dict[str, str]:
    """Return the stages that need each setting, as the page has them."""
    return {name: stages for listed, stages in ROWS for name in SETTING.findall(listed)}


def read() -> set[str]:
    files = [file for folder in FOLDERS for kind in ("yml", "cjs", "py") for file in (ROOT / folder).rglob(f"*.{kind}")]
    return {name for file in files for name in SETTING.findall(file.read_text())}


def test_every_setting_of_a_stage_is_on_the_page_and_no_other() -> None:
    # One that is of each service, and one whose name is put together.
    reads = {re.sub(r"DIGEST_.*", "DIGEST", name) for name in read()} - {"FANFOLD_JWT"}
    assert needing().keys() == reads


@pytest.mark.parametrize("stage", ["dev", "paper", "live"])
def test_the_page_says_what_a_stage_needs(stage: str) -> None:
    required = {re.sub(r"DIGEST_.*", "DIGEST", name) for name in names.settings(stage)}
    assert {name for name, stages in needing().items() if "every stage" in stages or stage in stages} >= required
    assert {name for name, stages in needing().items() if "every stage" in stages} <= required
