"""Read the rules of an instrument off ccxt's structure of a market, exactly as the exchange wrote them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from fanfold.desk import Instrument
from fanfold.venues.ccxt.installed import PINNED


def rules_of(exchange: str, market: Mapping[str, Any], as_of: str) -> Instrument | None:
    """Return the rules of a market, dated ``as_of``; None where the exchange does not state its tick and lot."""
    tick, lot = market["precision"]["price"], market["precision"]["amount"]
    if tick is None or lot is None:
        return None
    return Instrument(
        base=market["base"],
        quote=market["quote"],
        tick=Decimal(tick),
        lot=Decimal(lot),
        notional_min=_limit(market, "cost", "min"),
        amount_min=_limit(market, "amount", "min"),
        amount_max=_limit(market, "amount", "max"),
        as_of=as_of,
        source=f"{exchange} via ccxt {PINNED}",
    )


def _limit(market: Mapping[str, Any], of: str, end: str) -> Decimal:
    """Return a limit of orders as the exchange wrote it, 0 where it has none."""
    return Decimal((market["limits"].get(of) or {}).get(end) or 0)
