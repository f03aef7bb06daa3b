"""Start the ``fanfold`` script: in UTF-8 from its first moment on, and without tracebacks."""

import os
import signal
import sys

from fanfold.cli.exit_codes import Exit


def main() -> int:
    """Run the command of ``sys.argv``."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        # Nothing is started yet; loading takes a third of a second.
        signal.signal(signal.SIGINT, lambda *_: os._exit(Exit.INTERRUPTED))
    _restart_in_utf8()
    _open_streams()
    from fanfold.cli.main import main as obey  # noqa: PLC0415 - it loads much

    return obey()


def _restart_in_utf8() -> None:
    """Start again in UTF-8 where the locale has another encoding, in which names and reasons could not be read."""
    if sys.getfilesystemencoding().lower() != "utf-8":
        words = [sys.executable, *sys.orig_argv[1:]]
        os.execve(sys.executable, words, os.environ | {"PYTHONUTF8": "1"})  # noqa: S606 - this program


def _open_streams() -> None:
    """Replace a stream that was closed before the start by one that discards its output."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - for as long as the program runs
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123 - as above


if __name__ == "__main__":
    sys.exit(main())
