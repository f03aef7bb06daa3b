"""Strategies and data with a planted bias, and the check that must find it; and strategies without one."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fanfold.market.recording import RECORD, Recording
from fanfold.research.bias_lab import bar_history, lookahead, start_phase, survivors, warm_up
from fanfold.research.bias_lab.decisions import decide
from fanfold.research.bias_lab.evidence import EvidenceTerms
from fanfold.research.bias_lab.finding import Finding
from fanfold.research.bias_lab.judging import VerdictMarket, biases
from fanfold.research.bias_lab.market_columns import market_columns
from fanfold.strategy import contract

START, MINUTES = 1_767_225_600, 6_000
TERMS = EvidenceTerms(cost=0.001, trials=1, permutations=19, seed=3)
TEMPLATE = '''"""Made up."""

from typing import NamedTuple

from fanfold.strategy.bars import Bars, Universe


class Params(NamedTuple):
    n: int = 10


class State(NamedTuple):
    a: float = 0.0
    b: float = 0.0


def lookback(params: Params) -> int:
    return {lookback}


def step(params: Params, state: State, bars: {bars}) -> tuple[State, float]:
    now = bars.now
{body}
'''


class Planted(NamedTuple):
    """The body of a step with a bias, its lookback, what it sees, and the check that must find it."""

    finds: str
    body: str
    lookback: str = "params.n"
    bars: str = "Bars"


def _wants(condition: str) -> str:
    return f"return state, 1.0 if {condition} else 0.0"


_AHEAD, _PHASE = lookahead.NAME, start_phase.NAME
STRATEGIES = {
    "next_close": Planted(_AHEAD, _wants("bars.close[now + 1] > bars.close[now]")),
    "next_open": Planted(_AHEAD, _wants("bars.open[now + 1] > bars.open[now]")),
    "next_high": Planted(_AHEAD, _wants("max(bars.high[now], bars.high[now + 1]) > bars.close[now] * 1.002")),
    "next_volume": Planted(_AHEAD, _wants("bars.volume[now + 1] > bars.volume[now]")),
    "next_time": Planted(_AHEAD, _wants("bars.time[now + 1] - bars.time[now] == 60")),
    "seldom_ahead": Planted(
        _AHEAD,
        "if bars.close[now] > bars.close[now - 1] * 1.002:\n"
        "    return state, 1.0 if bars.close[now + 5] > bars.close[now] else -1.0\n"
        "return state, 0.0",
    ),
    "centred_mean": Planted(
        _AHEAD,
        "total = 0.0\n"
        "for i in range(now - 5, now + 6):\n"
        "    total += bars.close[i]\n"
        "return state, 1.0 if total > 11 * bars.close[now] else 0.0",
    ),
    "last_of_all": Planted(_AHEAD, _wants("bars.close[-1] > bars.close[now]")),
    "highest_of_all": Planted(
        _AHEAD,
        "top = 0.0\n"
        "for i in range(0, len(bars.close), 40):\n"
        "    top = max(top, bars.close[i])\n"
        "return state, 1.0 - bars.close[now] / top",
    ),
    "near_the_end": Planted(_AHEAD, _wants("len(bars.close) - now > 2_100")),
    "hour_not_over": Planted(
        _AHEAD,
        "ahead = (3_600 - bars.time[now] % 3_600) % 3_600 // 60\n"
        "return state, 1.0 if bars.close[now + ahead] > bars.close[now] else 0.0",
    ),
    "day_not_over": Planted(
        _AHEAD,
        "ahead = (86_400 - bars.time[now] % 86_400) % 86_400 // 60\n"
        "top = 0.0\n"
        "for i in range(now, now + ahead + 1):\n"
        "    top = max(top, bars.high[i])\n"
        "return state, 1.0 if top > bars.close[now] * 1.01 else 0.0",
    ),
    "another_ahead": Planted(
        _AHEAD, _wants("bars.close[1 - bars.me][now + 1] > bars.close[1 - bars.me][now]"), bars="Universe"
    ),
    "short_average": Planted(
        warm_up.NAME,
        "average = bars.close[now] if state.a == 0.0 else state.a + (bars.close[now] - state.a) / 100\n"
        "return State(average, 0.0), 1.0 if bars.close[now] > average else 0.0",
    ),
    "average_of_average": Planted(
        warm_up.NAME,
        "first = bars.close[now] if state.a == 0.0 else state.a + (bars.close[now] - state.a) / 30\n"
        "second = first if state.b == 0.0 else state.b + (first - state.b) / 30\n"
        "return State(first, second), 1.0 if first > second else 0.0",
        "30",
    ),
    "mean_since_start": Planted(
        warm_up.NAME,
        "traded, volume = state.a + bars.close[now] * bars.volume[now], state.b + bars.volume[now]\n"
        "return State(traded, volume), 1.0 if bars.close[now] * volume > traded else 0.0",
    ),
    "first_price": Planted(
        warm_up.NAME,
        "first = bars.close[now] if state.a == 0.0 else state.a\n"
        "return State(first, 0.0), 1.0 if bars.close[now] > first else 0.0",
    ),
    "half_of_each_thirty": Planted(
        warm_up.NAME, "return State(state.a + 1, 0.0), 1.0 if state.a % 30 < 15 else 0.0"
    ),
    "every_tenth_bar": Planted(
        _PHASE,
        # At bar 1, 11, 21 of the data, whose next bar rises by the pattern of `cycle`.
        "return State(state.a + 1, 0.0), 1.0 if state.a % 10 == 1.0 else 0.0",
    ),
    "all_but_the_fifth": Planted(
        _PHASE, "return State(state.a + 1, 0.0), 0.0 if state.a % 10 == 6.0 else 1.0"
    ),
}  # fmt: skip


def write(folder: Path, name: str) -> None:
    """Write a strategy's file."""
    planted = STRATEGIES[name]
    body = "\n".join(f"    {line}" for line in planted.body.splitlines())
    text = TEMPLATE.format(lookback=planted.lookback, bars=planted.bars, body=body)
    (folder / f"{name}.py").write_text(text)


