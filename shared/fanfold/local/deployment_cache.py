"""Store the embedded AWS as a deploy left it, so that a run starts from it as long as the stacks stay the same.

The Serverless tool keeps two cores busy for seconds with six stacks, and would send the same templates again.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from fanfold.local.launcher import UNSAVED, Cloud, repository_root
from fanfold.local.packaging import fingerprint

FOLDER = Path("build") / "embedded-aws"
LOCK = "lock"
STORED_MAX = 4
# Variables that the stacks read, and one that makes the emulator look at keys.
SETTINGS = ("FANFOLD_", "AUTH")


def copy_to(state: Path) -> bool:
    """Copy the deployed AWS into a state directory that has none; return False where these stacks were not deployed."""
    with _locked(fcntl.LOCK_SH) as folder:
        stored = folder / _name()
        if stored.exists():
            shutil.copytree(stored, state / "aws")
        return stored.exists()


def store(cloud: Cloud, state: Path) -> None:
    """Store the AWS of a state directory, right after a deploy to it."""
    cloud.control("save")
    with _locked(fcntl.LOCK_EX) as folder, TemporaryDirectory(dir=folder) as fresh:
        stored = folder / _name()
        if stored.exists():
            return
        shutil.copytree(state / "aws", Path(fresh) / "aws", ignore=shutil.ignore_patterns(UNSAVED.name))
        # Whole or not at all, whenever this process is killed.
        (Path(fresh) / "aws").replace(stored)
        _remove_the_oldest(folder)


def _remove_the_oldest(folder: Path) -> None:
    stored = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("tmp")]
    for path in sorted(stored, key=lambda path: path.stat().st_ctime, reverse=True)[STORED_MAX:]:
        shutil.rmtree(path)


def _name() -> str:
    settings = sorted((name, value) for name, value in os.environ.items() if name.startswith(SETTINGS))
    return fingerprint(str(repository_root()), version("ministack"), settings)[:16]


@contextmanager
def _locked(how: int) -> Iterator[Path]:
    folder = repository_root() / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        fcntl.flock(lock, how)
        yield folder
