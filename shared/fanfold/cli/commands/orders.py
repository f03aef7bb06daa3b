"""Show orders and what became of them.

Example: fanfold orders --refused
Example: fanfold orders --open --instrument BTC/USDT --last 10
"""

from typing import Annotated, Any

from cyclopts import Parameter

from fanfold.audit.queries import REFUSED, is_open, orders_of
from fanfold.cli.argument_types import Account, Instrument, Shared, StageName, only_one, read_by, read_whole
from fanfold.cli.exit_codes import DESK
from fanfold.cli.output import Answer, grid
from fanfold.cli.reading import instrument_of, minute, short_ids
from fanfold.stages.session import reach

EXITS = DESK
LAST = 50
_WHICH = only_one()
_COLUMNS = {
    "at": "at",
    "order": "order",
    "instance": "strategy",
    "instrument": "instrument",
    "side": "side",
    "quantity": "quantity",
    "became": "state",
}


def command(
    *,
    options: Shared,
    stage: StageName = "",
    account: Account = None,
    open_only: Annotated[bool, Parameter(name="--open", group=_WHICH, help="only orders that may still fill")] = False,
    refused: Annotated[bool, Parameter(group=_WHICH, help="only orders that risk refused")] = False,
    instrument: Instrument = None,
    last: Annotated[
        int, Parameter(metavar="N", converter=read_by(read_whole), help=f"the newest N, 0 for all ({LAST})")
    ] = LAST,
) -> Answer:
    """Return the newest orders, oldest of them first."""
    with reach(options.state, stage, options.command) as session:
        only = instrument_of(session, instrument)
        recorded = [order for name in session.accounts(account) for order in orders_of(session.views, name)]
    wanted = [
        order
        for order in recorded
        if not (refused and order["state"] != REFUSED)
        and not (open_only and not is_open(order))
        and only in {None, order["instrument"]}
    ]
    shown = sorted(wanted, key=lambda order: order["decided_at"])[-last:]
    document = {"orders": shown, "total": len(wanted)}
    if not shown:
        approved = "; one that was refused first and approved later is listed without --refused" if refused else ""
        return Answer(document, [f"no orders{approved}"])
    ids = short_ids(order["order_id"] for order in recorded)
    rows = [_row(order, ids) for order in shown]
    return Answer(document, [grid("", rows, _COLUMNS), _count(len(shown), len(wanted))])


def _row(order: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    """Return an order as the table has it: a refused one with the code of its refusal."""
    became = order["code"] or order["state"]
    side = f"{order['side']} stop" if order["kind"] == "stop" else order["side"]
    return order | {"at": minute(order["decided_at"]), "order": ids[order["order_id"]], "side": side, "became": became}


def _count(shown: int, total: int) -> str:
    more = f"{total} orders" if shown == total else f"the last {shown} of {total} orders; --last 0 shows all"
    return f"{more}; `fanfold why ORDER` explains one"
