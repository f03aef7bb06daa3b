"""The files that an assistant may name: those below the folders that the server was started with."""

from pathlib import Path
from typing import NamedTuple

from fanfold.errors import BadInput
from fanfold.importers import symbols


class Folders(NamedTuple):
    """Folders, resolved; a path counts as what its links lead to. What lies below ``closed`` is not to be read."""

    roots: tuple[Path, ...]
    closed: tuple[Path, ...] = ()

    @classmethod
    def of(cls, named: list[Path], closed: tuple[Path, ...] = ()) -> "Folders":
        """Return the folders. Raises BadInput for one that is not there."""
        for folder in named:
            if not folder.is_dir():
                raise BadInput(f"there is no folder {folder}; name another with --folder")
        return cls(tuple(folder.resolve() for folder in named), tuple(path.resolve() for path in closed))

    def path(self, named: str) -> Path:
        """Return the path of a file or folder. Raises BadInput for one that is outside, or is not there."""
        try:
            path = Path(named).resolve()
        except (OSError, ValueError, RuntimeError) as wrong:
            raise BadInput(f"{named!r} is no path: {wrong}") from wrong
        if not any(map(path.is_relative_to, self.roots)) or any(map(path.is_relative_to, self.closed)):
            below = ", ".join(map(str, self.roots)) or "none"
            raise BadInput(f"{named!r} is outside of the folders of this server ({below}); --folder names others")
        if not path.exists():
            raise BadInput(f"there is no {named!r}")
        return path

    def data(self, argument: str) -> str:
        """Return FILE or FILE=BASE/QUOTE with the file's whole path."""
        named, symbol = symbols.locate(argument)
        path = self.path(str(named))
        return f"{path}={symbol}" if symbol else str(path)
