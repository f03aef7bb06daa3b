"""Read ccxt's structures of orders and trades, exactly: what they lack is a fault, and nothing is guessed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from fanfold.errors import VenueUnavailable
from fanfold.messages import Order, Side
from fanfold.money import EXACT, ZERO
from fanfold.trading.answers import Charge, VenueOrder, VenueOrderState, VenueTrade
from fanfold.trading.terms import VenueTerms, own_id

Structure = Mapping[str, Any]
_STATES = {
    "open": VenueOrderState.OPEN,
    "canceled": VenueOrderState.CANCELED,
    "canceling": VenueOrderState.OPEN,
    "expired": VenueOrderState.EXPIRED,
    "rejected": VenueOrderState.REJECTED,
}


def order(structure: Structure, terms: VenueTerms) -> VenueOrder:
    """Return an order. Raises VenueUnavailable for a structure without id, side, quantity or a known state."""
    quantity, filled = _amount(structure, "amount"), _amount(structure, "filled")
    return VenueOrder(
        venue_order_id=_text(structure, "id"),
        client_order_id=own_id(terms, str(structure.get("clientOrderId") or "")),
        instrument=_text(structure, "symbol"),
        side=_side(structure),
        quantity=quantity,
        filled=filled,
        state=_state(structure, quantity, filled),
    )


def acknowledged(sent: Order, venue_order_id: str) -> VenueOrder:
    """Return the order as an answer has it that says no more than an id."""
    return VenueOrder(
        venue_order_id=venue_order_id,
        client_order_id=sent.client_order_id,
        instrument=sent.instrument,
        side=sent.side,
        quantity=sent.quantity,
        filled=Decimal(0),
        state=VenueOrderState.OPEN,
    )


def open_order(structure: Structure, terms: VenueTerms) -> VenueOrder:
    """Return an order of a list of open ones: it is open, whatever the venue calls its state."""
    known = structure.get("status") in {*_STATES, "closed"}
    return order(structure if known else {**structure, "status": "open"}, terms)


def trade(structure: Structure, terms: VenueTerms) -> VenueTrade:
    """Return a trade. Raises VenueUnavailable for a structure that lacks any part of it."""
    milliseconds = structure.get("timestamp")
    if not milliseconds:
        raise VenueUnavailable(f"a trade has no time: {dict(structure)!s:.200}")
    return VenueTrade(
        trade_id=_text(structure, "id"),
        venue_order_id=_text(structure, "order"),
        client_order_id=own_id(terms, str(structure.get("clientOrderId") or "")),
        instrument=_text(structure, "symbol"),
        side=_side(structure),
        price=_amount(structure, "price"),
        quantity=_amount(structure, "amount"),
        charges=charges(structure),
        # The answer to an order does not say it of its fills: they took.
        liquidity="maker" if structure.get("takerOrMaker") == "maker" else "taker",
        at=datetime.fromtimestamp(int(milliseconds) / 1_000, UTC),
    )


def own_trades(placed: Structure) -> list[Structure]:
    """Return the trades in an answer to an order, each with what only its order says there."""
    names = ("symbol", "side", "timestamp")
    return [
        {**trade, **{name: trade.get(name) or placed.get(name) for name in names}}
        | {"order": trade.get("order") or placed.get("id")}
        for trade in placed.get("trades") or ()
    ]


def charges(structure: Structure) -> tuple[Charge, ...]:
    """Return the fees of a trade, each in its currency; those of nothing are left out."""
    single = structure.get("fee")
    fees = structure.get("fees") or ([single] if single else [])
    costs: dict[str, Decimal] = {}
    for fee in fees:
        if fee.get("cost") is None or not fee.get("currency"):
            continue
        currency = str(fee["currency"])
        costs[currency] = EXACT.add(costs.get(currency, ZERO), Decimal(str(fee["cost"])))
    return tuple(Charge(currency=currency, amount=cost) for currency, cost in costs.items() if cost != ZERO)


def _state(structure: Structure, quantity: Decimal, filled: Decimal) -> VenueOrderState:
    status = structure.get("status")
    if status == "closed":
        return VenueOrderState.FILLED if filled == quantity else VenueOrderState.CANCELED
    if status not in _STATES:
        raise VenueUnavailable(f"an order has the state {status!r}")
    return _STATES[status]


def _side(structure: Structure) -> Side:
    side = structure.get("side")
    if side == "buy":
        return "buy"
    if side == "sell":
        return "sell"
    raise VenueUnavailable(f"an order or trade has the side {side!r}")


def _amount(structure: Structure, name: str) -> Decimal:
    if structure.get(name) is None:
        raise VenueUnavailable(f"an order or trade has no {name}: {dict(structure)!s:.200}")
    return Decimal(str(structure[name]))


def _text(structure: Structure, name: str) -> str:
    if not structure.get(name):
        raise VenueUnavailable(f"an order or trade has no {name}: {dict(structure)!s:.200}")
    return str(structure[name])
