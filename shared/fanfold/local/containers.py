"""Functions as processes in their own images, for the local Runtime API."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from fanfold.deployment import SERVICES
from fanfold.errors import BadInput
from fanfold.local import container_tool
from fanfold.local.runtime_api import handler_of

STATE = "/state"
# What the image says itself, and what belongs to the machine.
_OWN = {"PATH", "HOME", "LANG", "PYTHONPATH", "PYTHONUNBUFFERED", "STRATEGIES", "TZ"}


def check(state: Path) -> None:
    """Raise BadInput where functions cannot run in images: no tool, no image, or a ``state`` that they cannot read.

    The images run as user 65532, which owns no files here: it reads only what others may read.
    """
    missing = [service for service in SERVICES if not container_tool.exists(container_tool.image_name(service))]
    if missing:
        raise BadInput(f"the images of {', '.join(missing)} are not built: run `make images`")
    needed = stat.S_IROTH | stat.S_IXOTH
    if state.exists() and state.stat().st_mode & needed != needed:
        raise BadInput(f"the images' user cannot read {state}: `chmod o+rx {state}`, or name another with --state")
    mask = os.umask(0o077)
    os.umask(mask)
    if mask & needed:
        raise BadInput(f"with the umask {mask:04o} the images' user could not read the desk's files: `umask 022` first")


class Containers:
    """A container for each service, made on first use; functions read the folder ``state``, at STATE inside."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self._made: dict[str, str] = {}
        self._lock = Lock()

    def start(self, config: dict[str, Any], environment: Mapping[str, str]) -> tuple[list[str], Mapping[str, str]]:
        """Return the command line that starts a function in its image, and the tool's environment."""
        command = ["python3", "-m", "awslambdaric", handler_of(config)]
        variables = {key: self._inside(value) for key, value in environment.items() if key not in _OWN}
        words = container_tool.command_in(self.container(service_of(config)), command, variables, {self.state: STATE})
        return words, container_tool.environment()

    def container(self, service: str) -> str:
        with self._lock:
            if service not in self._made:
                self._made[service] = container_tool.container(service)
            return self._made[service]

    def remove(self) -> None:
        for made in self._made.values():
            container_tool.remove(made)

    def _inside(self, value: str) -> str:
        return value.replace(str(self.state), STATE)


def service_of(config: dict[str, Any]) -> str:
    """Return the service whose image a function runs, from its image's name."""
    image: str = config.get("Code", {}).get("ImageUri") or config.get("ImageUri", "")
    return image.partition("@")[0].rsplit("/fanfold-", 1)[-1]
