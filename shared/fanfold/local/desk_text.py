"""Read a desk file as text."""

from pathlib import Path

from fanfold.errors import BadInput


def read_desk(path: Path) -> str:
    """Return the text of a desk file. Raises BadInput where it cannot be read."""
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise BadInput(f"the desk file {path} is no UTF-8 (UTF-16?); save it as UTF-8") from wrong
    except OSError as wrong:
        raise BadInput(f"the desk file {path} cannot be read ({wrong}); name another, or write one") from wrong
