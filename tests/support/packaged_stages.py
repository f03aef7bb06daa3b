"""The packaged stacks of a stage, for tests: skipped where the Serverless tool is not installed."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from fanfold.deployment import SERVICES
from fanfold.local.packaging import NotPackaged, tool
from fanfold_dev import stacks
from fanfold_dev.stacks import DIGEST, LIVE, PLATFORM, ROOT, STAGES, Template, packaged_in

__all__ = [
    "DIGEST", "LIVE", "PLATFORM", "ROOT", "SERVICES", "STAGES", "NotPackaged", "changed_copy", "packaged_in",
    "template", "templates",
]  # fmt: skip


def templates(named: str) -> dict[str, Template]:
    """The templates of one of STAGES."""
    _skip_without_tool()
    return stacks.templates(named)


def template(stack: str, stage: str, environment: Mapping[str, str]) -> Template:
    """One stack's template. Raises NotPackaged."""
    _skip_without_tool()
    return stacks.template(stack, stage, environment)


def _skip_without_tool() -> None:
    if not tool().exists():
        pytest.skip("node_modules holds no Serverless tool: run `make install`")


def changed_copy(into: Path, file: str, old: str, new: str) -> Path:
    """A tree that differs from this one in one file, from which stacks can be packaged."""
    shutil.copytree(ROOT / "services", into / "services", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copytree(ROOT / "shared" / "stacks", into / "shared" / "stacks")
    for part in [ROOT / "serverless.yml", *ROOT.glob("package*.json")]:
        shutil.copyfile(part, into / part.name)
    (into / "node_modules").symlink_to(ROOT / "node_modules")
    text = (into / file).read_text()
    if old not in text:
        raise ValueError(f"{file} has no {old!r} to change")
    (into / file).write_text(text.replace(old, new))
    return into
