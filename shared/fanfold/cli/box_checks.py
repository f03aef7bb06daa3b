"""Hold the books of a desk against the simulated exchange: what it was sent, what it traded, what it holds."""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from fanfold.audit.queries import is_open
from fanfold.ledger.account_books import AccountBooks
from fanfold.local import state_directory
from fanfold.messages import OrderState
from fanfold.money import ZERO, exact
from fanfold.trading.terms import BINANCE, own_id

# The name of the exchange, as a run is asked for.
BOX = "box"
# What the desk says of orders that never came to the exchange.
NEVER_THERE = {OrderState.BLOCKED, OrderState.STALE, OrderState.REJECTED}


class BoxComparison(NamedTuple):
    """Faults by name, and what the exchange and the desk disagree on; each text is a violation.

    ``absent`` counts the approved orders that are not at the exchange by their state; ``awaited`` are orders whose
    outcome is not known yet.
    """

    faults: dict[str, int]
    approved: int
    at_exchange: int
    absent: dict[str, int]
    violations: list[str]
    awaited: list[str]


def compare(
    orders: Sequence[dict[str, Any]],
    placed: Sequence[Mapping[str, Any]],
    holdings: Mapping[str, tuple[Decimal, Decimal]],
    journal: Sequence[Mapping[str, Any]],
) -> BoxComparison:
    """Compare the desk's approved orders with those that the exchange was sent, as its admin path lists them.

    ``holdings`` has, by currency, what the books say and what the exchange says.
    """
    known = {str(order["client_order_id"]): order for order in orders}
    # A stop and the profit beside it are a list at the exchange, and one order of the desk.
    at_exchange = Counter(name for name, _ in {(_own(row), _number(row)) for row in placed})
    faults = Counter(str(entry["fault"]) for entry in journal)
    violations = [f"order {name} is {count} times at the exchange" for name, count in at_exchange.items() if count > 1]
    violations += [f"order {name} was never approved" for name in at_exchange.keys() - known.keys()]
    violations += [text for name, order in known.items() if (text := _wrong(order, at_exchange[name]))]
    violations += [
        f"the books have {booked:f} {currency}, the exchange {stated:f}"
        for currency, (booked, stated) in sorted(holdings.items())
        if booked != stated
    ]
    absent = Counter(str(order["state"]) for name, order in known.items() if not at_exchange[name])
    awaited = [name for name, order in known.items() if is_open(order)]
    return BoxComparison(dict(faults), len(known), len(at_exchange), dict(absent), sorted(violations), awaited)


def _own(row: Mapping[str, Any]) -> str:
    return own_id(BINANCE, str(row["clientOrderId"]))


def _number(row: Mapping[str, Any]) -> tuple[object, ...]:
    return (row["symbol"], row["orderId"]) if row["orderListId"] < 0 else ("list", row["orderListId"])


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
    books: AccountBooks,
    bases: Mapping[str, str],
    currency: str,
    stated: Mapping[str, Decimal],
    untold: Mapping[str, Decimal],
) -> dict[str, tuple[Decimal, Decimal]]:
    """Return, by currency, what the books say, with what they were not told yet, and what the exchange says.

    ``bases`` has the base of an instrument; for ``untold`` see unbooked.
    """
    booked: dict[str, Decimal] = dict.fromkeys(bases.values(), ZERO)
    for (_, instrument), held in books.positions.items():
        base = bases[instrument]
        booked[base] = booked.get(base, ZERO) + held.position.totals[0]
    assert books.account is not None
    booked[currency] = books.account.cash
    return {name: (amount + untold.get(name, ZERO), stated.get(name, ZERO)) for name, amount in booked.items()}


@exact
def unbooked(
    orders: Sequence[dict[str, Any]],
    placed: Sequence[Mapping[str, Any]],
    trades: Sequence[Mapping[str, Any]],
    pairs: Mapping[str, tuple[str, str]],
) -> dict[str, Decimal]:
    """Return, by currency, what orders moved at the exchange whose outcome it has not told the desk yet.

    It never tells of those that it delists before it was asked. ``pairs`` has base and quote by the exchange's symbol.
    """
    unknown = {str(order["client_order_id"]) for order in orders if order["state"] == OrderState.SUBMITTING}
    own = {(row["symbol"], row["orderId"]) for row in placed if _own(row) in unknown}
    moved: dict[str, Decimal] = {}
    for trade in trades:
        if (trade["symbol"], trade["orderId"]) in own:
            base, quote = pairs[trade["symbol"]]
            sign = 1 if trade["isBuyer"] else -1
            for currency, amount in (
                (base, sign * Decimal(trade["qty"])),
                (quote, -sign * Decimal(trade["quoteQty"])),
                (trade["commissionAsset"], -Decimal(trade["commission"])),
            ):
                moved[currency] = moved.get(currency, ZERO) + amount
    return moved


def store(state: Path, compared: BoxComparison) -> None:
    """Store a comparison with the run whose exchange ends now."""
    (state / state_directory.EXCHANGE).write_bytes(msgspec.json.encode(compared))


def stored(state: Path) -> BoxComparison | None:
    """Return the comparison at the end of a run; None where the run was killed before it."""
    try:
        return msgspec.json.decode((state / state_directory.EXCHANGE).read_bytes(), type=BoxComparison)
    except (OSError, msgspec.MsgspecError):
        return None


def lines(compared: BoxComparison) -> list[str]:
    """Return the comparison as people read it."""
    total = sum(compared.faults.values())
    counted = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(compared.faults.items()))
    text = [f"faults        {total} injected{f': {counted}' if counted else ''}"]
    absent = ", ".join(f"{count} {state}" for state, count in sorted(compared.absent.items()))
    never = f"; the others never came there: {absent}" if absent else ""
    text.append(f"exchange      {compared.at_exchange} orders of {compared.approved} approved{never}")
    if compared.awaited:
        text.append(f"awaited       {len(compared.awaited)} orders are not at their end yet")
    text += [f"VIOLATION     {violation}" for violation in compared.violations]
    if not compared.violations:
        text.append("orders, positions and cash are those of the exchange: nothing doubled, lost or unexplained")
    return text
