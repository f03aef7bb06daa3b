"""A builder from Debian's own packages, where there is none and this machine lets us install one."""

import os
import shutil
import subprocess
import sys

from fanfold.console.images import tool
from fanfold.refusals import BadInput

PACKAGES = ("buildah", "crun", "debootstrap")


def builder() -> None:
    """Install buildah and what makes its base, unless docker or all of it is there.

    Raises BadInput with the reason where nothing can be installed.
    """
    if tool.docker_answers() or all(shutil.which(name) for name in ("buildah", "debootstrap")):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise BadInput(f"{tool.MISSING}; nothing is installed, for that takes root and apt")
    print(f"installing {', '.join(PACKAGES)} from Debian's packages", file=sys.stderr)
    _apt("update")
    _apt("install", "--yes", "--no-install-recommends", *PACKAGES)


def _apt(*words: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "-qq", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise BadInput(f"no image can be built: `{' '.join(command)}` failed:\n{done.stderr[-1500:]}")
