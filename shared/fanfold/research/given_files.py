"""Data files that a caller of research names."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from fanfold.errors import BadInput

Files = Sequence[str | Path] | str | Path


def files_of(data: Files) -> list[str]:
    """Return the names of one file, or of several. Raises BadInput for a table of bars, which is no file."""
    # The names of a frame's columns would be taken for files otherwise.
    if not isinstance(data, str | Path | Sequence | Iterator):
        raise BadInput(
            f"data is a {type(data).__name__}; it must name files: write the bars to one, such as "
            'bars.to_parquet("BTCUSDT-1m.parquet"), and name that'
        )
    named = [data] if isinstance(data, str | Path) else list(data)
    for file in named:
        if not isinstance(file, str | Path):
            raise BadInput(f"data has a {type(file).__name__}; it must have names of files")
    return [str(file) for file in named]
