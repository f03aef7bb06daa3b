"""Record what rp2 makes of random ledgers: `make oracle`.

rp2 takes one universal pool of lots a coin. Only what decides is kept of each ledger and method: the number of rows,
the gains of both terms, and a checksum of which event took how much of which lot.
"""

import json
import logging
from decimal import Decimal
from pathlib import Path
from typing import Any
from zlib import crc32

from ledgers import COINS, Event, ledger
from rp2.configuration import Configuration
from rp2.plugin.country.us import US
from rp2.tax_engine import compute_tax
from rp2_input import configuration, engine, input_of

RECORDED = Path(__file__).with_name("recorded") / "tax.json"
LEDGERS, LONG_TERM_DAYS = 1_000, 365
METHODS = ("fifo", "lifo", "hifo")


def answer(settings: Configuration, events: list[Event], method: str) -> list[Any]:
    """Return rows, short-term gain, long-term gain, and the checksum of a ledger."""
    gains, taken = {True: Decimal(0), False: Decimal(0)}, []
    for coin in COINS:
        data = input_of(settings, events, coin)
        computed = compute_tax(settings, engine(method), data) if data else None
        for row in computed.gain_loss_set if computed else ():
            gains[row.is_long_term_capital_gains()] += row.fiat_gain
            amount = Decimal(row.crypto_amount).normalize()
            taken.append(f"{coin} {row.taxable_event.row} {row.acquired_lot.row} {amount:f}")
    return [len(taken), f"{gains[False]:.10f}", f"{gains[True]:.10f}", crc32("\n".join(sorted(taken)).encode())]


def main() -> None:
    """Write the answers of all ledgers, by method."""
    logging.disable(logging.WARNING)
    settings = configuration()
    assert US().get_long_term_capital_gain_period() == LONG_TERM_DAYS
    ledgers = [ledger(seed) for seed in range(LEDGERS)]
    answers = {method: [answer(settings, events, method) for events in ledgers] for method in METHODS}
    lines = ",\n".join(
        f'"{method}": [\n' + ",\n".join(json.dumps(each) for each in rows) + "\n]" for method, rows in answers.items()
    )
    RECORDED.write_text(f"{{{lines}}}\n")


main()
