"""The stacks as the Serverless tool packages them, once a test run."""

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from source_tree import ROOT

STAGE = "local"
TOOL = ROOT / "node_modules" / ".bin" / "serverless"
PLATFORM = "platform"


@cache
def template(stack: str) -> dict[str, Any]:
    """The CloudFormation template of a service, or of the platform."""
    if not TOOL.exists():
        pytest.skip("node_modules holds no Serverless tool: run `make install`")
    folder = ROOT if stack == PLATFORM else ROOT / "services" / stack
    with TemporaryDirectory() as into:
        command = [str(TOOL), "package", "--stage", STAGE, "--package", into]
        # Packaging asks AWS for nothing, but wants to see keys.
        keys = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
        done = subprocess.run(command, cwd=folder, env=os.environ | keys, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads((Path(into) / "cloudformation-template-update-stack.json").read_text())


def resources(found: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """Properties of a template's resources of a type, by name."""
    return {name: one["Properties"] for name, one in found["Resources"].items() if one["Type"] == kind}
