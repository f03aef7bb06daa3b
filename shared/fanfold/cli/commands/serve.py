"""``fanfold serve``: the HTTP API of a desk on loopback, until it is interrupted."""

import signal
import sys
from argparse import ArgumentParser, Namespace
from contextlib import ExitStack
from typing import NoReturn

from fanfold.cli.argument_types import port
from fanfold.cli.commands.command import Command
from fanfold.cli.output import encode
from fanfold.errors import BadInput
from fanfold.local import http_gateway
from fanfold.local.driver import announced
from fanfold.local.session import connect

PORT = 8080


def run(arguments: Namespace) -> NoReturn:
    """Answer requests until Ctrl-C; the desk that was started for it is stopped with it."""
    # Ended in any way, it stops the desk that it started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as stack:
        session = stack.enter_context(connect(arguments.state, "serve"))
        if not session.running:
            stack.enter_context(announced(session.state, session.cloud))
        gateway = http_gateway.Gateway(
            http_gateway.functions(session), http_gateway.principals(control=arguments.control)
        )
        try:
            listening = http_gateway.server(gateway, arguments.port)
        except OSError as wrong:
            raise BadInput(f"port {arguments.port} is not free ({wrong.strerror}); name another with --port") from wrong
        with listening:
            _tell(arguments, f"http://{http_gateway.HOST}:{listening.server_port}")
            listening.serve_forever()
    raise KeyboardInterrupt


def _tell(arguments: Namespace, url: str) -> None:
    may = "read, halt and resume" if arguments.control else "read; --control lets it halt and resume"
    told = {"url": url, "control": arguments.control, "state": str(arguments.state)}
    line = encode(told) if arguments.json else f"{url}/status (whoever is on this machine may {may}; Ctrl-C ends it)"
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--port", type=port, default=PORT, metavar="N", help=f"where to listen on 127.0.0.1 ({PORT})")
    parser.add_argument("--control", action="store_true", help="let callers halt and resume, in your name")


COMMANDS = (
    Command(
        ("serve",), "Answer the HTTP API on loopback, until Ctrl-C.", "fanfold serve --port 8080", run, _add_arguments
    ),
)
