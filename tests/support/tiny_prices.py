"""The seeded market at prices as of SHIB or PEPE, of which quantities are thousands of millions of lots."""

from collections.abc import Sequence
from decimal import Decimal
from random import Random

import msgspec

from fanfold.desk import Desk
from fanfold.market.recording import RECORD, Recording

# The digits in front of the point of each instrument's price, and five zeros behind it.
SHIFTS = {"BTC/USDT": 10, "ETH/USDT": 9, "SOL/USDT": 8, "XRP/USDT": 5}
VOLUME = 5
CASH_MAX = Decimal(100_000)


def at_tiny_prices(seed: int, desk: Desk, recordings: Sequence[Recording]) -> tuple[Desk, list[Recording]]:
    """Return a desk and its market with prices that much smaller, volumes that much larger, and steps drawn by a seed.

    A lot is 1 or 25, a tick 1 or 5 in the last decimal place, off which bars may lie. Cash is at most 100,000: more
    does not fit into 64 bits in such steps.
    """
    dice = Random(seed)
    rules, cheaper = dict(desk.instruments), list[Recording]()
    for recording in recordings:
        shift = SHIFTS[recording.instrument]
        larger = 10 ** (shift - recording.volume_scale)
        rows = [(*bar[:VOLUME], bar[VOLUME] * larger) for bar in recording.bars()]
        scale = recording.price_scale + shift
        records = b"".join(RECORD.pack(*row) for row in rows)
        cheaper.append(Recording(recording.instrument, recording.timeframe, scale, 0, recording.after, records))
        rules[recording.instrument] = msgspec.structs.replace(
            rules[recording.instrument],
            tick=Decimal(dice.choice((1, 5))).scaleb(-scale),
            lot=Decimal(dice.choice((1, 25))),
        )
    accounts = {
        name: msgspec.structs.replace(account, cash=min(account.cash, CASH_MAX))
        for name, account in desk.accounts.items()
    }
    return msgspec.structs.replace(desk, instruments=rules, accounts=accounts), cheaper
