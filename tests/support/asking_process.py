"""A process that asks Kraken for balances under a key: ``python -m support.asking_process ORIGIN COUNT SECONDS_OFF``.

Its clock is off by so many seconds. It prints how many of its requests were refused.
"""

import sys
from datetime import UTC, datetime, timedelta

from fanfold.errors import VenueUnavailable
from fanfold.trading.terms import TERMS
from fanfold.venues.ccxt.keyed import KeyedClient
from fanfold.venues.ccxt.trading import ExchangeTrading
from support.keyed_exchange import CREDENTIALS


def main(origin: str, count: int, seconds_off: float) -> int:
    def now() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=seconds_off)

    credentials = {name: CREDENTIALS[name] for name in ("api_key", "secret")}
    client = KeyedClient(TERMS["kraken"], credentials, origin, clock=now, sleep=lambda _seconds: None)
    venue = ExchangeTrading(TERMS["kraken"], client, now)
    refused = 0
    for _ in range(count):
        try:
            venue.balances()
        except VenueUnavailable as fault:
            if "Invalid nonce" not in str(fault):
                raise
            refused += 1
    return refused


if __name__ == "__main__":
    print(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
