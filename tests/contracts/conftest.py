"""The make-believe exchange, served on loopback."""

from collections.abc import Iterator

import pytest

from support.exchange_server import START, Candle, Exchange, serving


@pytest.fixture
def exchange() -> Exchange:
    """BTC/USDT with two hours of candles, each a tick above the last."""
    served = Exchange()
    served.candles = [
        Candle(
            START + 60 * minute,
            f"{100 + minute}.00000000",
            f"{101 + minute}.5",
            f"{99 + minute}.01",
            f"{100 + minute}.25",
            "0.12345000",
        )
        for minute in range(120)
    ]
    return served


@pytest.fixture
def origin(exchange: Exchange) -> Iterator[str]:
    with serving(exchange) as address:
        yield address
