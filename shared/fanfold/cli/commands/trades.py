"""Show the fills of a day.

Example: fanfold trades --day 2026-03-24
"""

from datetime import date, timedelta
from typing import Annotated

import msgspec
from cyclopts import Parameter

from fanfold.audit.queries import fills_of
from fanfold.cli.argument_types import Account, Shared, StageName, read_by, read_day
from fanfold.cli.exit_codes import DESK
from fanfold.cli.output import Answer, grid
from fanfold.cli.reading import last_day
from fanfold.local.session import Session
from fanfold.messages import Fill
from fanfold.stages.session import reach

EXITS = DESK
LOOK_BACK_DAYS = 7
_COLUMNS = {
    "at": "at",
    "instance": "instance",
    "instrument": "instrument",
    "side": "side",
    "quantity": "quantity",
    "price": "price",
    "fee": "fee",
    "liquidity": "liquidity",
    "order_id": "order",
}


def command(
    *,
    options: Shared,
    stage: StageName = "",
    account: Account = None,
    day: Annotated[
        str | None,
        Parameter(metavar="DATE", converter=read_by(read_day), help="the UTC day; without it, the last that traded"),
    ] = None,
) -> Answer:
    """Return the fills of a UTC day, by default of the last one that traded."""
    with reach(options.state, stage, options.command) as session:
        shown_day, fills = _fills(session, session.accounts(account), day)
    rows = [msgspec.structs.asdict(fill) for fill in sorted(fills, key=lambda fill: fill.at)]
    document = {"day": shown_day, "trades": rows}
    if not rows:
        return Answer(document, [f"no trades on {shown_day} (UTC); name another day with --day"])
    return Answer(document, [grid("", rows, _COLUMNS), f"{len(rows)} trades on {shown_day} (UTC)"])


def _fills(session: Session, accounts: list[str], day: str | None) -> tuple[str, list[Fill]]:
    """Return the fills of a day; without one, of the newest within a week that has any."""
    newest = date.fromisoformat(day or last_day(session, accounts))
    for back in range(1 if day else LOOK_BACK_DAYS):
        earlier = (newest - timedelta(days=back)).isoformat()
        fills = [fill for name in accounts for fill in fills_of(session.views, name, earlier)]
        if fills:
            return earlier, fills
    return newest.isoformat(), []
