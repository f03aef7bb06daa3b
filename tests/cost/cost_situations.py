"""The three desks whose bills have a ceiling, on distinct seeded markets."""

from typing import Any, NamedTuple

import msgspec

from fanfold import desk
from fanfold.cost import scenarios
from fanfold.market.bars import Series
from fanfold.simulation import market
from support.situations import START, WIDE_LIMITS, Situation

WARM_UP = 3 * 1_440
# The first minutes take in the warm-up bars, which a desk does once.
WARM_MINUTES = 5
LISTED = tuple(market.catalogue())


class Scenario(NamedTuple):
    """A desk and its minutes, of which the first are not counted."""

    name: str
    situation: Situation
    profile: str
    warm_minutes: int = WARM_MINUTES


def arbitrage(minutes: int) -> Scenario:
    """One pair at two venues, an account at each, polled every minute; reversion at each stands in for the two legs."""
    names = ("A/USDT", "B/USDT")
    raw = {
        "venues": {f"venue{name[0]}": _venue([name]) for name in names},
        "accounts": {f"account{symbol[0]}": _account(f"venue{symbol[0]}") for symbol in names},
        "strategies": {
            f"leg{symbol[0]}": _instance(
                "mean_reversion",
                {"window": 96, "entry": 2.0, "exit": 0.0},
                [symbol],
                account=f"account{symbol[0]}",
                timeframe="1m",
            )
            for symbol in names
        },
        "limits": {f"account{symbol[0]}": WIDE_LIMITS for symbol in names},
    }
    return _scenario("arbitrage", raw, names, minutes)


def ten(minutes: int) -> Scenario:
    """Ten symbols, one strategy."""
    names = tuple(f"T{number:02d}/USDT" for number in range(10))
    raw = _one_venue(names, {"trend": _instance("sma_cross", {"fast": 20, "slow": 100}, names)})
    return _scenario("ten", raw, names, minutes)


def hundred(minutes: int) -> Scenario:
    """A hundred symbols, each under five strategies."""
    names = tuple(f"H{number:03d}/USDT" for number in range(100))
    instances = {
        "trend": _instance("sma_cross", {"fast": 20, "slow": 100}, names, timeframe="5m", allocation="0.2"),
        "slow": _instance("sma_cross", {"fast": 5, "slow": 20}, names, timeframe="1h", allocation="0.2"),
        "channel": _instance("breakout", {"entry": 40, "exit": 20}, names, timeframe="15m", allocation="0.2"),
        "reversion": _instance(
            "mean_reversion", {"window": 96, "entry": 3.5, "exit": 0.5}, names, timeframe="5m", allocation="0.2"
        ),
        "rotation": _instance(
            "momentum", {"window": 12, "top": 5, "every": 6}, names, timeframe="1h", allocation="0.2"
        ),
    }
    return _scenario("hundred", _one_venue(names, instances), names, minutes)


SCENARIOS = {"arbitrage": arbitrage, "ten": ten, "hundred": hundred}


def _scenario(name: str, raw: dict[str, Any], names: tuple[str, ...], minutes: int) -> Scenario:
    total = WARM_UP + WARM_MINUTES + minutes
    series = [_series(number, symbol, total) for number, symbol in enumerate(names)]
    rules = market.catalogue()
    raw["instruments"] = {symbol: msgspec.to_builtins(rules[_listed(number)]) for number, symbol in enumerate(names)}
    first = START + (WARM_UP + 1) * 60
    closes = range(first, first + (WARM_MINUTES + minutes) * 60, 60)
    situation = Situation(name, desk.build(raw, name), series, closes)
    return Scenario(name, situation, scenarios.SCENARIOS[name].profile)


def _series(number: int, name: str, minutes: int) -> Series:
    (listed_series,) = market.market(number, [_listed(number)], minutes, START)
    return msgspec.structs.replace(listed_series, instrument=name)


def _listed(number: int) -> str:
    return LISTED[number % len(LISTED)]


def _one_venue(names: tuple[str, ...], instances: dict[str, Any]) -> dict[str, Any]:
    return {
        "venues": {"market": _venue(names)},
        "accounts": {"main": _account("market")},
        "strategies": instances,
        "limits": {"main": WIDE_LIMITS},
    }


def _venue(names: Any) -> dict[str, Any]:
    return {"kind": "replay", "symbols": list(names), "timeframe": "1m"}


def _account(venue: str) -> dict[str, Any]:
    return {"venue": venue, "kind": "margin", "currency": "USDT", "cash": "100000"}


def _instance(
    strategy: str,
    params: dict[str, Any],
    names: Any,
    *,
    account: str = "main",
    timeframe: str = "1m",
    allocation: str = "1",
) -> dict[str, Any]:
    return {
        "strategy": strategy,
        "params": params,
        "instruments": list(names),
        "timeframe": timeframe,
        "allocation": allocation,
        "account": account,
    }