def recorded(
    closes: np.ndarray, instrument: str = "BTC/USDT", timeframe: str = "1m", length: int = 60, seed: int = 1
) -> Recording:
    """Return bars that open at the close before, with wicks and volumes."""
    chance = np.random.default_rng(seed)
    opens = np.concatenate([closes[:1], closes[:-1]])
    wick = np.abs(closes).mean() * 0.0005
    high = np.maximum(opens, closes) + chance.random(closes.size) * wick
    low = np.minimum(opens, closes) - chance.random(closes.size) * wick
    times = START + length * np.arange(1, closes.size + 1)
    return of_columns(
        times, opens, high, low, closes, chance.integers(1_000, 9_000, closes.size), instrument, timeframe
    )


def of_columns(times: np.ndarray, *columns: np.ndarray | str) -> Recording:
    """Return bars of prices with two decimals; the last two are instrument and timeframe."""
    *figures, instrument, timeframe = columns
    *prices, volume = figures
    rows = [times, *(np.round(np.asarray(price, float) * 100) for price in prices), volume]
    records = np.stack([np.asarray(row).astype("<i8") for row in rows], axis=1).tobytes()
    assert len(records) == RECORD.size * len(times)
    return Recording(str(instrument), str(timeframe), 2, 3, 0, records)


def walk(count: int, seed: int, deviation: float = 0.001, drift: float = 0.0) -> np.ndarray:
    """Return closes of a random walk from 50,000."""
    moves = np.random.default_rng(seed).standard_normal(count) * deviation + drift
    return 50_000 * np.exp(np.cumsum(moves))


def cycle(count: int, seed: int) -> np.ndarray:
    """Return closes that rise in each bar 2, 12, 22 and fall in each bar 7, 17, 27, besides a random walk."""
    moves = np.random.default_rng(seed).standard_normal(count) * 0.001
    moves[2::10] += 0.004
    moves[7::10] -= 0.004
    return 50_000 * np.exp(np.cumsum(moves))


def market_for(name: str) -> VerdictMarket:
    """Return the bars on which a strategy with a planted bias is tried."""
    if STRATEGIES[name].finds == _PHASE:
        return VerdictMarket([recorded(cycle(MINUTES, 5))])
    both = [recorded(walk(MINUTES, 11)), recorded(walk(MINUTES, 12), "ETH/USDT", seed=2)]
    return VerdictMarket(both[: 2 if STRATEGIES[name].bars == "Universe" else 1])


