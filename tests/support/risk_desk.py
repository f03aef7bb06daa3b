"""A small desk, and books of it, that the tests of risk share."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from fanfold.desk import Account, Desk, Instrument, Limits, StrategyInstance, VenueSettings
from fanfold.messages import Order, Side, Target, TradingState
from fanfold.risk.exposure import AccountSnapshot, Exposure, Mark

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NOW = AT + timedelta(seconds=2)
BTC, ETH = "BTC/USDT", "ETH/USDT"
D = Decimal


def instrument(symbol: str, **changes: Any) -> Instrument:
    fields: dict[str, Any] = {"tick": D("0.01"), "lot": D("0.001"), "notional_min": D(5)}
    fields |= {"as_of": "2026-03-01", "source": "test"}
    return Instrument(base=symbol.split("/", maxsplit=1)[0], quote="USDT", **(fields | changes))


def instance(account: str, **changes: Any) -> StrategyInstance:
    fields: dict[str, Any] = {"strategy": "sma_cross", "instruments": [BTC, ETH], "timeframe": "1m"}
    fields |= {"allocation": D("0.5"), "band": D(0)}
    return StrategyInstance(account=account, **(fields | changes))


def desk(instances: dict[str, Any] | None = None, **limits: Any) -> Desk:
    """Accounts ``spot`` and ``margin`` of 10,000 each; instances ``s`` and ``m`` have half of theirs."""
    fields: dict[str, Any] = {"order_notional_max": D(100_000), "position_notional_max": D(100_000)}
    bounds = Limits(**(fields | limits))
    return Desk(
        venues={"v": VenueSettings(kind="replay", symbols=[BTC, ETH])},
        accounts={
            "spot": Account(venue="v", kind="spot", currency="USDT", cash=D(10_000)),
            "margin": Account(venue="v", kind="margin", currency="USDT", cash=D(10_000)),
        },
        strategies={
            "s": instance("spot", **(instances or {})),
            "m": instance("margin", **(instances or {})),
            "n": instance("margin", **(instances or {})),
        },
        limits={"spot": bounds, "margin": bounds},
        instruments={BTC: instrument(BTC), ETH: instrument(ETH)},
    )


def mark(price: str, age_s: int = 0, variance: float = 0.0) -> Mark:
    return Mark(price=D(price), closes_at_s=int(AT.timestamp()) - age_s, variance=variance)


def book(account: str = "margin", **changes: Any) -> AccountSnapshot:
    """Ten thousand in cash, nothing held, BTC at 100 and ETH at 10."""
    fields: dict[str, Any] = {
        "trading_state": TradingState.ACTIVE,
        "cash": D(10_000),
        "marks": {BTC: mark("100"), ETH: mark("10")},
    }
    return AccountSnapshot(account=account, **(fields | changes))


def held(quantity: str, pending: str = "0", price: str = "100") -> Exposure:
    return Exposure(quantity=D(quantity), open=D(pending), cost=D(quantity) * D(price))


def target(weight: float, **changes: Any) -> Target:
    fields: dict[str, Any] = {"signal_id": "signal", "instance": "m", "instrument": BTC, "timeframe": "1m"}
    return Target(weight=weight, **(fields | changes))


def order(side: Side = "buy", quantity: str = "1", **changes: Any) -> Order:
    fields: dict[str, Any] = {
        "order_id": "order",
        "client_order_id": "client",
        "signal_id": "signal",
        "account": "margin",
        "venue": "v",
        "instance": "m",
        "instrument": BTC,
        "kind": "market",
        "reference_price": D(100),
        "reserved": D(0),
        "decided_at": NOW,
        "expires_at": NOW,
    }
    return Order(side=side, quantity=D(quantity), **(fields | changes))
