"""Write a new strategy of your own, a short one that trades.

Example: fanfold strategy new my_dip
"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fanfold.cli.argument_types import Strategies
from fanfold.cli.output import Answer
from fanfold.cli.strategy_template import example
from fanfold.errors import BadInput
from fanfold.strategy import folder

Name = Annotated[str, Parameter(help="its name, which is its file's")]


def command(name: Name, /, *, strategies: Strategies = None) -> Answer:
    """Write strategies/NAME.py; refuse a name that is none or taken."""
    bare = name.removesuffix(".py")
    if not bare.isidentifier() or bare.startswith("_"):
        raise BadInput(f"{name!r} is no name for a strategy: use letters, digits and _, and begin with a letter")
    folder.use(None)
    if folder.exists(bare):
        raise BadInput(f"{bare} is the name of a shipped strategy; give yours another one")
    own = strategies or Path(folder.DEFAULT)
    file = own / f"{bare}.py"
    if file.exists():
        raise BadInput(f"{file} exists already; give the new one another name")
    own.mkdir(parents=True, exist_ok=True)
    file.write_text(example())
    lines = [
        f"{file} is written; it trades as it is. Next:",
        f"  fanfold strategy check {file}",
        f"  fanfold run --strategy {file}",
    ]
    return Answer({"file": str(file), "name": bare}, lines)
