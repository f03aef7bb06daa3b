"""Show orders and what became of them.

Example: fanfold orders --refused
Example: fanfold orders --open --instrument BTC/USDT --last 10
"""

from typing import Annotated, Any

from cyclopts import Parameter

from fanfold.audit.queries import REFUSED, is_open, orders_of
from fanfold.cli.argument_types import Account, Shared, StageName, only_one, read_by, read_whole
from fanfold.cli.exit_codes import DESK
from fanfold.cli.output import Answer, grid
from fanfold.stages.session import reach

EXITS = DESK
LAST = 50
_WHICH = only_one()
_COLUMNS = {
    "decided_at": "decided at",
    "order_id": "order",
    "instance": "instance",
    "instrument": "instrument",
    "side": "side",
    "kind": "kind",
    "quantity": "quantity",
    "reference_price": "last price",
    "state": "state",
    "filled": "filled",
    "because": "because",
}


def command(
    *,
    options: Shared,
    stage: StageName = "",
    account: Account = None,
    open_only: Annotated[bool, Parameter(name="--open", group=_WHICH, help="only orders that may still fill")] = False,
    refused: Annotated[bool, Parameter(group=_WHICH, help="only orders that risk refused")] = False,
    instrument: Annotated[
        str | None, Parameter(metavar="NAME", help="only of this instrument, such as BTC/USDT")
    ] = None,
    last: Annotated[
        int, Parameter(metavar="N", converter=read_by(read_whole), help=f"the newest N, 0 for all ({LAST})")
    ] = LAST,
) -> Answer:
    """Return the newest orders, oldest of them first."""
    with reach(options.state, stage, options.command) as session:
        recorded = [order for name in session.accounts(account) for order in orders_of(session.views, name)]
    wanted = [
        order
        for order in recorded
        if not (refused and order["state"] != REFUSED)
        and not (open_only and not is_open(order))
        and instrument in {None, order["instrument"]}
    ]
    shown = sorted(wanted, key=lambda order: order["decided_at"])[-last:]
    document = {"orders": shown, "total": len(wanted)}
    if not shown:
        return Answer(document, ["no orders"])
    rows: list[dict[str, Any]] = [order | {"because": order["code"] or order["reason"]} for order in shown]
    return Answer(document, [grid("", rows, _COLUMNS), _count(len(shown), len(wanted))])


def _count(shown: int, total: int) -> str:
    return f"{total} orders" if shown == total else f"the last {shown} of {total} orders; --last 0 shows all"
