"""Read the inputs of a bill: recorded days and stacks, or templates that the Serverless tool packages."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from fanfold.cost import days, templates
from fanfold.cost.days import Day
from fanfold.cost.page import PageUse
from fanfold.cost.scenarios import STAGE
from fanfold.cost.templates import Stacks
from fanfold.deployment import SERVICES
from fanfold.errors import BadInput
from fanfold.local.launcher import lock_source_tree, repository_root
from fanfold.local.packaging import TEMPLATE, NotPackaged, package, tool


def day(name: str) -> Day:
    """Return the recorded day of a scenario."""
    return days.decode((_recorded() / f"{name}.json").read_bytes())


def page_use() -> PageUse:
    """Return the requests of the page and what they take, as ``tests/cost/record.py page`` measured them last."""
    return msgspec.json.decode((_recorded() / "page.json").read_bytes(), type=PageUse)


def recorded_s(profile: str) -> int:
    """Return how often audit records something: each of its pollers gathers what comes in a window of its own."""
    recorder = recorded_stacks(profile).functions["audit/record"]
    return recorder.window_s // recorder.pollers


def recorded_stacks(profile: str) -> Stacks:
    """Return a profile's stacks as ``tests/cost/record.py stacks`` recorded them last; no tool is needed."""
    return msgspec.json.decode((_recorded() / f"stacks-{profile}.json").read_bytes(), type=Stacks)


def packaged_stacks(profile: str) -> Stacks:
    """Package a profile's stacks with the Serverless tool. Raises BadInput with its words where it fails."""
    root = repository_root()
    folders = [root, *(root / "services" / service for service in SERVICES)]
    with lock_source_tree(), ThreadPoolExecutor(2) as pool:
        return templates.read(list(pool.map(lambda folder: _packaged(folder, profile), folders)))


def templates_in(folder: Path) -> Stacks:
    """Return the stacks of templates that were packaged before, anywhere under a folder."""
    paths = sorted(folder.rglob(TEMPLATE))
    if not paths:
        raise BadInput(f"{folder} holds no {TEMPLATE}: `serverless package --package {folder}/NAME` writes one a stack")
    return templates.read(list(_read(paths)))


def _read(paths: list[Path]) -> Iterator[dict[str, Any]]:
    for path in paths:
        yield json.loads(path.read_text())


def _packaged(folder: Path, profile: str) -> dict[str, Any]:
    if not tool().exists():
        raise BadInput(f"{tool()} is missing: run `make install`, or name --templates")
    try:
        return package(folder, STAGE, os.environ | {"FANFOLD_PROFILE": profile})
    except NotPackaged as failed:
        raise BadInput(f"{folder.name} cannot be packaged: {failed}") from failed


def _recorded() -> Path:
    return repository_root() / "tests" / "cost" / "recorded"
