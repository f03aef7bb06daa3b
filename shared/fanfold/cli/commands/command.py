"""The commands, one file a group. Each gives an Answer, or raises what ``fanfold.cli.main`` tells."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from fanfold.cli.exit_codes import Exit
from fanfold.cli.output import Answer


class Command(NamedTuple):
    """A command: ``words`` such as ("audit", "verify"), and the exits it has besides OK and the general ones."""

    words: tuple[str, ...]
    about: str
    example: str
    run: Callable[[Namespace], Answer]
    add_arguments: Callable[[ArgumentParser], None] = lambda _parser: None
    exits: tuple[Exit, ...] = (Exit.NOTHING_THERE, Exit.NOT_REACHABLE)
    # Whether it may be about a deployed stage as well as about the local desk.
    staged: bool = False


class RunCommand(Protocol):
    """What ``fanfold.cli.commands.run`` is to the command line: it prints for itself while it goes."""

    @staticmethod
    def add_arguments(parser: ArgumentParser) -> None: ...

    @staticmethod
    def main(arguments: Namespace) -> int: ...


def add_account(parser: ArgumentParser) -> None:
    """The option that narrows an answer to one account."""
    parser.add_argument("--account", metavar="NAME", help="one account of the desk; without it, all")


def add_strategies(parser: ArgumentParser) -> None:
    """Add the option that names the folder of a desk's own strategies."""
    about = "the folder of your own strategies (./strategies, where it exists)"
    parser.add_argument("--strategies", type=Path, metavar="DIR", help=about)
