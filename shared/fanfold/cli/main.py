"""``fanfold``: the command line."""

import argparse
import errno
import os
import signal
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn
from urllib.error import URLError

from fanfold import __version__
from fanfold.aws.client.call import AwsFault, not_found
from fanfold.cli.commands.command import Command, RunCommand
from fanfold.cli.commands.registry import COMMANDS
from fanfold.cli.exit_codes import Exit
from fanfold.cli.output import show
from fanfold.errors import BadInput, NothingThere, NotReachable, VenueUnavailable
from fanfold.local.complaint import complain
from fanfold.local.deploys import DeployFailed
from fanfold.local.driver import NotQuiet

RUN = "run"
RUN_ABOUT = "Trade on the embedded AWS, from nothing to a summary."
ABOUT = "A crypto trading desk on AWS serverless; here, on an embedded AWS."
_CODES: dict[type[Exception], Exit] = {BadInput: Exit.WRONG_INPUT, NothingThere: Exit.NOTHING_THERE}
_HINTS = {
    errno.ENOSPC: "; free some of the disk, or name another directory with --state",
    errno.EACCES: "; mend its rights, or name another directory with --state",
    errno.EPERM: "; mend its rights, or name another directory with --state",
    errno.EROFS: "; name another directory with --state",
    errno.ENOENT: "; name another directory with --state",
}
GROUPS = {"audit": "The audit chain.", "dead-letters": "Messages that could not be handled.", "desk": "The desk file."}
STATE_DIRECTORY = ".fanfold"


class CommandParser(ArgumentParser):
    """Says what is wrong as any other wrong input is said, with where the help is."""

    def error(self, message: str) -> NoReturn:
        raise BadInput(f"{message}; see `{self.prog} --help`")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit code of ``fanfold.cli.exit_codes``. Only --help and --version leave by SystemExit."""
    given = list(sys.argv[1:] if argv is None else argv)
    try:
        if argv is None and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        arguments = parser(os.environ, with_run=RUN in given).parse_args(given)
        return _obey(arguments)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except (BadInput, NothingThere, NotReachable, DeployFailed, NotQuiet, VenueUnavailable, AwsFault) as wrong:
        complain(_explained(wrong) if isinstance(wrong, AwsFault) else str(wrong))
        return _CODES.get(type(wrong), Exit.NOT_REACHABLE)
    except BrokenPipeError:
        # Who read us has seen enough, as `head` does; nothing may be written at exit either.
        _silence()
        return Exit.OK
    except OSError as wrong:
        complain(_of_the_machine(wrong))
        _silence()
        return Exit.NOT_REACHABLE if isinstance(wrong, URLError | ConnectionError | TimeoutError) else Exit.WRONG_INPUT


def parser(environ: Mapping[str, str], *, with_run: bool) -> ArgumentParser:
    """The whole command line. ``run`` brings its own arguments, and much to load: only ``with_run``."""
    root = CommandParser(prog="fanfold", description=ABOUT, parents=[_shared()], allow_abbrev=False)
    root.add_argument("--version", action="version", version=f"fanfold {__version__}")
    root.set_defaults(state=Path(environ.get("FANFOLD_STATE") or STATE_DIRECTORY), json=False)
    commands = root.add_subparsers(metavar="COMMAND", required=True, title="commands")
    # Not the root's: a default that is set on one parser is set on all that share its options.
    shared = _shared()
    _add_run(commands, shared, with_run=with_run)
    groups: dict[str, Any] = {}
    for command in COMMANDS:
        *group, name = command.words
        where = _group(commands, groups, group[0]) if group else commands
        _add(where, command, name, shared)
    return root


def run_command() -> RunCommand:
    """``fanfold.cli.commands.run``, loaded when it is wanted."""
    module: Any = import_module("fanfold.cli.commands.run")
    found: RunCommand = module
    return found


def _shared() -> ArgumentParser:
    """The options that stand before or after a command; without a default, or the later would undo the earlier."""
    shared = ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    shared.add_argument("--state", type=Path, metavar="DIR", help="the desk's state (FANFOLD_STATE, else .fanfold)")
    shared.add_argument("--json", action="store_true", help="answer with JSON on standard output")
    return shared


def _add_run(commands: Any, shared: ArgumentParser, *, with_run: bool) -> None:
    added = commands.add_parser(RUN, help=RUN_ABOUT, parents=[shared], allow_abbrev=False)
    if with_run:
        command = run_command()
        command.add_arguments(added)
        added.set_defaults(start=command.main)


def _group(commands: Any, groups: dict[str, Any], name: str) -> Any:
    if name not in groups:
        added = commands.add_parser(name, help=GROUPS[name], description=GROUPS[name], allow_abbrev=False)
        groups[name] = added.add_subparsers(metavar="COMMAND", required=True, title="commands")
    return groups[name]


def _add(where: Any, command: Command, name: str, shared: ArgumentParser) -> None:
    added = where.add_parser(
        name,
        help=command.about,
        description=command.about,
        epilog=f"example: {command.example}",
        parents=[shared],
        allow_abbrev=False,
    )
    if command.staged:
        about = "a deployed stage in place of the local desk, in the account that the AWS variables name"
        added.add_argument("--stage", default="", metavar="NAME", help=about)
    command.add_arguments(added)
    added.set_defaults(start=_start(command), words=" ".join(command.words))


def _start(command: Command) -> Any:
    def start(arguments: Namespace) -> int:
        answer = command.run(arguments)
        try:
            show(answer, as_json=arguments.json, out=sys.stdout)
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as wrong:
            _silence()
            raise BadInput(f"standard output cannot be written: {wrong.strerror}") from wrong
        return answer.exit

    return start


def _obey(arguments: Namespace) -> int:
    _texts(arguments)
    code: int = arguments.start(arguments)
    return code


def _silence() -> None:
    """Let what is still to be written at exit go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _of_the_machine(wrong: OSError) -> str:
    """What the machine refused, and what to do."""
    if isinstance(wrong, URLError | ConnectionError | TimeoutError):
        return f"the desk does not answer any more: {wrong}"
    hint = _HINTS.get(wrong.errno or 0, "")
    return f"{wrong.filename or 'something could not be written'}: {wrong.strerror or wrong}{hint}"


def _texts(arguments: Namespace) -> None:
    """Refuse words that are no text; paths may be of any bytes."""
    for name, value in vars(arguments).items():
        if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise BadInput(f"{name} is not UTF-8: {os.fsencode(value)!r}")


def _explained(fault: AwsFault) -> str:
    if not_found(fault):
        return f"the desk is not deployed whole ({fault}); run `fanfold run` again, or for a stage `make deploy`"
    return f"the desk did not answer: {fault}"


if __name__ == "__main__":
    sys.exit(main())
