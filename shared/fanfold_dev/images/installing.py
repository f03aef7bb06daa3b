"""Install a builder from Debian's own packages, where there is none and this machine allows it."""

import os
import shutil
import subprocess
import sys

from fanfold.errors import BadInput
from fanfold.local import container_tool

BUILDAH = ("buildah", "crun")


def builder() -> None:
    """Install what is missing: buildah where docker does not answer, debootstrap where no BASE_IMAGE is named.

    Raises BadInput with the reason where nothing can be installed.
    """
    missing = [] if container_tool.docker_answers() or shutil.which("buildah") else list(BUILDAH)
    if not os.environ.get("BASE_IMAGE") and not shutil.which("debootstrap"):
        missing.append("debootstrap")
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise BadInput(f"no image can be built: {', '.join(missing)} is missing, and to install it takes root and apt")
    print(f"installing {', '.join(missing)} from Debian's packages", file=sys.stderr)
    _apt("update")
    _apt("install", "--yes", "--no-install-recommends", *missing)


def _apt(*words: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "-qq", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise BadInput(f"no image can be built: `{' '.join(command)}` failed:\n{done.stderr[-1500:]}")
