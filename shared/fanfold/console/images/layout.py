"""What goes into an image: its build context in build/images, made of the tree, the desk and the pinned wheels."""

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fanfold import desk
from fanfold.messages import SUBSCRIPTIONS
from fanfold.refusals import BadInput

SERVICES = tuple(SUBSCRIPTIONS)
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
LIBRARIES = ("2_28", "2_17")
_UNWANTED = ("__pycache__", "*.pyc")


def contents(root: Path) -> dict[str, Any]:
    """docker/contents.json: which parts an image holds, and what is pruned."""
    found: dict[str, Any] = json.loads((root / "docker" / "contents.json").read_text())
    return found


def lay_out(service: str, root: Path, into: Path) -> None:
    """Write all of a build context but its wheels, anew; ``into`` keeps the wheels of the last build."""
    if service not in SERVICES:
        raise BadInput(f"there is no service {service!r}; there are {', '.join(SERVICES)}")
    into.mkdir(parents=True, exist_ok=True)
    asked = contents(root)
    for name in ("Dockerfile", "assemble.py", "collector.Dockerfile", "collector.py"):
        shutil.copy(root / "docker" / name, into / name)
    shutil.copy(requirements(service, root), into / "requirements.txt")
    pruned = {key: asked[key] for key in ("libraries_dropped", "base_dropped")}
    pruned["distributions_dropped"] = asked["distributions_dropped"].get(service, [])
    (into / "contents.json").write_text(json.dumps(pruned))
    lay_out_task(service, root, into / "task")


def lay_out_task(service: str, root: Path, task: Path) -> None:
    """/var/task: the service, the parts of fanfold that it may have, and the desk."""
    asked = contents(root)
    shutil.rmtree(task, ignore_errors=True)
    package = f"{service.replace('-', '_')}_service"
    shutil.copytree(root / "services" / service / package, task / package, ignore=shutil.ignore_patterns(*_UNWANTED))
    shutil.copytree(root / "shared" / "fanfold", task / "fanfold", ignore=shutil.ignore_patterns(*_UNWANTED))
    for found in (task / "fanfold").iterdir():
        if found.is_dir() and found.name not in asked["services"][service]["packages"]:
            shutil.rmtree(found)
    for name in set(asked["modules_held_back"]) - set(asked["services"][service]["modules"]):
        (task / "fanfold" / name).unlink()
    (task / "desk.json").write_bytes(desk.dump(desk.parse((root / "desk.toml").read_text())))


def requirements(service: str, root: Path) -> Path:
    return root / "docker" / f"requirements-{service}.txt"


def fetch_wheels(service: str, root: Path, into: Path, architecture: str, python: str) -> None:
    """Fetch exactly the pinned wheels; the build itself then needs no network."""
    shutil.rmtree(into / "wheels", ignore_errors=True)
    machine = MACHINES[architecture]
    platforms = [f"--platform=manylinux_{version}_{machine}" for version in LIBRARIES]
    command = [
        *_pip(), "download", "--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps",
        "--only-binary=:all:", "--implementation=cp", f"--python-version={python}", *platforms,
        f"--platform=manylinux2014_{machine}", f"--requirement={requirements(service, root)}",
        f"--dest={into / 'wheels'}",
    ]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if done.returncode:
        raise BadInput(f"the wheels of {service} could not be fetched:\n{done.stderr[-2000:]}")


def _pip() -> list[str]:
    if find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    found = shutil.which("pip")
    if found is None:
        raise BadInput("building images needs pip: run `make install`")
    return [found]
