"""Desks of random strategies, params, protections, limits and terms, on random parts of the seeded market."""

from collections.abc import Sequence
from pathlib import Path
from random import Random
from shutil import copy
from typing import Any, NamedTuple

from fanfold.desk import Desk
from fanfold.errors import BadInput
from support.backtests import ALL, desk_of, instance

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (ROOT / "examples/strategies", ROOT / "tests/support/strategies")
UNIVERSES, PAIRS = ("momentum", "rotation"), ("pairs", "pair_spread")
STRATEGIES = ("sma_cross", "mean_reversion", "breakout", "bollinger_reversion", "ema_cross", "macd_cross", "rsi_dip",
              "stochastic_turn", "supertrend_follow", "turtle", "vwap_reversion", "atr_trail", "both_sides_trail",
              *UNIVERSES, *PAIRS)  # fmt: skip
PARAMS: dict[str, dict[str, Sequence[Any]]] = {
    "sma_cross": {"fast": (2, 5, 8), "slow": (9, 16, 30)},
    "mean_reversion": {"window": (5, 12, 30), "entry": (0.8, 1.5), "exit": (0.3,)},
    "breakout": {"entry": (6, 9, 12), "exit": (2, 5, 6), "atr": (2, 6), "short": (0.0, 0.5, 1.0)},
    "momentum": {"window": (3, 8, 15), "top": (1, 2, 3), "every": (1, 4, 9)},
    "pairs": {"window": (8, 20, 40), "entry": (1.0, 1.6)},
    "rsi_dip": {"window": (3, 9), "low": (35.0, 45.0)},
    "turtle": {"entry": (3, 8, 12), "exit": (2, 6)},
    "atr_trail": {"window": (3, 8, 12), "ranges": (0.5, 1.0, 2.5)},
    "both_sides_trail": {"enter": (3, 8, 12), "ranges": (0.5, 1.0, 2.5), "short": (0.0, 0.4, 1.0)},
}
# Each with the share of desks that has it, and its values.
Choices = dict[str, tuple[float, Sequence[Any]]]
INSTANCE: Choices = {
    "stop": (0.35, ("0.0007", "0.001", "0.003")),
    "take_profit": (0.35, ("0.001", "0.004")),
    "trail": (0.35, ("0.0007", "0.002")),
    "band": (0.3, ("0", "0.01", "0.1")),
    "volatility": (0.2, ("0.2", "0.6")),
}
ACCOUNT: Choices = {
    "stops": (0.4, ("bars",)),
    "kind": (0.4, ("spot",)),
    "participation_max": (0.3, ("0.00001", "0.0001", "0.01")),
    "cash": (0.3, ("50", "1000", "12345.67", "1000000")),
    "maker_bps": (0.3, ("-1", "0", "3")),
    "taker_bps": (0.3, ("0", "7.5")),
    "slippage_bps": (0.3, ("0", "5")),
}
LIMITS: Choices = {
    "order_notional_max": (0.3, ("2000", "20000")),
    "gross_max": (0.3, ("0.5", "2")),
    "net_max": (0.3, ("0.3", "1")),
    "orders_per_minute_max": (0.3, (1, 2, 5)),
    "daily_loss_max": (0.3, ("0.002", "0.01")),
    "drawdown_max": (0.3, ("0.003", "0.02")),
}


class RandomDesk(NamedTuple):
    """A desk, the seed and the minutes of its market, and the minute at whose close it begins to trade.

    Then a bar of any length has just closed: a run reports a signal of before as stale, a fast back-test does not.
    """

    desk: Desk
    market: int
    minutes: int
    begins: int


def random_desk(seed: int) -> RandomDesk:
    """Return the desk of a seed."""
    dice = Random(seed)
    while True:
        instances = {name: _instance(dice) for name in "abc"[: dice.randint(1, 3)]}
        account = _some(dice, ACCOUNT)
        if any(each["strategy"] in PAIRS for each in instances.values()):
            # A bundle that fills unevenly is closed by the verbs alone, as docs/research.md says.
            account.pop("participation_max", None)
        try:
            desk = desk_of(instances, _some(dice, LIMITS), **account)
        except BadInput:
            # Such as a bundle whose legs may not be as large as the limits.
            continue
        return RandomDesk(desk, dice.randint(0, 50), dice.choice((150, 300)), dice.choice((1, 60, 90)))


def copy_strategies(folder: Path) -> None:
    """Copy the strategies that random desks have besides the shipped ones."""
    for source in FOLDERS:
        for file in source.glob("*.py"):
            copy(file, folder)


def _instance(dice: Random) -> dict[str, Any]:
    strategy = dice.choice(STRATEGIES)
    count = len(ALL) if strategy in UNIVERSES else 2 if strategy in PAIRS else dice.randint(1, len(ALL))
    params = {name: dice.choice(values) for name, values in PARAMS.get(strategy, {}).items()}
    timeframe, allocation = dice.choice(("1m", "1m", "1m", "5m", "15m")), dice.choice(("0.2", "0.3", "0.33"))
    chosen = {"params": params, "allocation": allocation, **_some(dice, INSTANCE)}
    return instance(strategy, dice.sample(ALL, count), timeframe, **chosen)


def _some(dice: Random, entries: Choices) -> dict[str, Any]:
    return {name: dice.choice(values) for name, (share, values) in entries.items() if dice.random() < share}
