"""``fanfold why ORDER``: from what became of an order back to the bar that it began with."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import Any

from fanfold.audit.lineage import causes
from fanfold.audit.queries import REFUSED, fills_of_order, orders_of
from fanfold.cli.commands.command import Command
from fanfold.cli.output import Answer, amount, cell
from fanfold.errors import BadInput, NothingThere
from fanfold.local.session import Session
from fanfold.messages import Fill
from fanfold.stages.session import reach


def why(arguments: Namespace) -> Answer:
    """The chain of causes of an order, with what it came to."""
    with reach(arguments) as session:
        order = _find(session, arguments.order)
        fills = fills_of_order(session.views, order)
        steps = list(causes(session.views, session.log, order))
    document = {"order": order, "fills": fills, "chain": steps}
    return Answer(document, ["\n".join(_text(order, fills, steps))])


def _find(session: Session, asked: str) -> dict[str, Any]:
    """The order of an id, of the start of one, or of a client order id."""
    wanted = asked.lower()
    if not wanted:
        raise BadInput("give an order id, the start of one, or a client order id; `fanfold orders` lists them")
    every = [order for account in session.accounts(None) for order in orders_of(session.views, account)]
    found = [one for one in every if one["order_id"].startswith(wanted) or one["client_order_id"] == wanted]
    if not found:
        raise NothingThere(f"no order {asked!r} was recorded; `fanfold orders --last 0` lists them all")
    if len(found) > 1:
        ids = ", ".join(order["order_id"] for order in found[:4])
        raise BadInput(f"{asked!r} begins {len(found)} order ids: {ids}; give more of it")
    return found[0]


def _text(order: dict[str, Any], fills: list[Fill], steps: list[dict[str, Any]]) -> Iterator[str]:
    yield _order_text(order)
    for fill in fills:
        figures = f"{amount(fill.quantity)} at {amount(fill.price)}, fee {amount(fill.fee)}, as {fill.liquidity}"
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
    limit = f" {amount(order['limit_price'])}" if order["limit_price"] is not None else ""
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
        case "Targets" if step["weight"] is None:
            return "because the account was to be flat: no strategy asked for it"
        case "Targets":
            return f"because {order['instance']} wanted weight {step['weight']} on {step['timeframe']} bars"
        case "BarsClosed" if step["bar"] is not None:
            return f"because of the bar {_bar_text(step['bar'])} of {step['venue']}"
        case kind:
            return f"because of {kind}"


def _bar_text(bar: dict[str, Any]) -> str:
    figures = " ".join(f"{name} {amount(bar[name])}" for name in ("open", "high", "low", "close", "volume"))
    return f"({bar['timeframe']}) {figures}"


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("order", metavar="ORDER", help="order id, the start of one, or client order id")


COMMANDS = (
    Command(
        ("why",),
        "Why an order is what it is: fills or refusal, target, bar, and where each is in the audit chain.",
        "fanfold why 076182ab",
        why,
        _add_arguments,
        staged=True,
    ),
)
