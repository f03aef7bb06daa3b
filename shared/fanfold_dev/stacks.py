"""Package all six stacks of a stage with the Serverless tool, offline, once for each state of the files."""

import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

from fanfold.deployment import SERVICES
from fanfold.errors import BadInput
from fanfold.local.launcher import lock_source_tree
from fanfold.local.packaging import fingerprint, package, tool
from fanfold.stages import names

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "build" / "templates"
PLATFORM = "platform"
DIGEST = "sha256:" + "5f" * 32
LIVE = {
    "FANFOLD_LIVE_VENUE": "kraken",
    "FANFOLD_WEBHOOK": "true",
    "FANFOLD_ALARM_EMAIL": "desk@example.com",
    "FANFOLD_JWT_ISSUER": "https://login.example.com",
    "FANFOLD_JWT_AUDIENCE": "desk",
    "FANFOLD_BUCKET_PREFIX": "example-desk",
    "FANFOLD_IMAGES": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/fanfold",
    **{names.digest(service): DIGEST for service in SERVICES},
}
STAGES: dict[str, tuple[str, dict[str, str]]] = {
    "local": ("local", {}),
    "dev": ("dev", {}),
    "lean": ("dev", {"FANFOLD_PROFILE": "lean"}),
    "paper": ("paper", {}),
    "ephemeral": ("try-1", {"FANFOLD_REMOVE_AFTER": "2026-03-04"}),
    "live": ("live", LIVE),
}
Template = dict[str, Any]


@cache
def templates(named: str) -> dict[str, Template]:
    """Return the templates of the platform and the five services, for one of STAGES."""
    stage, environment = STAGES[named]
    with lock_source_tree(), ThreadPoolExecutor(2) as pool:
        packaged = pool.map(lambda stack: _template(stack, stage, environment), (PLATFORM, *SERVICES))
        return dict(zip((PLATFORM, *SERVICES), packaged, strict=True))


def template(stack: str, stage: str, environment: Mapping[str, str]) -> Template:
    """Return one stack's template. Raises NotPackaged, and BadInput where the tool is not installed."""
    with lock_source_tree():
        return _template(stack, stage, environment)


def _template(stack: str, stage: str, environment: Mapping[str, str]) -> Template:
    if not tool().exists():
        raise BadInput("node_modules holds no Serverless tool: run `make install`")
    kept = KEPT / f"{fingerprint(stack, stage, environment)}.json"
    if not kept.exists():
        folder = ROOT if stack == PLATFORM else ROOT / "services" / stack
        packaged = packaged_in(folder, stage, environment)
        KEPT.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(packaged))
    template: Template = json.loads(kept.read_text())
    return template


def packaged_in(folder: Path, stage: str, environment: Mapping[str, str]) -> Template:
    """Package the stack in a folder and return its template, whatever this machine's own settings are.

    Raises NotPackaged.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("FANFOLD_", "AWS_"))}
    return package(folder, stage, inherited | {"SLS_TELEMETRY_DISABLED": "1"} | dict(environment))
