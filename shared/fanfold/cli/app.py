"""The command line, built from the files in `commands/`: one file a command, with its name, loaded when it is called.

The first line of a file's docstring is in the list of commands; its lines `Example: ...` end the command's help.
"""

import os
import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from functools import cache
from inspect import BoundArguments
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from cyclopts import (
    App,
    Argument,
    CycloptsError,
    MissingArgumentError,
    Parameter,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
)

from fanfold import __version__
from fanfold.cli import commands
from fanfold.cli.argument_types import Options
from fanfold.errors import BadInput

NAME = "fanfold"
ABOUT = "A crypto trading desk on AWS serverless; here, on an embedded AWS."
STATE_DIRECTORY = ".fanfold"
EXAMPLE = "Example: "
HELP = frozenset({"--help", "-h"})
SHARED_OPTIONS = ("--state", "--json", "--help")
_FOLDER = Path(commands.__file__).parent


class CommandFile(NamedTuple):
    """A file in `commands/`: a command, or the ``__init__.py`` of a group."""

    words: tuple[str, ...]
    module: str
    about: str
    examples: tuple[str, ...]


class ParsedCommand(NamedTuple):
    """A command that was called, with its arguments. Help and version are calls too, without options."""

    function: Callable[..., Any]
    arguments: BoundArguments
    options: Options | None

    def run(self) -> Any:
        return self.function(*self.arguments.args, **self.arguments.kwargs)


@cache
def command_files() -> tuple[CommandFile, ...]:
    """Return every command in alphabetical order, each group before its commands."""
    return tuple(sorted(map(_command_file, _FOLDER.rglob("*.py"))))[1:]


def _command_file(path: Path) -> CommandFile:
    # Read, not imported: what one command needs is no reason for another to wait.
    lines = path.read_text().split('"""')[1].strip().splitlines()
    parts = path.relative_to(_FOLDER).with_suffix("").parts
    if parts[-1] == "__init__":
        parts = parts[:-1]
    return CommandFile(
        words=tuple(part.replace("_", "-") for part in parts),
        module=".".join((commands.__name__, *parts)),
        about="\n".join(line for line in lines if not line.startswith(EXAMPLE)).strip(),
        examples=tuple(line.removeprefix(EXAMPLE) for line in lines if line.startswith(EXAMPLE)),
    )


def build(*, plain_help: bool = False) -> App:
    """Return the command line. Its meta app has the options of all commands, which may stand anywhere."""
    root = App(
        name=NAME,
        help=ABOUT,
        version=f"{NAME} {__version__}",
        help_format="plaintext",
        help_formatter="plain" if plain_help else None,
        default_parameter=Parameter(negative=(), show_default=False, allow_repeating=True),
        result_action="return_value",
    )
    root.meta.default(shared_options)
    groups: dict[tuple[str, ...], App] = {(): root}
    for file in command_files():
        *parents, name = file.words
        if file.examples:
            epilogue = "\n".join(EXAMPLE + example for example in file.examples)
            groups[tuple(parents)].command(f"{file.module}:command", name=name, help=file.about, help_epilogue=epilogue)
        else:
            groups[file.words] = App(name=name, help=file.about)
            groups[tuple(parents)].command(groups[file.words])
    return root


def arguments_of(file: CommandFile) -> list[Argument]:
    """Return the arguments of a command, as its help shows them."""
    _, apps, _ = build().parse_commands(list(file.words))
    with apps[-1].app_stack(apps):
        return [argument for argument in apps[-1].assemble_argument_collection() if argument.show]


def shared_options(
    *words: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    state: Annotated[
        Path | None, Parameter(metavar="DIR", help="the desk's state (FANFOLD_STATE, else .fanfold)")
    ] = None,
    json: Annotated[bool, Parameter(help="answer with JSON on standard output")] = False,
) -> tuple[list[str], Path, bool]:
    """Return the words that are not of all commands, the state directory, and whether to answer with JSON."""
    return list(words), state or Path(os.environ.get("FANFOLD_STATE") or STATE_DIRECTORY), json


