"""Show the positions of each strategy instance, at the last close.

Example: fanfold positions --account main
"""

from collections.abc import Mapping
from typing import Any

from fanfold.audit.queries import holdings_of
from fanfold.cli.argument_types import Account, Shared, StageName
from fanfold.cli.exit_codes import DESK
from fanfold.cli.output import Answer, grid
from fanfold.cli.reading import marks_of
from fanfold.messages import PositionSnapshot
from fanfold.money import exact
from fanfold.risk.exposure import Mark
from fanfold.stages.session import reach

EXITS = DESK


def command(*, options: Shared, stage: StageName = "", account: Account = None) -> Answer:
    """Return every position by strategy instance and instrument; a flat one still has its profit."""
    with reach(options.state, stage, options.command) as session:
        rows = [
            _position(name, holding, marks_of(session, name))
            for name in session.accounts(account)
            for holding in holdings_of(session.views, name)
        ]
    if not rows:
        return Answer({"positions": []}, ["no positions"])
    columns = {name: name.replace("_", " ") for name in rows[0]}
    return Answer({"positions": rows}, [grid("", rows, columns)])


@exact
def _position(account: str, holding: PositionSnapshot, marks: Mapping[str, Mark]) -> dict[str, Any]:
    mark = marks.get(holding.instrument)
    value = holding.quantity * mark.price if mark else None
    return {
        "account": account,
        "instance": holding.instance,
        "instrument": holding.instrument,
        "quantity": holding.quantity,
        "cost": holding.cost,
        "last": mark.price if mark else None,
        "value": value,
        "unrealised": value - holding.cost if value is not None else None,
        "realised": holding.realised,
        "fees": holding.fees,
    }
