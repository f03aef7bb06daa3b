"""Store the embedded AWS as a deploy left it, so that a run starts from it as long as the stacks stay the same.

The Serverless tool keeps two cores busy for seconds with six stacks, and would send the same templates again.
"""

import fcntl
import hashlib
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
# What make and commands read, and no stack does.
NOT_OF_STACKS = {"FANFOLD_DESK", "FANFOLD_IMAGE_TESTS", "FANFOLD_LIBRARY", "FANFOLD_STATE", "FANFOLD_STRATEGIES"}


def copy_to(state: Path) -> bool:
    """Copy the deployed AWS into a state directory that has none; return False where these stacks were not deployed.

    What was damaged since it was stored is removed, and counts as not deployed.
    """
    with _locked() as folder:
        for stored in folder.glob(f"{_name()}-*"):
            if stored.name.endswith(_digest(stored)):
                shutil.copytree(stored, state / "aws")
                return True
            shutil.rmtree(stored)
        return False


def store(cloud: Cloud, state: Path) -> None:
    """Store the AWS of a state directory, right after a deploy to it."""
    cloud.control("save")
    with _locked() as folder:
        # Of a process that was killed while it held the lock.
        for stale in folder.glob("tmp*"):
            shutil.rmtree(stale)
        with TemporaryDirectory(dir=folder) as fresh:
            _store(state, Path(fresh) / "aws", folder)
            _remove_the_oldest(folder)


def _store(state: Path, copy: Path, folder: Path) -> None:
    shutil.copytree(state / "aws", copy, ignore=shutil.ignore_patterns(UNSAVED.name))
    stored = folder / f"{_name()}-{_digest(copy)}"
    # Whole or not at all, whenever this process is killed.
    if not stored.exists():
        copy.replace(stored)


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _remove_the_oldest(folder: Path) -> None:
    stored = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("tmp")]
    for path in sorted(stored, key=lambda path: path.stat().st_ctime, reverse=True)[STORED_MAX:]:
        shutil.rmtree(path)


def _name() -> str:
    names = {name for name in os.environ if name.startswith(SETTINGS)} - NOT_OF_STACKS
    settings = [(name, os.environ[name]) for name in sorted(names)]
    return fingerprint(str(repository_root()), version("ministack"), settings)[:16]


@contextmanager
def _locked() -> Iterator[Path]:
    folder = repository_root() / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
