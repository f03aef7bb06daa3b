"""Runs many command lines of ``fanfold``, each in a fork of one process that has loaded it: a row takes milliseconds.

Standard input has a list of argument lists; standard output gets a list of [exit code, output, errors].
"""

import contextlib
import io
import json
import os
import sys
import tempfile
from importlib import import_module

from fanfold.cli import app, entry
from fanfold.cli.main import main


def ran(words: list[str]) -> list[object]:
    """Run a command line as the console script does, and return what it left."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            sys.argv = ["fanfold", *words]
            try:
                code = entry.main()
            except SystemExit as end:
                code = int(end.code or 0)
            sys.stdout.flush()
            os._exit(code or 0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        texts = [(stream.seek(0), stream.read().decode())[1] for stream in (out, err)]
    return [code, *texts]


def load() -> None:
    """Load before the forks what any of them would load: every command, and what prints help."""
    for file in app.command_files():
        import_module(file.module)
    with contextlib.redirect_stdout(io.StringIO()):
        main(["--help"])


if __name__ == "__main__":
    load()
    json.dump([ran(words) for words in json.load(sys.stdin)], sys.stdout)
