"""Lay out an image's build context in build/images, from the tree, the desk and the pinned libraries."""

import json
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from fanfold import desk
from fanfold.deployment import OPTIONAL, SERVICES
from fanfold.errors import BadInput
from fanfold.local import desk_meaning
from fanfold.strategy import folder

MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
# The C library is at least this new on Lambda (Amazon Linux 2023) and on Debian.
LIBRARIES = "manylinux_2_28"
_UNWANTED = ("__pycache__", "*.pyc")


class ImageTarget(NamedTuple):
    """The platform of an image: amd64 or arm64, and the base's Python, as in 3.12."""

    architecture: str
    python: str


def contents(root: Path) -> dict[str, Any]:
    """Return docker/contents.json: the parts of each image, and what is pruned."""
    document: dict[str, Any] = json.loads((root / "docker" / "contents.json").read_text())
    return document


def lay_out(service: str, root: Path, into: Path) -> None:
    """Write all of a build context but its libraries, into a folder of its own."""
    known = (*SERVICES, *OPTIONAL)
    if service not in known:
        raise BadInput(f"there is no service {service!r}; there are {', '.join(known)}")
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    document = contents(root)
    for name in ("Dockerfile", "assemble.py"):
        shutil.copyfile(root / "docker" / name, into / name)
    shutil.copyfile(requirements(service, root), into / "requirements.txt")
    pruned = {"libraries_dropped": document["libraries_dropped"]}
    pruned["distributions_dropped"] = document["distributions_dropped"].get(service, [])
    (into / "contents.json").write_text(json.dumps(pruned))
    lay_out_task(service, root, into / "task")


def lay_out_base(root: Path, into: Path) -> None:
    """Write the build context of the base of all images."""
    into.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(root / "docker" / "base.Dockerfile", into / "Dockerfile")
    shutil.copyfile(root / "docker" / "assemble.py", into / "assemble.py")
    (into / "contents.json").write_text(json.dumps({"base_dropped": contents(root)["base_dropped"]}))


def lay_out_collector(root: Path, into: Path) -> None:
    """Write the build context of the long-running collector's image, which is built on market-data's."""
    into.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(root / "docker" / "collector.Dockerfile", into / "Dockerfile")
    shutil.copyfile(root / "docker" / "collector.py", into / "collector.py")


def lay_out_task(service: str, root: Path, task: Path) -> None:
    """Write /var/task: the service, the parts of fanfold that it may have, the desk and its own strategies."""
    document = contents(root)
    shutil.rmtree(task, ignore_errors=True)
    package = f"{service.replace('-', '_')}_service"
    shutil.copytree(root / "services" / service / package, task / package, ignore=shutil.ignore_patterns(*_UNWANTED))
    shutil.copytree(root / "shared" / "fanfold", task / "fanfold", ignore=shutil.ignore_patterns(*_UNWANTED))
    packages = {*document["packages_everywhere"], *document["services"][service]["packages"]}
    for package_folder in (task / "fanfold").iterdir():
        if package_folder.is_dir() and package_folder.name not in packages:
            shutil.rmtree(package_folder)
    for name in set(document["modules_held_back"]) - set(document["services"][service]["modules"]):
        (task / "fanfold" / name).unlink()
    desk_file = Path(os.environ.get("FANFOLD_DESK") or root / "desk.toml")
    own = folder.chosen(os.environ.get("FANFOLD_STRATEGIES"), root)
    folder.use(own)
    if own:
        shutil.copytree(own, task / "strategies", ignore=_without_python, copy_function=shutil.copyfile)
    else:
        (task / "strategies").mkdir()
    (task / "desk.json").write_bytes(desk.dump(desk_meaning.load(desk_file)))


def _without_python(folder: str, names: list[str]) -> list[str]:
    """Name what a folder holds besides Python's files and folders of them."""
    hidden = [name for name in names if name.startswith((".", "__pycache__"))]
    return [*hidden, *(name for name in names if Path(folder, name).is_file() and not name.endswith(".py"))]


def requirements(service: str, root: Path) -> Path:
    return root / "docker" / f"requirements-{service}.txt"


def unpack_libraries(service: str, root: Path, into: Path, target: ImageTarget) -> None:
    """Unpack exactly the pinned wheels of an architecture; the build itself then needs no network."""
    shutil.rmtree(into, ignore_errors=True)
    platform = f"{MACHINES[target.architecture]}-{LIBRARIES}"
    command = [
        *_uv(),
        "pip",
        "install",
        "--quiet",
        f"--target={into}",
        "--require-hashes",
        "--no-deps",
        "--link-mode=copy",
        "--only-binary=:all:",
        f"--python-version={target.python}",
        f"--python-platform={platform}",
        f"--requirement={requirements(service, root)}",
    ]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if done.returncode:
        raise BadInput(f"the libraries of {service} could not be fetched:\n{done.stderr[-2000:]}")
    (into / ".lock").unlink(missing_ok=True)


def fingerprint(context: Path, *more: str) -> str:
    """Return a digest of an image's contents: its files, the arguments, and the libraries by their pinned hashes."""
    digest = sha256("\n".join(more).encode())
    for path in sorted(path for path in context.rglob("*") if path.is_file()):
        name = path.relative_to(context)
        if name.parts[0] != "libraries":
            digest.update(f"\n{name}\n{sha256(path.read_bytes()).hexdigest()}".encode())
    return digest.hexdigest()


def _uv() -> list[str]:
    if find_spec("uv"):
        return [sys.executable, "-m", "uv"]
    program = shutil.which("uv")
    if program is None:
        raise BadInput("building images needs uv: run `make install`")
    return [program]
