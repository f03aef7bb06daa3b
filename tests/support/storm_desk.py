"""A desk that sends many intents: half of its strategies enter at each bar while the others leave."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STRATEGY = '''"""Hold at every other bar."""

from typing import NamedTuple

from fanfold.strategies import Bars


class Params(NamedTuple):
    shift: int = 0


class State(NamedTuple):
    bars: int = 0


def step(params: Params, state: State, bars: Bars) -> tuple[State, float]:
    return State(state.bars + 1), float((state.bars + params.shift) % 2)
'''
HEAD = """[venues.market]
kind = "replay"
symbols = ["BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT"]
timeframe = "1m"

[accounts.main]
venue = "market"
kind = "spot"
currency = "USDT"
cash = 1_000_000
taker_bps = 10
maker_bps = 8
spread_bps = 2
slippage_bps = 1

[limits.main]
order_notional_max = 1_000_000
position_notional_max = 1_000_000
orders_per_minute_max = 1_000
gross_max = 1.0
net_max = 1.0
daily_loss_max = 0.99
drawdown_max = 0.99
# What the exchange delists while it is held has no bars any more; the other instruments are to trade on.
bar_age_s_max = 86_400

"""
INSTANCE = """[strategies.{symbol}-{number}]
strategy = "alternate"
params = {{ shift = {shift} }}
instruments = ["{symbol}/USDT"]
timeframe = "1m"
allocation = {share:.4f}
account = "main"
{order}

"""
# Of five instances of an instrument one sends orders that rest, and are canceled a minute later if they do not fill.
TAKING = 4
RESTING = 'order = "post-only"\norder_ttl_s = 60'
SYMBOLS = ("BTC", "ETH", "SOL", "XRP")


def storm_desk(folder: Path, instances: int) -> list[str]:
    """Write the desk, with so many instances for each instrument, and return the options that name it."""
    strategies = folder / "strategies"
    strategies.mkdir()
    (strategies / "alternate.py").write_text(STRATEGY)
    share = 0.8 / (instances * len(SYMBOLS))
    # Of two instances that trade one instrument on opposite sides, risk would let the second wait.
    tables = [
        INSTANCE.format(symbol=symbol, number=number, shift=position % 2, share=share, order=_order(number))
        for position, symbol in enumerate(SYMBOLS)
        for number in range(instances)
    ]
    rules = (ROOT / "desk.toml").read_text().partition("# Venue rules")[2].partition("\n")[2]
    desk = folder / "desk.toml"
    desk.write_text(HEAD + "".join(tables) + rules)
    return ["--desk", str(desk), "--strategies", str(strategies)]


def _order(number: int) -> str:
    return RESTING if number % (TAKING + 1) == TAKING else 'order = "market"'
