"""Run in a build stage, for one part of an image: prune the base or the libraries, compile libraries or task.

Standard library alone; it is no part of any image.
"""

import compileall
import json
import re
import shutil
import sys
from csv import reader
from pathlib import Path
from py_compile import PycInvalidationMode

IMAGE = Path("/image")
BASE = Path("/base")
LIBRARIES = IMAGE / "opt" / "python"


def main(part: str) -> None:
    asked = json.loads(Path("contents.json").read_text())
    if part == "base":
        for pattern in asked["base_dropped"]:
            remove(BASE, pattern)
        return
    if part == "libraries":
        prune_libraries(asked)
    compiled(IMAGE)


def prune_libraries(asked: dict[str, list[str]]) -> None:
    for name in asked["distributions_dropped"]:
        remove_distribution(LIBRARIES, name)
    for pattern in asked["libraries_dropped"]:
        remove(LIBRARIES, pattern)
    link_duplicates(LIBRARIES)


def remove(root: Path, pattern: str) -> None:
    for found in list(root.glob(pattern)):
        if found.is_dir() and not found.is_symlink():
            shutil.rmtree(found)
        else:
            found.unlink()


def remove_distribution(libraries: Path, name: str) -> None:
    """Remove a distribution by its own list of files; one that isn't there is a mistake in the table."""
    shape = re.sub(r"[-_.]+", "_", name).lower()
    found = [path for path in libraries.glob("*.dist-info") if path.name.lower().startswith(f"{shape}-")]
    if len(found) != 1:
        sys.exit(f"no distribution {name} to drop")
    with (found[0] / "RECORD").open(newline="") as lines:
        files = [libraries / row[0] for row in reader(lines)]
    for file in files:
        file.unlink(missing_ok=True)
    remove(libraries, found[0].name)
    folders = {folder for file in files for folder in file.parents if libraries in folder.parents}
    for folder in sorted(folders, reverse=True):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def link_duplicates(libraries: Path) -> None:
    """Wheels hold no links, so that a shared library lies there once under each of its names."""
    seen: dict[tuple[Path, bytes], Path] = {}
    for path in sorted(libraries.rglob("*.so*"), key=lambda path: len(path.name), reverse=True):
        key = (path.parent, path.read_bytes())
        first = seen.setdefault(key, path)
        if first is not path:
            path.unlink()
            path.symlink_to(first.name)


def compiled(image: Path) -> None:
    """Byte code that is taken as it is: nothing compares it with its source when a function starts."""
    mode = PycInvalidationMode.UNCHECKED_HASH
    # The paths in tracebacks are the image's.
    paths = {"stripdir": str(image), "prependdir": "/"}
    if not compileall.compile_dir(image, quiet=1, force=True, workers=0, invalidation_mode=mode, **paths):
        sys.exit("byte code could not be compiled")


if __name__ == "__main__":
    main(sys.argv[1])
