"""The program that builds and runs images: docker where its daemon responds, else buildah."""

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal

from fanfold.errors import BadInput

Tool = Literal["docker", "buildah"]
PREFIX = "fanfold"
LABEL = f"{PREFIX}.made-of"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
MISSING = (
    "images are built with docker or buildah: no docker daemon answers, and there is no `buildah`; "
    "on Debian `apt-get install buildah crun debootstrap` as root is enough"
)
# With an attestation beside it an image is pushed as an index, and Lambda takes none.
PLAIN = ("--provenance=false", "--sbom=false")


@cache
def docker_answers() -> bool:
    return bool(shutil.which("docker")) and _try(["docker", "info"]).returncode == 0


def tool() -> Tool:
    """Return the installed tool. Raises BadInput, which says what is missing, where there is none."""
    if docker_answers():
        return "docker"
    if not shutil.which("buildah"):
        raise BadInput(MISSING)
    return "buildah"


def environment() -> dict[str, str]:
    """Return the tool's environment. Chroot isolation needs only root; overlay layers start sooner than copies."""
    return {"STORAGE_DRIVER": "overlay", "BUILDAH_ISOLATION": "chroot", **os.environ}


def run(command: Sequence[str], cwd: Path | None = None) -> str:
    """Return the output of a command. Raises BadInput with the end of its error output where it fails."""
    done = _try(command, cwd)
    if done.returncode:
        raise BadInput(f"{' '.join(command[:3])} failed:\n{done.stdout[-1500:]}{done.stderr[-1500:]}")
    return done.stdout.strip()


def machine() -> str:
    """Return the architecture of this machine, as images name it."""
    return ARCHITECTURES[platform.machine()]


def architecture() -> str:
    """Return the architecture to build and run images for: that of ARCH, else this machine's."""
    return os.environ.get("ARCH") or machine()


def image_name(service: str) -> str:
    return f"localhost/{PREFIX}-{service}:{architecture()}"


def exists(image: str) -> bool:
    return _try([*_inspect(), image]).returncode == 0


def identity(image: str) -> str:
    """Return an image's digest if its name has one, else the id that the tool gave it."""
    if "@" in image:
        return image
    return run([*_inspect(), "--format", "{{.Id}}" if tool() == "docker" else "{{.FromImageID}}", image])


def made_of(image: str) -> str:
    """Return the fingerprint that ``build_once`` stored in the image, "" where there is no such image."""
    config = ".Config" if tool() == "docker" else ".OCIv1.Config"
    done = _try([*_inspect(), "--format", f'{{{{index {config}.Labels "{LABEL}"}}}}', image])
    return done.stdout.strip() if done.returncode == 0 else ""


def build_once(context: Path, image: str, made: str, arguments: Mapping[str, str], architecture: str) -> bool:
    """Build a context's Dockerfile unless the image exists with this fingerprint; return whether it was built."""
    if made_of(image) == made:
        return False
    before = identity(image) if exists(image) else ""
    build_arguments = dict(arguments) | {"MADE_OF": made}
    if tool() == "buildah":
        # Docker's builder knows it by itself.
        build_arguments["BUILDPLATFORM"] = f"linux/{machine()}"
    words = [word for key, value in build_arguments.items() for word in ("--build-arg", f"{key}={value}")]
    head = ["docker", "build", *PLAIN] if tool() == "docker" else ["buildah", "bud"]
    run([*head, "--quiet", *words, "--platform", f"linux/{architecture}", "--tag", image, "."], context)
    if before and tool() == "buildah":
        # Nobody else's, now that its name is taken; it may still be what another image stands on.
        _try(["buildah", "rmi", before])
    return True


def load(files: Path, image: str, architecture: str) -> None:
    """Create an image from a folder's files."""
    if tool() == "docker":
        options = f"--platform linux/{architecture} - {image}"
        run(["sh", "-c", f"tar -C {files} -c . | docker import {options}"])
        return
    made = run(["buildah", "from", "scratch"])
    run(["buildah", "add", "--quiet", made, str(files), "/"])
    run(["buildah", "config", "--arch", architecture, made])
    run(["buildah", "commit", "--quiet", "--rm", made, image])


def push(image: str, name: str) -> None:
    """Push an image to a registry, under its name there."""
    if tool() == "docker":
        run(["docker", "tag", image, name])
        run(["docker", "push", "--quiet", name])
        return
    run(["buildah", "push", "--quiet", image, f"docker://{name}"])


def log_in(registry: str, user: str, password: str) -> None:
    """Log the tool in to a registry; the password is not among the arguments, which other users can see."""
    command = [tool(), "login", "--username", user, "--password-stdin", registry]
    done = subprocess.run(command, env=environment(), input=password, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise BadInput(f"{registry} does not let {tool()} in:\n{done.stderr[-1500:]}")


def command_in(
    container: str, command: Sequence[str], variables: Mapping[str, str], mounts: Mapping[Path, str]
) -> list[str]:
    """Return the command line that runs in an image's container, on the host's loopback, as the image's user."""
    environment = [word for key, value in variables.items() for word in ("--env", f"{key}={value}")]
    bound = [word for path, at in mounts.items() for word in ("--volume", f"{path}:{at}:ro")]
    if tool() == "docker":
        # A first process ignores SIGTERM unless it is an init.
        words = [
            "docker",
            "run",
            "--rm",
            "--init",
            "--network",
            "host",
            *environment,
            *bound,
            "--entrypoint",
            command[0],
        ]
        return [*words, container, *command[1:]]
    return ["buildah", "run", "--isolation", "chroot", *environment, *bound, container, "--", *command]


def container(service: str) -> str:
    """Return a container for ``command_in``: docker makes one for each run, buildah one that stays."""
    image = image_name(service)
    if not exists(image):
        raise BadInput(f"the image of {service} is not built: run `make images`")
    return image if tool() == "docker" else run(["buildah", "from", image])


def remove(container_name: str) -> None:
    if tool() == "buildah":
        run(["buildah", "rm", container_name])


def _inspect() -> list[str]:
    return ["docker", "image", "inspect"] if tool() == "docker" else ["buildah", "inspect", "--type", "image"]


def _try(command: Sequence[str], cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, check=False)  # noqa: S603
