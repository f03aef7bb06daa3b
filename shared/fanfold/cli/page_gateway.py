"""The page and the HTTP API of a desk on this machine, with its library of runs and the estimate of its cost."""

from pathlib import Path

from fanfold.cli import page_cost
from fanfold.cli.local_research import LibraryReader
from fanfold.cli.research_library import library_folder
from fanfold.local import http_gateway
from fanfold.local.session import LocalSession
from fanfold.page.files import PageSettings


def gateway_of(session: LocalSession, library: Path | None, *, control: bool) -> http_gateway.Gateway:
    """Return the gateway of a desk; ``library`` is the folder of runs that was named, None for the usual one."""
    return http_gateway.Gateway(
        http_gateway.functions(session),
        http_gateway.principals(control=control),
        PageSettings(control=control, cost=page_cost.estimate()),
        LibraryReader(library_folder(library)),
    )
