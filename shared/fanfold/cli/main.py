"""``fanfold``: the command line."""

import errno
import os
import signal
import sys
from collections.abc import Sequence

from fanfold.aws.client.call import AwsFault, not_found
from fanfold.cli.app import ParsedCommand, parse
from fanfold.cli.exit_codes import Exit
from fanfold.cli.faults import EXPECTED
from fanfold.cli.output import Answer, show
from fanfold.errors import BadInput, NothingThere, NotReachable
from fanfold.local.error_output import print_error

STAGE = "stage "
# Lines of help that nobody reads in a terminal are not wrapped: `grep` finds whole ones.
PIPED_WIDTH = 1_000
_CODES: dict[type[Exception], Exit] = {BadInput: Exit.WRONG_INPUT, NothingThere: Exit.NOTHING_THERE}
_HINTS = {
    errno.ENOSPC: "; free some of the disk, or name another directory with --state",
    errno.EACCES: "; fix its permissions, or name another directory with --state",
    errno.EPERM: "; fix its permissions, or name another directory with --state",
    errno.EROFS: "; name another directory with --state",
    errno.ENOENT: "; name another directory with --state",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code, one of ``fanfold.cli.exit_codes``."""
    try:
        if argv is None and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return _run(sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except EXPECTED as wrong:
        print_error(_explained(wrong) if isinstance(wrong, AwsFault) else str(wrong))
        return _CODES.get(type(wrong), Exit.NOT_REACHABLE)
    except BrokenPipeError:
        # The reader has seen enough, as `head` does; nothing may be written at exit either.
        _discard_output()
        return Exit.OK
    except MemoryError:
        print_error("the memory is not enough for it; end other programs, or give it less data")
        return Exit.WRONG_INPUT
    except OSError as wrong:
        print_error(_describe_machine_fault(wrong))
        _discard_output()
        return Exit.NOT_REACHABLE if _is_network_fault(wrong) else Exit.WRONG_INPUT


def _run(words: Sequence[str]) -> int:
    called = parse(words)
    if called.options is None:
        return _print_help(called)
    try:
        result = called.run()
    except AwsFault as fault:
        if called.options.command.startswith(STAGE):
            # AWS may have refused because the stage is not deployed yet.
            raise NotReachable(str(fault)) from fault
        raise
    if not isinstance(result, Answer):
        return int(result)
    try:
        show(result, as_json=called.options.json, out=sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as wrong:
        _discard_output()
        raise BadInput(f"standard output cannot be written: {wrong.strerror}") from wrong
    return result.exit


def _print_help(called: ParsedCommand) -> int:
    console = called.arguments.arguments.get("console")
    if console is not None and not console.is_terminal:
        console.width = PIPED_WIDTH
    try:
        called.run()
        sys.stdout.flush()
    except SystemExit:
        # rich ends so when the reader of a pipe closes it.
        return Exit.OK
    return Exit.OK


def _discard_output() -> None:
    """Discard the output that is still to be written at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _is_network_fault(wrong: OSError) -> bool:
    from urllib.error import URLError  # noqa: PLC0415 - most commands end without it

    return isinstance(wrong, URLError | ConnectionError | TimeoutError)


def _describe_machine_fault(wrong: OSError) -> str:
    """Describe the fault of the machine, and what to do."""
    if _is_network_fault(wrong):
        return f"the desk does not answer any more: {wrong}"
    hint = _HINTS.get(wrong.errno or 0, "")
    return f"{wrong.filename or 'something could not be written'}: {wrong.strerror or wrong}{hint}"


def _explained(fault: AwsFault) -> str:
    if not_found(fault):
        return f"the desk is not deployed whole ({fault}); run `fanfold run` again, or for a stage `make deploy`"
    return f"the desk did not answer: {fault}"


if __name__ == "__main__":
    sys.exit(main())
