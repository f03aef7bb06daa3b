"""Watch the desk on a live screen: equity, limits, positions, orders, news.

It needs the extra `watch`. Orders of unknown outcome are always in sight. h halts, after a reason; q ends.

Example: fanfold watch
Example: fanfold watch --stage live --every 30
"""

import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Annotated

import msgspec
from cyclopts import Parameter

from fanfold.cli.argument_types import Count, Shared, StageName
from fanfold.cli.commands import halt
from fanfold.cli.exit_codes import DESK, Exit
from fanfold.cli.output import Answer, plain
from fanfold.cli.watching.desk_snapshot import DeskReader
from fanfold.errors import BadInput
from fanfold.messages import TradingState

EXITS = DESK
INSTALL = "in the checkout, `pip install -e '.[watch]'`; `make install` brings it too"
LOCAL_S, STAGE_S = 2, 15


def command(
    *,
    options: Shared,
    stage: StageName = "",
    every: Annotated[
        Count | None, Parameter(metavar="SECONDS", help=f"how often it reads ({LOCAL_S}, of a stage {STAGE_S})")
    ] = None,
    read_only: Annotated[bool, Parameter(help="take no halt from the screen")] = False,
) -> Answer | int:
    """Draw the desk until q; with --json answer with one snapshot of it."""
    reader = DeskReader(options, stage, history=not options.json)
    if options.json:
        return Answer(msgspec.structs.asdict(reader.read()), [])
    if find_spec("textual") is None:
        raise BadInput(f"`fanfold watch` needs the library textual: {INSTALL}")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise BadInput("a watch is drawn on a terminal; `fanfold status` and `fanfold watch --json` write it once")
    from fanfold.cli.watching.screen import WatchApp  # noqa: PLC0415 - textual takes a while to load

    place = f"stage {stage}" if stage else str(options.state)
    app = WatchApp(reader, place, every or (STAGE_S if stage else LOCAL_S), None if read_only else _halt(reader))
    app.run()
    return app.return_code or Exit.OK


def _halt(reader: DeskReader) -> Callable[[str, str, Sequence[str]], str]:
    def set_state(state: str, reason: str, replaces: Sequence[str]) -> str:
        with reader.reach() as session:
            answer = halt.set_state(session, TradingState(state), reason, [], replaces)
        return "\n".join(map(plain, answer.blocks))

    return set_state
