"""Show why an order is what it is, from its fills back to the bar.

Show fills or refusal, target and bar, and where each is in the audit chain.

Example: fanfold why 076182ab
"""

from collections.abc import Iterator
from typing import Annotated, Any

from cyclopts import Parameter

from fanfold.audit.lineage import causes
from fanfold.audit.queries import REFUSED, fills_of_order, orders_of
from fanfold.cli.argument_types import Shared, StageName
from fanfold.cli.exit_codes import DESK
from fanfold.cli.output import Answer, cell
from fanfold.errors import BadInput, NothingThere
from fanfold.ledger.positions import fee_of, unvalued
from fanfold.local.session import Session
from fanfold.messages import Fill
from fanfold.money import amount
from fanfold.stages.session import reach

EXITS = DESK


def command(
    order: Annotated[str, Parameter(metavar="ORDER", help="order id, the start of one, or client order id")],
    /,
    *,
    options: Shared,
    stage: StageName = "",
) -> Answer:
    """Return the chain of causes of an order, with its fills."""
    with reach(options.state, stage, options.command) as session:
        recorded = _find(session, order)
        fills = fills_of_order(session.views, recorded)
        steps = list(causes(session.views, session.log, recorded))
    document = {"order": recorded, "fills": fills, "chain": steps}
    return Answer(document, ["\n".join(_text(recorded, fills, steps))])


def _find(session: Session, named: str) -> dict[str, Any]:
    """Return the order of an id, of the start of one, or of a client order id."""
    wanted = named.lower()
    if not wanted:
        raise BadInput("give an order id, the start of one, or a client order id; `fanfold orders` lists them")
    recorded = [order for account in session.accounts(None) for order in orders_of(session.views, account)]
    orders = [order for order in recorded if order["order_id"].startswith(wanted) or order["client_order_id"] == wanted]
    if not orders:
        raise NothingThere(f"no order {named!r} was recorded; `fanfold orders --last 0` lists them all")
    if len(orders) > 1:
        ids = ", ".join(order["order_id"] for order in orders[:4])
        raise BadInput(f"{named!r} begins {len(orders)} order ids: {ids}; give more of it")
    return orders[0]


def _text(order: dict[str, Any], fills: list[Fill], steps: list[dict[str, Any]]) -> Iterator[str]:
    yield _order_text(order)
    for fill in fills:
        fee = " and ".join(
            [amount(fee_of(fill)), *(f"{amount(each.amount)} {each.currency}" for each in unvalued(fill))]
        )
        figures = f"{amount(fill.quantity)} at {amount(fill.price)}, fee {fee}, as {fill.liquidity}"
        yield f"  filled {figures}, {cell(fill.at)}  (trade {fill.trade_id})"
    if order["reason"]:
        yield f"  the venue said: {order['reason']}"
    for depth, step in enumerate(steps, 1):
        indent = "  " * depth
        yield f"{indent}{_step_text(step, order)}"
        place = f"audit record {step['stream']}/{step['seq']}, message {step['message_id']}"
        yield f"{indent}    {cell(step['at'])}, {place}"
        for defect in step.get("defects", []):
            yield f"{indent}    the venue's bars: {defect['defect']}, {defect['action']}, {defect['count']} bars"
    if steps:
        yield f"{'  ' * (len(steps) + 1)}because of {steps[-1]['cause']}"


def _order_text(order: dict[str, Any]) -> str:
    prices = [amount(order[name]) for name in ("stop_price", "limit_price") if order[name] is not None]
    limit = f" {' with limit '.join(prices)}" if prices else ""
    if "profit_price" in order:
        limit += f" or profit {amount(order['profit_price'])}"
    return (
        f"order {order['order_id']}: {order['side']} {amount(order['quantity'])} {order['instrument']} at "
        f"{order['kind']}{limit}, instance {order['instance']}, account {order['account']}: {order['state']}"
    )


def _step_text(step: dict[str, Any], order: dict[str, Any]) -> str:
    match step["kind"]:
        case "OrdersApproved":
            price, reserved = amount(step["reference_price"]), amount(step["reserved"])
            return f"approved by risk at last price {price}, {reserved} reserved"
        case "OrdersRefused":
            return f"{REFUSED} by risk: {step['code']}: {step['detail']}"
        case "Targets":
            return f"because {_target_text(step, order)}"
        case "BarsClosed" if step["bar"] is not None:
            return f"because of the bar {_bar_text(step['bar'])} of {step['venue']}"
        case kind:
            return f"because of {kind}"


def _target_text(step: dict[str, Any], order: dict[str, Any]) -> str:
    if order["kind"] == "stop" and order["reduce_only"]:
        return f"{order['instance']} wanted a stop or a trail: it rests at the venue"
    if step["weight"] is None:
        return "its protection was reached or the account was to be flat: no strategy asked for it"
    return f"{order['instance']} wanted weight {step['weight']} on {step['timeframe']} bars"


def _bar_text(bar: dict[str, Any]) -> str:
    figures = " ".join(f"{name} {amount(bar[name])}" for name in ("open", "high", "low", "close", "volume"))
    return f"({bar['timeframe']}) {figures}"
