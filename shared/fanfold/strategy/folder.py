"""The places of strategies: the shipped ones in the package, a desk's own in a folder that joins the package's path.

A file ``rsi_dip.py`` of the folder is the strategy ``rsi_dip``, ``my_desk/rsi_dip.py`` the strategy
``my_desk.rsi_dip``. What Python imports of the folder is forgotten when another folder takes its place.
"""

import re
import sys
from collections.abc import Iterator
from importlib import import_module, invalidate_caches
from pathlib import Path
from shlex import quote
from typing import Any

from fanfold.errors import BadInput

# Its files are loaded by their names: nothing that a desk does not name is.
PACKAGE = "fanfold.strategies"
DEFAULT = "strategies"
# A file without either is there to be imported by strategies.
_STRATEGY = re.compile(r"^(?:def step|class Params)\b", re.MULTILINE)


def chosen(folder: Path | str | None, beside: Path = Path()) -> Path | None:
    """Return the folder that is named, else ``strategies`` beside the desk where it exists."""
    if folder:
        return Path(folder)
    default = beside / DEFAULT
    return default if default.is_dir() else None


def of_file(file: str, folder: Path | None) -> tuple[str, Path | None]:
    """Return the name and folder of a strategy that is named by its file, such as strategies/mine.py.

    Another name is returned as it is. Raises BadInput for a file that is not there, or not in the named folder.
    """
    if not file.endswith(".py"):
        return file, folder
    path = Path(file)
    if not path.is_file():
        raise BadInput(f"there is no file {file}; `fanfold strategy new {path.stem}` writes one")
    if not path.stem.isidentifier() or path.stem.startswith("_"):
        raise BadInput(f"{file} cannot be a strategy: name the file with letters, digits and _, such as rsi_dip.py")
    root = folder or path.parent
    if root.resolve() not in path.resolve().parents:
        raise BadInput(f"{file} is not in {root}; leave --strategies out, or name its folder")
    return ".".join(path.resolve().relative_to(root.resolve()).with_suffix("").parts), root


def locate(file: str, folder: Path | None) -> str:
    """Return the name of a strategy that is named by itself or by its file, and find strategies in its folder."""
    name, own = of_file(file, folder)
    use(chosen(own))
    return name


def use(folder: Path | None) -> None:
    """Find strategies in a folder besides the shipped ones, in place of the folder before; None leaves the shipped.

    Raises BadInput for a folder that is not there, or one that has a file of a shipped strategy's name.
    """
    path = _path()
    for before in path[1:]:
        for name, _ in list(_modules(Path(before))):
            del sys.modules[name]
        sys.path.remove(before)
    del path[1:]
    if folder is None:
        return
    whole = folder.resolve()
    if not whole.is_dir():
        raise BadInput(f"there is no folder {folder} of strategies; name another with --strategies")
    for shipped in sorted(Path(path[0]).glob("[!_]*.py")):
        for own in (whole / shipped.name, whole / shipped.stem):
            if own.exists():
                raise BadInput(f"{own} has the name of a shipped strategy, {shipped}; give it another name")
    path.append(str(whole))
    # At the end of the path, so that a file of the folder hides no library.
    sys.path.append(str(whole))
    invalidate_caches()


def in_use() -> Path | None:
    """Return the folder of the desk's own strategies; None where there are the shipped ones alone."""
    return next(map(Path, _path()[1:]), None)


def as_named(name: str) -> str:
    """Return the arguments that name a strategy to a command: its name, and its folder where that is not the default.

    >>> as_named("sma_cross")
    'sma_cross'
    """
    own, here = in_use(), Path.cwd()
    if own is None or own == here / DEFAULT or not Path(own, *name.split(".")).with_suffix(".py").is_file():
        return name
    return f"{name} --strategies {quote(str(own.relative_to(here) if own.is_relative_to(here) else own))}"


def names() -> list[str]:
    """Return the names of all strategies, whether their files can be loaded or not."""
    shipped = [file.stem for file in Path(_path()[0]).glob("[!_]*.py")]
    folder = in_use()
    return sorted([*shipped, *(_names(folder) if folder else ())])


def exists(name: str) -> bool:
    """Return whether there is a file for a strategy's name."""
    parts = name.split(".")
    return all(map(str.isidentifier, parts)) and any(
        Path(folder, *parts).with_suffix(".py").is_file() for folder in _path()
    )


def loaded() -> list[Path]:
    """Return the files of the folder that were imported so far: strategies, and the neighbours that they import."""
    folder = in_use()
    return sorted({origin for _, origin in _modules(folder) if origin.is_file()}) if folder else []


def _path() -> Any:
    return import_module(PACKAGE).__path__


def _names(folder: Path) -> Iterator[str]:
    for file in folder.rglob("*.py"):
        parts = file.relative_to(folder).with_suffix("").parts
        if all(part.isidentifier() and not part.startswith("_") for part in parts) and _STRATEGY.search(
            file.read_text(errors="replace")
        ):
            yield ".".join(parts)


def _modules(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the imported modules that lie in a folder, each with its file, or its folder where it has no file."""
    # Thousands of modules are looked at, and as text a path takes a thirtieth of its time as a Path.
    inside = f"{folder}/"
    for name, module in list(sys.modules.items()):
        parts = getattr(module, "__dict__", {})
        origin = parts.get("__file__") or next(iter(parts.get("__path__") or ()), None)
        if isinstance(origin, str) and origin.startswith(inside):
            yield name, Path(origin)
