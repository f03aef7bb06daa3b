"""Random ledgers of tests/oracles as the entries of the tax books."""

from collections.abc import Iterator

from fanfold.accounting.entries import Entry, in_order
from fanfold.accounting.fill_entries import entries_of_fills
from fanfold.accounting.movements import read_movements
from fanfold.accounting.rates import Rates
from fanfold.records import Charge, Fill
from oracles.ledgers import ACCOUNTS, Event


def fill_of(event: Event) -> Fill:
    """The fill of a purchase or a sale, as the desk records it."""
    charges = [Charge(currency="BNB", amount=event.fee_bnb, value=event.fee_worth)] if event.fee_bnb else []
    return Fill(trade_id=str(event.number), order_id="o", client_order_id="c", account=event.account, venue="v",
                instance="i", instrument=f"{event.coin}/USD", side="buy" if event.kind == "buy" else "sell",
                price=event.price, quantity=event.quantity, fee=event.fee, fee_base=event.fee_base, charges=charges,
                liquidity="taker", at=event.at)  # fmt: skip


def entries_of(events: list[Event]) -> Iterator[Entry]:
    """The entries of a ledger in USD: fills, and transfers as a user's file has them."""
    rates = Rates("USD")
    rows = ["at,kind,account,to,coin,quantity,fee,id"]
    for event in events:
        if event.kind == "transfer":
            other = ACCOUNTS[1 - ACCOUNTS.index(event.account)]
            rates.add(event.at, event.coin, "USD", event.price)
            rows.append(f"{event.at},transfer,{event.account},{other},{event.coin},{event.quantity},{event.fee_base},"
                        f"transfer {event.number}")  # fmt: skip
    moved = read_movements("\n".join(rows), "moved.csv", dict.fromkeys(ACCOUNTS, "USD"), rates)
    fills = [fill_of(event) for event in events if event.kind != "transfer"]
    return in_order(moved.entries, entries_of_fills(fills, rates))
