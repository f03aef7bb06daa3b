"""Serve the desk's page and its HTTP API on loopback, until Ctrl-C.

Example: fanfold serve --port 8080
"""

import signal
import sys
from contextlib import ExitStack
from typing import Annotated, NoReturn

from cyclopts import Parameter

from fanfold.cli.argument_types import Options, Shared, read_by, read_port
from fanfold.cli.exit_codes import DESK
from fanfold.cli.output import encode
from fanfold.cli.page_gateway import gateway_of
from fanfold.cli.research_library import LibraryFolder
from fanfold.errors import BadInput
from fanfold.local import http_gateway
from fanfold.local.driver import announce
from fanfold.local.session import connect

EXITS = DESK


def command(
    *,
    options: Shared,
    port: Annotated[
        int,
        Parameter(
            metavar="N", converter=read_by(read_port), help=f"where to listen on 127.0.0.1 ({http_gateway.PORT})"
        ),
    ] = http_gateway.PORT,
    control: Annotated[bool, Parameter(help="let callers halt and resume, in your name")] = False,
    library: LibraryFolder = None,
) -> NoReturn:
    """Answer requests until Ctrl-C; the desk that was started for it is stopped with it."""
    # However it ends, it stops the desk that it started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as stack:
        session = stack.enter_context(connect(options.state, options.command))
        if not session.running:
            stack.enter_context(announce(session.state, session.cloud))
        gateway = gateway_of(session, library, control=control)
        try:
            listening = http_gateway.server(gateway, port)
        except OSError as wrong:
            raise BadInput(f"port {port} is not free ({wrong.strerror}); name another with --port") from wrong
        with listening:
            _announce(options, f"http://{http_gateway.HOST}:{listening.server_port}", control=control)
            listening.serve_forever()
    raise KeyboardInterrupt


def _announce(options: Options, url: str, *, control: bool) -> None:
    may = "read, halt and resume" if control else "read; --control lets it halt and resume"
    document = {"url": url, "control": control, "state": str(options.state)}
    text = f"{url}/ (the page and the API; whoever is on this machine may {may}; Ctrl-C ends it)"
    sys.stdout.write((encode(document) if options.json else text) + "\n")
    sys.stdout.flush()
