"""The program that builds and runs images: docker where its daemon answers, else buildah."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from fanfold.refusals import BadInput

Tool = Literal["docker", "buildah"]
PREFIX = "fanfold"
LOCAL_BASE = "localhost/fanfold-base:bookworm"
LOCAL_PYTHON = "3.11"
PACKAGES = "python3.11-minimal,python3.11,python3-pip,ca-certificates"
MISSING = (
    "images are built with docker or buildah: no docker daemon answers, and there is no `buildah`; "
    "on Debian `apt-get install buildah crun debootstrap` as root is enough"
)


@cache
def tool() -> Tool:
    """The tool that is there. Raises BadInput, which says what is missing, where none is."""
    if shutil.which("docker") and _try(["docker", "info"]).returncode == 0:
        return "docker"
    if shutil.which("buildah"):
        return "buildah"
    raise BadInput(MISSING)


def environment() -> dict[str, str]:
    """Chroot isolation needs no rights beyond root's; layers of an overlay start at once where copies take seconds."""
    return {"STORAGE_DRIVER": "overlay", "BUILDAH_ISOLATION": "chroot", **os.environ}


def run(command: Sequence[str], cwd: Path | None = None) -> str:
    """What a command prints. Raises BadInput with the end of its words where it fails."""
    done = _try(command, cwd)
    if done.returncode:
        raise BadInput(f"{' '.join(command[:3])} failed:\n{done.stdout[-1500:]}{done.stderr[-1500:]}")
    return done.stdout.strip()


def image_name(service: str) -> str:
    return f"localhost/{PREFIX}-{service}:latest"


def exists(image: str) -> bool:
    look = ["docker", "image", "inspect"] if tool() == "docker" else ["buildah", "inspect", "--type", "image"]
    return _try([*look, image]).returncode == 0


def base_image(asked: str) -> tuple[str, str]:
    """The base to build on and its Python: the one that was asked for, by digest, or a Debian made here and kept."""
    if asked:
        if "@sha256:" not in asked:
            raise BadInput(f"BASE_IMAGE is {asked!r}; name it by digest, as in NAME@sha256:...")
        return asked, os.environ.get("PYTHON_VERSION", "3.12")
    if not exists(LOCAL_BASE):
        _make_base()
    return LOCAL_BASE, LOCAL_PYTHON


def build(context: Path, image: str, arguments: Mapping[str, str], platform: str) -> None:
    """Build a context's Dockerfile. Layers that did not change are taken from before."""
    given = [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")]
    head = ["docker", "build"] if tool() == "docker" else ["buildah", "bud", "--layers"]
    run([*head, "--quiet", *given, "--platform", platform, "--tag", image, "."], context)


def command_in(
    container: str, command: Sequence[str], variables: Mapping[str, str], mounts: Mapping[Path, str]
) -> list[str]:
    """The words that run a command in an image's container, on the machine's own loopback; its user is the image's."""
    given = [word for key, value in variables.items() for word in ("--env", f"{key}={value}")]
    bound = [word for path, at in mounts.items() for word in ("--volume", f"{path}:{at}:ro")]
    if tool() == "docker":
        words = ["docker", "run", "--rm", "--network", "host", *given, *bound, "--entrypoint", command[0], container]
        return [*words, *command[1:]]
    return ["buildah", "run", "--isolation", "chroot", *given, *bound, container, "--", *command]


def container(service: str) -> str:
    """What ``command_in`` runs in: docker makes a container a run, buildah one to be kept."""
    image = image_name(service)
    if not exists(image):
        raise BadInput(f"the image of {service} is not built: run `make images`")
    return image if tool() == "docker" else run(["buildah", "from", image])


def remove(container_name: str) -> None:
    if tool() == "buildah":
        run(["buildah", "rm", container_name])


def _make_base() -> None:
    if not shutil.which("debootstrap"):
        raise BadInput("no BASE_IMAGE is named, and there is no `debootstrap` to make one of Debian")
    with TemporaryDirectory() as folder:
        files = Path(folder) / "base"
        run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(files)])
        if tool() == "docker":
            run(["sh", "-c", f"tar -C {files} -c . | docker import - {LOCAL_BASE}"])
            return
        made = run(["buildah", "from", "scratch"])
        run(["buildah", "add", "--quiet", made, str(files), "/"])
        run(["buildah", "commit", "--quiet", "--rm", made, LOCAL_BASE])


def _try(command: Sequence[str], cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, check=False)  # noqa: S603
