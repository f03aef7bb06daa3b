"""All six stacks of a stage as the Serverless tool packages them, offline, once a state of the files."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from fanfold.local.launcher import packaging

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "node_modules" / ".bin" / "serverless"
KEPT = ROOT / "build" / "templates"
PLATFORM = "platform"
SERVICES = ("market-data", "signal", "risk", "execution", "audit")
DIGEST = "sha256:" + "5f" * 32
LIVE = {
    "FANFOLD_LIVE_VENUE": "kraken",
    "FANFOLD_WEBHOOK": "true",
    "FANFOLD_ALARM_EMAIL": "desk@example.com",
    "FANFOLD_JWT_ISSUER": "https://login.example.com",
    "FANFOLD_JWT_AUDIENCE": "desk",
    "FANFOLD_BUCKET_PREFIX": "example-desk",
    "FANFOLD_IMAGES": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/fanfold",
} | {f"FANFOLD_DIGEST_{service.upper().replace('-', '_')}": DIGEST for service in SERVICES}
STAGES: dict[str, tuple[str, dict[str, str]]] = {
    "local": ("local", {}),
    "dev": ("dev", {}),
    "lean": ("dev", {"FANFOLD_PROFILE": "lean"}),
    "paper": ("paper", {}),
    "ephemeral": ("try-1", {"FANFOLD_REMOVE_AFTER": "2026-03-04"}),
    "live": ("live", LIVE),
}
Template = dict[str, Any]


class NotPackaged(Exception):
    """The tool refused; the text is its own."""


@cache
def templates(named: str) -> dict[str, Template]:
    """The templates of the platform and the five services, of one of STAGES."""
    stage, environment = STAGES[named]
    with packaging(), ThreadPoolExecutor(2) as pool:
        packaged = pool.map(lambda stack: _template(stack, stage, environment), (PLATFORM, *SERVICES))
        return dict(zip((PLATFORM, *SERVICES), packaged, strict=True))


def template(stack: str, stage: str, environment: Mapping[str, str]) -> Template:
    """One stack's template. Raises NotPackaged, skips where the tool is not installed."""
    with packaging():
        return _template(stack, stage, environment)


def _template(stack: str, stage: str, environment: Mapping[str, str]) -> Template:
    if not TOOL.exists():
        pytest.skip("node_modules holds no Serverless tool: run `make install`")
    kept = KEPT / f"{_fingerprint(stack, stage, environment)}.json"
    if not kept.exists():
        found = _packaged(stack, stage, environment)
        KEPT.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(found))
    template: Template = json.loads(kept.read_text())
    return template


def _fingerprint(*asked: object) -> str:
    """Of what a template is made from; the same files and settings give the same template."""
    files = [*ROOT.glob("serverless*"), *ROOT.glob("services/*/*.yml"), ROOT / "package-lock.json"]
    digest = hashlib.sha256(repr(asked).encode())
    for file in sorted(files):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


def _packaged(stack: str, stage: str, environment: Mapping[str, str]) -> Template:
    return packaged_in(ROOT if stack == PLATFORM else ROOT / "services" / stack, stage, environment)


def changed_copy(into: Path, file: str, old: str, new: str) -> Path:
    """A tree that differs from this one in one file, from which stacks can be packaged."""
    shutil.copytree(ROOT / "services", into / "services", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for one in [*ROOT.glob("serverless*"), *ROOT.glob("package*.json")]:
        shutil.copyfile(one, into / one.name)
    (into / "node_modules").symlink_to(ROOT / "node_modules")
    text = (into / file).read_text()
    if old not in text:
        raise ValueError(f"{file} has no {old!r} to change")
    (into / file).write_text(text.replace(old, new))
    return into


def packaged_in(folder: Path, stage: str, environment: Mapping[str, str]) -> Template:
    """The template of the stack in a folder. Raises NotPackaged."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("FANFOLD_", "AWS_"))}
    # The tool wants to see keys, and asks AWS for nothing.
    settings = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "SLS_TELEMETRY_DISABLED": "1"}
    with TemporaryDirectory() as into:
        command = [str(TOOL), "package", "--stage", stage, "--package", into]
        done = subprocess.run(command, cwd=folder, env=inherited | settings | dict(environment), capture_output=True,
                              text=True, check=False)  # fmt: skip
        if done.returncode:
            raise NotPackaged(done.stdout + done.stderr)
        found: Template = json.loads((Path(into) / "cloudformation-template-update-stack.json").read_text())
        return found
