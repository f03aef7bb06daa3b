"""Package a stack with the Serverless tool, offline: the template that a deploy would send."""

import hashlib
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fanfold.local.deploys import tool_settings
from fanfold.local.launcher import repository_root

TEMPLATE = "cloudformation-template-update-stack.json"
# The tool wants to see keys, and asks AWS for nothing.
KEYS = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}


class NotPackaged(Exception):
    """The tool failed; the text is its own."""


def tool() -> Path:
    return repository_root() / "node_modules" / ".bin" / "serverless"


def fingerprint(*settings: object) -> str:
    """Identify what the tool makes templates from: the same files and settings give the same templates."""
    root = repository_root()
    files = [*root.glob("serverless*"), *root.glob("services/*/*.yml"), *root.glob("shared/stacks/**/*.*")]
    digest = hashlib.sha256(repr(settings).encode())
    for file in sorted([*files, root / "package-lock.json"]):
        digest.update(file.relative_to(root).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()


def package(folder: Path, stage: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the template of the stack in a folder; ``environment`` is all that the tool sees besides its keys.

    Raises NotPackaged. If the folder is in this tree, hold ``launcher.lock_source_tree`` meanwhile.
    """
    with TemporaryDirectory() as into:
        done = subprocess.run(  # noqa: S603 - the repository's own tool
            [str(tool()), "package", "--stage", stage, "--package", into],
            cwd=folder,
            env=dict(environment) | KEYS | tool_settings(environment),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise NotPackaged(done.stdout + done.stderr)
        template: dict[str, Any] = json.loads((Path(into) / TEMPLATE).read_text())
        return template
