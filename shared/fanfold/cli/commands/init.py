"""Write a desk file with comments, and a folder of strategies with one in it.

Example: fanfold init
Example: fanfold init my_desk
"""

from pathlib import Path
from shlex import quote
from typing import Annotated

from cyclopts import Parameter

from fanfold.cli.output import Answer
from fanfold.cli.strategy_template import DESK, example
from fanfold.errors import BadInput

Directory = Annotated[Path, Parameter(metavar="DIR", help="where to write (the working directory)")]
EXAMPLE_FILE = Path("strategies/my_dip.py")


def command(directory: Directory = Path(), /) -> Answer:
    """Write desk.toml and strategies/my_dip.py; refuse to overwrite either."""
    files = {directory / "desk.toml": DESK, directory / EXAMPLE_FILE: example()}
    for file in files:
        if file.exists():
            raise BadInput(f"{file} exists already, and nothing was written; name another directory")
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    go = "" if directory == Path() else f"cd {quote(str(directory))} && "
    lines = [*(f"{file} is written" for file in files), f"next: {go}fanfold desk check, then fanfold run"]
    return Answer({"files": [str(file) for file in files]}, lines)