def parse(words: Sequence[str]) -> ParsedCommand:
    """Return the command of a command line. Raises BadInput, which names what is wrong with it."""
    # What prints help takes a while to load.
    root = build(plain_help=not sys.stdout.isatty() and not HELP.isdisjoint(words))
    try:
        return _parse(root, _shared_first(words))
    except UnknownCommandError as wrong:
        raise _unknown_command(wrong.command_chain or (), (wrong.unused_tokens or [""])[0]) from wrong
    except CycloptsError as wrong:
        wrong.verbose = False
        raise BadInput(f"{_explained(wrong)}; {_see(wrong.command_chain or ())}") from wrong


def _shared_first(words: Sequence[str]) -> list[str]:
    """Return the words with the options of all commands first.

    A command whose argument may begin with a hyphen, as SQL may with a comment, would take them for it.
    """
    end = list(words).index("--") if "--" in words else len(words)
    first, rest, n = list[str](), list[str](), 0
    while n < end:
        word, following = words[n], words[n + 1 : min(n + 2, end)]
        if word == "--state" and following and not following[0].startswith("-"):
            first += [word, *following]
            n += 1
        elif word == "--json" or word.startswith("--state="):
            first.append(word)
        else:
            rest.append(word)
        n += 1
    return [*first, *rest, *words[end:]]


def _parse(root: App, words: list[str]) -> ParsedCommand:
    function, arguments, _ = root.meta.parse_args(words, exit_on_error=False, print_error=False)
    if function is not shared_options:
        _check_asked_for_help(root, [word for word in words if word not in HELP])
        return ParsedCommand(function, arguments, None)
    rest, state, json = shared_options(*arguments.args, **arguments.kwargs)
    chain, apps, unread = root.parse_commands(rest)
    if apps[-1].default_command is None:
        raise _unknown_command(chain, unread[0]) if unread else BadInput(f"name a command; {_see(chain)}")
    function, arguments, injected = root.parse_args(rest, exit_on_error=False, print_error=False)
    options = Options(state, json, " ".join(chain))
    if "options" in injected:
        arguments.arguments["options"] = options
    _check_utf8(arguments.arguments)
    return ParsedCommand(function, arguments, options)


def _check_asked_for_help(root: App, words: list[str]) -> None:
    """Raise BadInput where there is no command of which help was asked."""
    chain, apps, unread = root.meta.parse_commands(words)
    is_group = not chain or apps[-1].default_command is None
    if is_group and unread and not unread[0].startswith("-"):
        raise _unknown_command(chain, unread[0])


def _unknown_command(chain: Sequence[str], word: str) -> BadInput:
    if word.startswith("--"):
        return BadInput(f"unknown option {word}; {_see(chain)}")
    names = {
        file.words[len(chain)] for file in command_files() if file.words[: len(chain)] == tuple(chain) != file.words
    }
    (close,) = get_close_matches(word, names, 1) or [""]
    hint = f", did you mean {close!r}?" if close else ";"
    return BadInput(f"unknown command {' '.join([*chain, word])!r}{hint} {_see(chain)}")


def _explained(wrong: CycloptsError) -> str:
    match wrong:
        case UnusedCliTokensError():
            return f"unexpected argument {(wrong.unused_tokens or [''])[0]!r}"
        case UnknownOptionError():
            return _unknown_option(wrong)
        case MissingArgumentError() if wrong.argument is not None:
            return _missing(wrong.argument.name, wrong)
        case _:
            text = str(wrong).removesuffix(".")
            return text[:1].lower() + text[1:]


def _unknown_option(wrong: UnknownOptionError) -> str:
    word = (wrong.token.keyword or wrong.token.value).partition("=")[0]
    names = [name for argument in wrong.argument_collection if argument.parse for name in argument.names]
    (close,) = get_close_matches(word, [*names, *SHARED_OPTIONS], 1) or [""]
    return f"unknown option {word}" + (f", did you mean {close}?" if close else "")


def _missing(name: str, wrong: MissingArgumentError) -> str:
    if wrong.keyword or any(word == name for word in wrong.root_input_tokens or ()):
        return f"{name} needs a value"
    (close,) = get_close_matches(name, wrong.unused_tokens or (), 1) or [""]
    return f"{name} is missing" + (f", did you mean it by {close}?" if close else "")


def _see(chain: Sequence[str]) -> str:
    return f"see `{' '.join([NAME, *chain])} --help`"


def _check_utf8(arguments: dict[str, Any]) -> None:
    """Raise BadInput for a text that is not UTF-8; paths may have any bytes."""
    for name, value in arguments.items():
        if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise BadInput(f"{name} is not UTF-8: {os.fsencode(value)!r}")
