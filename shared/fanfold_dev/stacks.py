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
    wanted = (PLATFORM, *SERVICES)
    if not all(_kept(stack, stage, environment).exists() for stack in wanted):
        with lock_source_tree(), ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda stack: _keep(stack, stage, environment), wanted))
    return {stack: template(stack, stage, environment) for stack in wanted}


def template(stack: str, stage: str, environment: Mapping[str, str]) -> Template:
    """Return one stack's template. Raises NotPackaged, and BadInput where the tool is not installed.

    One that is kept is read without the lock, which a deploy may hold for half a minute.
    """
    kept = _kept(stack, stage, environment)
    if not kept.exists():
        with lock_source_tree():
            _keep(stack, stage, environment)
    packaged: Template = json.loads(kept.read_text())
    return packaged


def _kept(stack: str, stage: str, environment: Mapping[str, str]) -> Path:
    if not tool().exists():
        raise BadInput("node_modules holds no Serverless tool: run `make install`")
    return KEPT / f"{fingerprint(stack, stage, environment)}.json"


def _keep(stack: str, stage: str, environment: Mapping[str, str]) -> None:
    """Package a stack, unless somebody has while we waited for the lock."""
    kept = _kept(stack, stage, environment)
    if kept.exists():
        return
    folder = ROOT if stack == PLATFORM else ROOT / "services" / stack
    KEPT.mkdir(parents=True, exist_ok=True)
    # Whoever reads it holds no lock: it is there when it is whole.
    part = kept.with_suffix(".part")
    part.write_text(json.dumps(packaged_in(folder, stage, environment)))
    part.replace(kept)


def packaged_in(folder: Path, stage: str, environment: Mapping[str, str]) -> Template:
    """Package the stack in a folder and return its template, whatever this machine's own settings are.

    Raises NotPackaged.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("FANFOLD_", "AWS_"))}
    return package(folder, stage, inherited | {"SLS_TELEMETRY_DISABLED": "1"} | dict(environment))
