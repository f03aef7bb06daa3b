"""Find what a strategy imports and no image holds."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from fanfold.strategy import folder, loading

# Libraries of every image, besides Python's own.
_HELD = {"fanfold", "msgspec"}


def from_no_image(module: ModuleType) -> Iterator[str]:
    """Yield each library that a strategy's file, or one beside it that it imports, needs and no image holds."""
    waiting, seen = [Path(str(module.__file__))], set[Path]()
    while waiting:
        file = waiting.pop()
        seen.add(file)
        for name, line in _imports(file):
            beside = _beside(module, name)
            if beside:
                waiting += [beside] if beside not in seen else []
            elif name not in _HELD and name not in sys.stdlib_module_names:
                yield f"{file.name}:{line}: no image holds {name}, so a deployed desk cannot trade it; {loading.CURE}"


def _imports(file: Path) -> Iterator[tuple[str, int]]:
    """Yield the top-level name and the line of each import."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from ((each.name.partition(".")[0], node.lineno) for each in node.names)
        if isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module).partition(".")[0], node.lineno


def _beside(module: ModuleType, name: str) -> Path | None:
    """Return the file of a name in the folder of the desk's own strategies; the strategy's own for a mere folder."""
    root = folder.in_use()
    if root is None:
        return None
    files = (root / f"{name}.py", root / name / "__init__.py")
    own = Path(str(module.__file__)) if (root / name).is_dir() else None
    return next((file for file in files if file.is_file()), own)
