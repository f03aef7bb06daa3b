"""Environments of engines and clients that others wrote, of which each is installed in one of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ENVIRONMENTS = Path(__file__).resolve().parents[2] / "build" / "peers"
INSTALL_S = 900
NEWER = "import sys; sys.exit(sys.version_info < (3, 12))"


class Peer(NamedTuple):
    """A client: its package and version, the script that trades with it, and an extra of the package."""

    package: str
    version: str
    script: str
    extra: str = ""


def interpreter():
    """Return a Python that all of the clients support."""
    for name in (os.environ.get("PEERS_PYTHON"), "python3.13", "python3.12"):
        path = name and shutil.which(name)
        if path and subprocess.run([path, "-c", NEWER], capture_output=True, check=False).returncode == 0:
            return path
    sys.exit("the clients need Python 3.12 or 3.13: make peers PYTHON=/path/to/python3.12")


def environment(peer):
    """Return the Python of a client's environment, which is made where it is not there."""
    folder = "-".join(filter(None, (peer.package, peer.extra, peer.version)))
    python = ENVIRONMENTS / folder / "bin" / "python"
    if not python.exists():
        subprocess.run([interpreter(), "-m", "venv", python.parents[1]], check=True)
    check = f"from importlib.metadata import version; assert version('{peer.package}') == '{peer.version}'"
    if subprocess.run([python, "-c", check], capture_output=True, check=False).returncode:
        pin = f"{peer.package}[{peer.extra}]=={peer.version}" if peer.extra else f"{peer.package}=={peer.version}"
        subprocess.run([python, "-m", "pip", "install", "--quiet", pin], check=True, timeout=INSTALL_S)
    return python
