"""``fanfold orders``, ``fanfold trades`` and ``fanfold signals``: what the strategies wanted, and what came of it."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from datetime import date, timedelta
from typing import Any

import msgspec

from fanfold.audit.queries import REFUSED, fills_of, is_open, orders_of, signals_of
from fanfold.cli.commands.command import Command, add_account
from fanfold.cli.commands.reading import last_day, legs_of
from fanfold.cli.idle_legs import told
from fanfold.cli.output import Answer, grid
from fanfold.local.session import Session
from fanfold.messages import Fill
from fanfold.stages.session import reach

LAST = 50
LOOK_BACK_DAYS = 7
_ORDER_COLUMNS = {
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
_TRADE_COLUMNS = {
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
_SIGNAL_COLUMNS = {name: name for name in ("at", "account", "instance", "instrument", "timeframe", "weight")}


def orders(arguments: Namespace) -> Answer:
    """The newest orders, oldest of them first."""
    with reach(arguments) as session:
        found = [order for name in session.accounts(arguments.account) for order in orders_of(session.views, name)]
    kept = [order for order in found if _is_asked_for(order, arguments)]
    shown = sorted(kept, key=lambda order: order["decided_at"])[-arguments.last :]
    document = {"orders": shown, "total": len(kept)}
    if not shown:
        return Answer(document, ["no orders"])
    rows = [order | {"because": order["code"] or order["reason"]} for order in shown]
    return Answer(document, [grid("", rows, _ORDER_COLUMNS), _count(len(shown), len(kept), "orders")])


def trades(arguments: Namespace) -> Answer:
    """The fills of a UTC day, by default the last one that traded."""
    with reach(arguments) as session:
        names = session.accounts(arguments.account)
        day, found = _fills(session, names, arguments.day)
    rows = [msgspec.structs.asdict(fill) for fill in sorted(found, key=lambda fill: fill.at)]
    document = {"day": day, "trades": rows}
    if not rows:
        return Answer(document, [f"no trades on {day} (UTC); name another day with --day"])
    return Answer(document, [grid("", rows, _TRADE_COLUMNS), f"{len(rows)} trades on {day} (UTC)"])


def signals(arguments: Namespace) -> Answer:
    """What each strategy instance wants to hold now, as a share of its leg's equity."""
    with reach(arguments) as session:
        names = session.accounts(arguments.account)
        rows = [row for name in names for row in signals_of(session.views, name)]
        legs = [leg for name in names for leg in legs_of(session, name)]
    wrong = [f"{one['instance']} {one['instrument']}: {told(one['code'], one['detail'])}" for one in legs]
    text = [grid("", rows, _SIGNAL_COLUMNS)] if rows else ["no signals: no strategy has given a target yet"]
    return Answer({"signals": rows, "not_trading": legs}, [*text, *wrong])


def _is_asked_for(order: dict[str, Any], arguments: Namespace) -> bool:
    if arguments.refused and order["state"] != REFUSED:
        return False
    if arguments.open and not is_open(order):
        return False
    return arguments.instrument in {None, order["instrument"]}


def _fills(session: Session, accounts: list[str], asked: str | None) -> tuple[str, list[Fill]]:
    """The fills of the day that was asked for; else of the newest within a week that has any."""
    newest = date.fromisoformat(asked or last_day(session, accounts))
    for back in range(1 if asked else LOOK_BACK_DAYS):
        day = (newest - timedelta(days=back)).isoformat()
        found = [fill for name in accounts for fill in fills_of(session.views, name, day)]
        if found:
            return day, found
    return newest.isoformat(), []


def _count(shown: int, total: int, what: str) -> str:
    return f"{total} {what}" if shown == total else f"the last {shown} of {total} {what}; --last 0 shows all"


def _add_order_arguments(parser: ArgumentParser) -> None:
    add_account(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--open", action="store_true", help="only orders that may still fill")
    which.add_argument("--refused", action="store_true", help="only orders that risk refused")
    parser.add_argument("--instrument", metavar="NAME", help="only of this instrument, such as BTC/USDT")
    parser.add_argument("--last", type=_whole, default=LAST, metavar="N", help=f"the newest N, 0 for all ({LAST})")


def _add_trade_arguments(parser: ArgumentParser) -> None:
    add_account(parser)
    parser.add_argument("--day", type=_day, metavar="DATE", help="the UTC day; without it, the last that traded")


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as wrong:
        raise ArgumentTypeError(f"{text!r} is not a date such as 2026-03-24") from wrong


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise ArgumentTypeError(f"{text!r} is not a whole number from 0 up")
    return int(text)


COMMANDS = (
    Command(
        ("orders",),
        "Orders and what became of them.",
        "fanfold orders --refused",
        orders,
        _add_order_arguments,
        staged=True,
    ),
    Command(
        ("trades",), "The fills of a day.", "fanfold trades --day 2026-03-24", trades, _add_trade_arguments, staged=True
    ),
    Command(
        ("signals",), "What each strategy instance wants to hold.", "fanfold signals", signals, add_account, staged=True
    ),
)
