"""Random ledgers by a seed: purchases, sales and transfers of two accounts, fees in every currency.

Nothing of Fanfold and no library is imported here: the product's tests and the oracle both read it. Times differ, and
so do the prices at which a coin is bought, by more than any fee: the order of lots is then the same with fees and
without.
"""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

START = datetime(2023, 3, 1, 12, tzinfo=UTC)
ACCOUNTS = ("one", "two")
# Coin -> its lowest price, the step between prices, the unit of quantities.
COINS = {"BTC": (Decimal(20_000), Decimal(150), Decimal("0.0001")), "BNB": (Decimal(200), Decimal(2), Decimal("0.01"))}
EVENTS, PRICES, GAP_S_MAX = 60, 400, 3_000_000
FEE_RATE = Decimal("0.001")


class Event(NamedTuple):
    """A purchase, a sale, or a transfer from one account to the other, whose fee is in ``fee_base``.

    A fee in BNB comes with its worth in quote.
    """

    number: int
    at: datetime
    kind: str
    account: str
    coin: str
    price: Decimal
    quantity: Decimal
    fee: Decimal = Decimal(0)
    fee_base: Decimal = Decimal(0)
    fee_bnb: Decimal = Decimal(0)
    fee_worth: Decimal = Decimal(0)


def ledger(seed: int, count: int = EVENTS) -> list[Event]:
    """Return events over some years, in order of time; nobody disposes of more than both accounts hold."""
    dice = random.Random(seed)
    prices = max(PRICES, count)
    free = {coin: dice.sample(range(prices), prices) for coin in COINS}
    held = dict.fromkeys(COINS, Decimal(0))
    at, events = START, []
    for number in range(1, count + 1):
        at += timedelta(seconds=dice.randint(1, GAP_S_MAX * EVENTS // count))
        event = _event(dice, number, at, free, held)
        held[event.coin] += event.quantity if event.kind == "buy" else 0
        held[event.coin] -= event.quantity if event.kind == "sell" else 0
        held[event.coin] -= event.fee_base
        held["BNB"] -= event.fee_bnb
        events.append(event)
    return events


def _event(
    dice: random.Random, number: int, at: datetime, free: dict[str, list[int]], held: dict[str, Decimal]
) -> Event:
    coin = dice.choices(list(COINS), [4, 1])[0]
    lowest, step, unit = COINS[coin]
    account = dice.choice(ACCOUNTS)
    quantity = unit * dice.randint(10, 3_000)
    kind = dice.choices(["buy", "sell", "transfer"], [4, 4, 1])[0]
    if kind != "buy" and held[coin] < quantity * 2:
        kind = "buy"
    if kind == "buy":
        price = lowest + step * free[coin].pop()
    else:
        price = lowest + step * dice.randint(0, PRICES) + Decimal(dice.randint(0, 9_999)) / 100
    if kind == "transfer":
        return Event(number, at, kind, account, coin, price, quantity, fee_base=unit * dice.randint(1, 9))
    value = price * quantity * FEE_RATE
    match dice.choice(["quote", "base", "BNB"]):
        case "BNB" if coin != "BNB" and held["BNB"] > 1:
            bnb = Decimal(dice.randint(1, 900)) / 1000
            return Event(number, at, kind, account, coin, price, quantity, fee_bnb=bnb, fee_worth=value)
        case "base":
            return Event(number, at, kind, account, coin, price, quantity, fee_base=quantity * FEE_RATE)
        case _:
            return Event(number, at, kind, account, coin, price, quantity, fee=value)
