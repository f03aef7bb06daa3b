"""Save the page with the data of the desk as one file, which needs no server.

Example: fanfold page --save desk.html
"""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fanfold.cli.argument_types import Shared
from fanfold.cli.exit_codes import DESK
from fanfold.cli.output import Answer
from fanfold.cli.page_gateway import gateway_of
from fanfold.cli.page_saving import saved_page
from fanfold.cli.research_library import LibraryFolder
from fanfold.cli.whole_files import replacing
from fanfold.errors import BadInput
from fanfold.local.driver import announce
from fanfold.local.session import connect

EXITS = DESK


def command(
    *,
    options: Shared,
    save: Annotated[Path, Parameter(metavar="FILE", help="where to write the page, such as desk.html")],
    library: LibraryFolder = None,
) -> Answer:
    """Write the page; it shows the desk as it is now, asks nobody for anything, and cannot halt."""
    with ExitStack() as stack:
        session = stack.enter_context(connect(options.state, options.command))
        if not session.running:
            stack.enter_context(announce(session.state, session.cloud))
        page = saved_page(gateway_of(session, library, control=False))
    try:
        with replacing(save) as file:
            file.write(page.text.encode())
    except OSError as wrong:
        raise BadInput(f"{save} cannot be written: {wrong.strerror}; name another with --save") from wrong
    size = len(page.text.encode())
    document = {"page": str(save), "clock": page.clock, "bytes": size, "reads": page.reads}
    return Answer(document, [f"{save}: {size:,} bytes, the desk as of {page.clock}; it opens in any browser, offline"])