def findings_on(name: str, market: VerdictMarket, params: dict[str, float] | None = None) -> dict[str, Finding]:
    """Return the findings of all checks for bias on a strategy, by their names."""
    bars = market_columns(market.traded)
    strategy = contract.bind(name, params or {}, len(bars.instruments))
    heard: list[str] = []
    findings = biases(strategy, bars, market, TERMS, decide(strategy, bars), heard.append)
    return {finding.name: finding for finding in findings}


def heikin_ashi() -> VerdictMarket:
    """Return bars computed from others."""
    closes = walk(MINUTES, 21)
    opens = np.concatenate([closes[:1], closes[:-1]])
    high, low = np.maximum(opens, closes) * 1.0003, np.minimum(opens, closes) * 0.9997
    middle, first = (opens + high + low + closes) / 4, opens.copy()
    for place in range(1, closes.size):
        first[place] = (first[place - 1] + middle[place - 1]) / 2
    times = START + 60 * np.arange(1, closes.size + 1)
    top, bottom = np.maximum(high, first), np.minimum(low, first)
    return VerdictMarket([of_columns(times, first, top, bottom, middle, np.full(MINUTES, 5), "BTC/USDT", "1m")])


def forming() -> VerdictMarket:
    """Return bars of ten minutes as they were after the first of them."""
    minutes = recorded(walk(10 * MINUTES, 22))
    table = np.frombuffer(minutes.records, dtype="<i8").reshape(-1, 6)[::10].copy()
    table[:, 0] = START + 600 * np.arange(1, len(table) + 1)
    return VerdictMarket([Recording("BTC/USDT", "10m", 2, 3, 0, table.tobytes())])


def _hours(shift: int) -> Recording:
    closes = walk(MINUTES, 11)[59::60]
    times = START + 3_600 * np.arange(1, closes.size + 1) - shift
    return of_columns(times, closes, closes, closes, closes, np.full(closes.size, 5), "BTC/USDT", "1h")


def stamped_early() -> VerdictMarket:
    """Return minutes, and hours that bear the time of their open."""
    return VerdictMarket([recorded(walk(MINUTES, 11))], longer=[_hours(3_600)])


def revised() -> VerdictMarket:
    """Return minutes, and the same of another download in which the venue changed some."""
    closes = walk(MINUTES, 11)
    later = closes.copy()
    later[500:520] *= 1.001
    return VerdictMarket([recorded(closes)], again=[recorded(later)])


def survivors_alone() -> VerdictMarket:
    """Return daily bars of a dozen instruments over three years, all of which are still traded."""
    names = [f"C{number}/USDT" for number in range(12)]
    return VerdictMarket([recorded(walk(1_095, 30 + n, 0.03), name, "1d", 86_400) for n, name in enumerate(names)])


DATA: dict[str, tuple[str, Callable[[], VerdictMarket]]] = {
    "heikin_ashi": (bar_history.NAME, heikin_ashi),
    "forming": (bar_history.NAME, forming),
    "stamped_early": (bar_history.NAME, stamped_early),
    "revised": (bar_history.NAME, revised),
    "survivors_alone": (survivors.NAME, survivors_alone),
}


def clean_market(count: int) -> VerdictMarket:
    """Return so many instruments whose bars agree with longer ones and with another download."""
    names: Sequence[str] = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
    traded = [recorded(walk(MINUTES, 11 + n), name, seed=n + 1) for n, name in enumerate(names[:count])]
    return VerdictMarket(traded, longer=[_hours(0)], again=[traded[0]])


# Name, params, number of instruments.
CLEAN: list[tuple[str, dict[str, float], int]] = [
    ("sma_cross", {}, 1),
    ("sma_cross", {"fast": 3, "slow": 12}, 1),
    ("breakout", {}, 1),
    ("mean_reversion", {}, 1),
    ("mean_reversion", {"window": 12, "entry": 1.5}, 1),
    ("momentum", {}, 3),
    ("momentum", {"window": 30, "every": 1, "top": 1}, 3),
    ("pairs", {}, 2),
    ("pairs", {"window": 40}, 2),
    ("bollinger_reversion", {}, 1),
    ("ema_cross", {}, 1),
    ("ema_cross", {"fast": 3, "slow": 9}, 1),
    ("macd_cross", {}, 1),
    ("pair_spread", {}, 2),
    ("rotation", {}, 3),
    ("rsi_dip", {}, 1),
    ("stochastic_turn", {}, 1),
    ("supertrend_follow", {}, 1),
    ("turtle", {}, 1),
    ("vwap_reversion", {}, 1),
]
