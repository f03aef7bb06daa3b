"""Print the shell completion of commands and options, or install it.

Example: fanfold completion --install
Example: fanfold completion --shell zsh > ~/.zfunc/_fanfold
"""

from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.completion.detect import ShellDetectionError, detect_shell

from fanfold.cli.app import NAME, build
from fanfold.cli.output import Answer
from fanfold.errors import BadInput


def command(
    *,
    shell: Annotated[
        Literal["bash", "zsh", "fish"] | None, Parameter(metavar="NAME", help="without it, the shell that runs this")
    ] = None,
    install: Annotated[bool, Parameter(help="write it where the shell looks, and load it at startup")] = False,
) -> Answer:
    """Return the script, or where it was installed."""
    try:
        name = shell or detect_shell()
    except ShellDetectionError as wrong:
        raise BadInput("the shell is not known; name it with --shell bash, zsh or fish") from wrong
    if install:
        path = build().install_completion(shell=name, add_to_startup=True)
        return Answer({"shell": name, "path": str(path)}, [f"{path}: written; start a new {name} to use it"])
    script = build().generate_completion(prog_name=NAME, shell=name)
    return Answer({"shell": name, "script": script}, [script.rstrip("\n")])
