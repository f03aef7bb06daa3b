"""Hold the books of a desk against the exchange in the box: what it was sent, what it traded, what it holds."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from fanfold.ledger.booking import AccountBooks
from fanfold.messages import OrderState
from fanfold.money import ZERO, exact

# What the desk says of orders that never came to the exchange.
NEVER_THERE = {OrderState.BLOCKED, OrderState.STALE, OrderState.REJECTED}


class BoxComparison(NamedTuple):
    """Faults by name, and what the exchange and the desk disagree on; each text is a violation."""

    faults: dict[str, int]
    approved: int
    at_exchange: int
    violations: list[str]


def compare(
    orders: Sequence[Mapping[str, Any]],
    placed: Sequence[Mapping[str, Any]],
    holdings: Mapping[str, tuple[Decimal, Decimal]],
    journal: Sequence[Mapping[str, Any]],
) -> BoxComparison:
    """Compare the desk's approved orders with those that the exchange was sent, as its admin path lists them.

    ``holdings`` has, by currency, what the books say and what the exchange says.
    """
    known = {str(order["client_order_id"]): order for order in orders}
    at_exchange = Counter(str(order["clientOrderId"]) for order in placed)
    faults = Counter(str(entry["fault"]) for entry in journal)
    violations = [f"order {name} is {count} times at the exchange" for name, count in at_exchange.items() if count > 1]
    violations += [f"order {name} was never approved" for name in at_exchange.keys() - known.keys()]
    violations += [text for name, order in known.items() if (text := _wrong(order, at_exchange[name]))]
    violations += [
        f"the books have {booked:f} {currency}, the exchange {stated:f}"
        for currency, (booked, stated) in sorted(holdings.items())
        if booked != stated
    ]
    return BoxComparison(dict(faults), len(known), len(at_exchange), sorted(violations))


def _wrong(order: Mapping[str, Any], count: int) -> str:
    """Return what is wrong with an approved order, which is so many times at the exchange, or ""."""
    name, state = order["client_order_id"], order["state"]
    if count and state in NEVER_THERE:
        return f"order {name} is {state} and at the exchange"
    # Of one whose outcome nobody knows yet nothing is claimed.
    if not count and state not in NEVER_THERE and state != OrderState.SUBMITTING:
        return f"order {name} is {state} and not at the exchange"
    return ""


@exact
def holdings(
    books: AccountBooks, bases: Mapping[str, str], currency: str, stated: Mapping[str, Decimal]
) -> dict[str, tuple[Decimal, Decimal]]:
    """Return, by currency, what the books say and what the exchange says; ``bases`` has the base of an instrument."""
    booked: dict[str, Decimal] = dict.fromkeys(bases.values(), ZERO)
    for (_, instrument), held in books.positions.items():
        base = bases[instrument]
        booked[base] = booked.get(base, ZERO) + held.position.totals[0]
    assert books.account is not None
    booked[currency] = books.account.cash
    return {name: (amount, stated.get(name, ZERO)) for name, amount in booked.items()}


def lines(compared: BoxComparison, live: Collection[str]) -> list[str]:
    """Return the comparison as people read it; ``live`` are orders whose outcome is still awaited."""
    total = sum(compared.faults.values())
    counted = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(compared.faults.items()))
    text = [f"faults        {total} injected{f': {counted}' if counted else ''}"]
    text.append(
        f"exchange      {compared.at_exchange} orders of {compared.approved} approved; the others never came there"
    )
    if live:
        text.append(f"awaited       {len(live)} orders are not at their end yet")
    text += [f"VIOLATION     {violation}" for violation in compared.violations]
    if not compared.violations:
        text.append("orders, positions and cash are those of the exchange: nothing doubled, lost or unexplained")
    return text
