"""Replay the bars and commands of a run in memory, and compare every message.

Targets, orders, refusals and fills must come out as they were recorded, to the byte, and with them the hashes of the
audit chain. The desk is that of the run; the strategies are those of now. A run with --live cannot be replayed: its log
does not hold the times at which it decided.

Example: fanfold replay
"""

from collections.abc import Sequence

from fanfold.cli.argument_types import Shared
from fanfold.cli.exit_codes import DESK, Exit
from fanfold.cli.output import Answer, Grid, grid
from fanfold.cli.reading import records_of
from fanfold.errors import BadInput
from fanfold.local import state_directory
from fanfold.local.launcher import make_services_importable
from fanfold.local.session import connect
from fanfold.simulation.schedules.replay import ReplayResult, replay

EXITS = (*DESK, Exit.FAILED)
SHOWN_MAX = 10


def command(*, options: Shared) -> Answer:
    """Return how many messages came again as they were recorded, and each that did not."""
    with connect(options.state, options.command) as session:
        if state_directory.was_live(options.state):
            raise BadInput("this run was live: the times at which it decided are not in its log; replay another run")
        desk, records = session.desk, records_of(session)
    make_services_importable()
    result = replay(desk, records)
    document = {
        "outside": result.outside,
        "followed": result.followed,
        "differences": result.differences,
        "chains": result.heads,
        "same_hashes": result.same_hashes,
    }
    return Answer(document, _blocks(result), Exit.OK if result.same else Exit.FAILED)


def _blocks(result: ReplayResult) -> Sequence[str | Grid]:
    lines = [
        f"{result.outside} messages came from outside: bars, commands, targets of webhooks",
        f"{result.followed - result.missing} of {result.followed} others came again as they were recorded",
    ]
    if result.same:
        heads = [f"chain {head.stream}: {head.seq} records, {head.hash[:16]}" for head in result.heads]
        return ["\n".join([*lines, *heads, "replay and log are equal, to the byte"])]
    rows = [
        {"record": f"{shown.stream} {shown.seq or '-'}", "message": shown.kind, "difference": shown.what}
        for shown in result.differences[:SHOWN_MAX]
    ]
    more = len(result.differences) - len(rows)
    end = [f"{more} more; --json has all of them, with both messages"] if more else []
    columns = {"record": "record", "message": "message", "difference": "difference"}
    return ["\n".join(lines), grid("differences", rows, columns), *end]
