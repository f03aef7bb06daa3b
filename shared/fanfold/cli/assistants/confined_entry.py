"""Run one `fanfold` command within limits: the start of the process in which code of an assistant's strategy runs.

The limits are set before anything of a strategy is loaded. They stop a runaway or careless strategy, and plain attempts
to reach beyond its folder. Machine code that a strategy gets to run in this process, and Python that replaces functions
of this one, is beyond what they see: see docs/assistants.md.
"""

import os
import resource
import shutil
import sys
from pathlib import Path
from typing import Any

import msgspec

# Events of Python's audit hooks that start a process, speak to a network, or load machine code of a file.
FORBIDDEN = frozenset(
    {
        "os.exec", "os.fork", "os.forkpty", "os.kill", "os.killpg", "os.posix_spawn", "os.spawn", "os.system",
        "socket.bind", "socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto",
        "pty.spawn", "subprocess.Popen", "ctypes.dlopen/path", "sys.setprofile",
    }
)  # fmt: skip
# Events that change a file or folder, with how many paths they name.
CHANGES = {
    "os.chmod": 1, "os.chown": 1, "os.link": 2, "os.mkdir": 1, "os.remove": 1, "os.rename": 2, "os.rmdir": 1,
    "os.symlink": 2, "os.truncate": 1, "os.utime": 1, "shutil.copytree": 2, "shutil.move": 2, "shutil.rmtree": 1,
}  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Confinement(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of a process: folders to read, to write and to leave closed, and what it may use."""

    read: list[str]
    write: list[str]
    closed: list[str]
    cpu_s: int
    memory_bytes: int
    file_bytes: int


class Guard:
    """An audit hook that refuses files outside of folders, networks, and other processes."""

    def __init__(self, confinement: Confinement) -> None:
        own = f"/proc/{os.getpid()}"
        self._write = tuple(map(os.path.realpath, confinement.write))
        self._closed = tuple(map(os.path.realpath, confinement.closed))
        self._read = (*map(os.path.realpath, confinement.read), *self._write, own, os.devnull, "/proc/cpuinfo", "/sys")

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in FORBIDDEN:
            raise PermissionError(f"a strategy of an assistant may not use {event}")
        if event == "open":
            self._check_open(*arguments)
        elif event in CHANGES:
            for path in arguments[: CHANGES[event]]:
                self._check(path, self._write, "change")

    def _check_open(self, path: Any, mode: str | None, flags: int) -> None:
        writes = bool(flags & _WRITING) or bool(set(mode or "") & set("wax+"))
        if isinstance(path, int) or os.fsdecode(path) == os.devnull:
            return
        self._check(path, self._write if writes else self._read, "write" if writes else "read")
        # What is opened by a folder's descriptor is named from there, which no event says.
        if Path(os.fsdecode(path)).is_dir():
            raise PermissionError(f"a strategy of an assistant may not open the folder {os.fsdecode(path)}")

    def _check(self, path: Any, allowed: tuple[str, ...], doing: str) -> None:
        real = os.path.realpath(os.fsdecode(path))
        if _is_below(real, self._closed) or not _is_below(real, allowed):
            raise PermissionError(f"a strategy of an assistant may not {doing} {real}")


def _is_below(path: str, roots: tuple[str, ...]) -> bool:
    return any(path == root or path.startswith(f"{root}/") for root in roots)


def main() -> int:
    """Run the command line that follows the limits on this process's own."""
    confinement = msgspec.json.decode(sys.argv[1], type=Confinement)
    confine(confinement)
    from fanfold.cli.main import main as obey  # noqa: PLC0415 - after the limits

    return obey(sys.argv[2:])


def confine(confinement: Confinement) -> None:
    """Set the limits on this process for good."""
    for kind, most in (
        (resource.RLIMIT_CPU, confinement.cpu_s),
        (resource.RLIMIT_AS, confinement.memory_bytes),
        (resource.RLIMIT_FSIZE, confinement.file_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))
    # Removing a tree then goes by paths, for folders cannot be opened.
    shutil._use_fd_functions = False  # type: ignore[attr-defined]  # noqa: SLF001
    sys.addaudithook(Guard(confinement))


if __name__ == "__main__":
    sys.exit(main())
