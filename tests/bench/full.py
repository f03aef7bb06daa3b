"""History at full fidelity, beside nautilus_trader and akquant on the same bars, each in an environment of its own.

No time is printed unless all engines have the same fills: time, symbol, side, price and quantity.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from full_peers.crossing import FAST, MINUTE_S, SLOW, START, WARM, names, rows
from peers.environments import Peer, environment
from printed import table

from fanfold import desk
from fanfold.aws.function.runtime import collect_seldom
from fanfold.market.bars import Bar, Series
from fanfold.market.recording import Recording
from fanfold.messages import Fill
from fanfold.simulation.full_run import full_run
from support.chain import Chain, Meter, memory_cloud
from support.situations import Situation

PEERS = (
    Peer("nautilus_trader", "1.231.0", "nautilus_client.py"),
    Peer("akquant", "0.3.71", "akquant_client.py"),
)
CLIENTS = Path(__file__).resolve().parent / "full_peers"
SIZES = ((1, 10_000), (10, 2_000), (100, 1_000))
PASSES = 3
PEER_S = 900
HANDLED_MINUTES = 200
PROCESSES = 2
Fills = list[tuple[int, str, str, str, int]]


class Measured(NamedTuple):
    """A run: CPU seconds, bars, and fills in order."""

    cpu_s: float
    bars: int
    fills: Fills

    @property
    def us_a_bar(self) -> float:
        return self.cpu_s / self.bars * 1e6


def situation(symbols: int, minutes: int) -> Situation:
    """A desk that is long a unit of each symbol while its fast average is above the slow one."""
    pairs = [f"{name}/USDT" for name in names(symbols)]
    series = [
        Series(
            instrument=pair,
            timeframe="1m",
            price_scale=2,
            volume_scale=0,
            after=START,
            bars=[Bar(*[at, *prices, 10_000_000]) for at, *prices in rows(number, minutes + WARM)],
        )
        for number, pair in enumerate(pairs)
    ]
    first = START + WARM * MINUTE_S
    return Situation(
        f"{symbols} symbols", desk.build(_tables(pairs), "bench"), series, range(first, first + minutes * 60 + 1, 60)
    )


def _tables(pairs: list[str]) -> dict[str, Any]:
    listed = {"quote": "USDT", "tick": "0.01", "lot": 1, "notional_min": 1, "as_of": "2026-01-01", "source": "bench"}
    crossing = {
        "strategy": "sma_cross",
        "params": {"fast": FAST, "slow": SLOW},
        "instruments": pairs,
        "timeframe": "1m",
        "allocation": 1,
        "account": "main",
        # A position is entered and left, and not brought back to its share in between.
        "band": 1,
    }
    costs = {"taker_bps": 10, "spread_bps": 0, "slippage_bps": 0}
    cash = str(150 * len(pairs))
    return {
        "venues": {"market": {"kind": "replay", "symbols": pairs, "timeframe": "1m"}},
        "accounts": {"main": {"venue": "market", "kind": "margin", "currency": "USDT", "cash": cash, **costs}},
        "strategies": {"cross": crossing},
        "limits": {
            "main": {
                "order_notional_max": 1_000_000,
                "position_notional_max": 1_000_000,
                "orders_per_minute_max": 1_000,
                "daily_loss_max": 1,
                "drawdown_max": 1,
                "gross_max": 10,
                "net_max": 10,
            }
        },
        "instruments": {pair: {"base": pair.partition("/")[0], **listed} for pair in pairs},
    }


def own(symbols: int, minutes: int) -> Measured:
    """Run our desk on its verbs in memory."""
    case = situation(symbols, minutes)
    recordings = [Recording.of(series) for series in case.recordings if isinstance(series, Series)]
    began = time.process_time()
    result = full_run(case.desk, recordings, case.closes[0], case.closes[-1])
    took = time.process_time() - began
    return Measured(took, symbols * len(case.closes), sorted(map(_as_compared, result.fills)))


def _as_compared(fill: Fill) -> tuple[int, str, str, str, int]:
    name = fill.instrument.partition("/")[0]
    return int(fill.at.timestamp()), name, fill.side, f"{fill.price:.2f}", int(fill.quantity)


def peer(client: Peer, symbols: int, minutes: int) -> Measured:
    """Run a peer in its environment."""
    command = [str(environment(client)), str(CLIENTS / client.script), str(symbols), str(minutes)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PEER_S, check=False)
    if done.returncode:
        sys.exit(f"{client.package} failed: {done.stderr[-2_000:]}")
    report = json.loads(done.stdout.splitlines()[-1])
    fills = sorted((at, name, side, price, quantity) for at, name, side, price, quantity in report["fills"])
    return Measured(report["cpu_s"], report["bars"], fills)


def best(runs: list[Measured]) -> Measured:
    return min(runs, key=lambda run: run.cpu_s)


def compared(symbols: int, minutes: int) -> tuple[object, ...]:
    """Return the row of a size: each engine's best of several runs, taken in turn."""
    engines = {"ours": lambda: own(symbols, minutes)}
    engines |= {client.package: partial(peer, client, symbols, minutes) for client in PEERS}
    runs: dict[str, list[Measured]] = {name: [] for name in engines}
    for _ in range(PASSES):
        for name, run in engines.items():
            runs[name].append(run())
    fills = runs["ours"][0].fills
    for name, measured in runs.items():
        if any(run.fills != fills for run in measured):
            sys.exit(f"{name} has other fills than ours at {symbols} symbols: nothing is compared")
    ours, *others = (best(measured).us_a_bar for measured in runs.values())
    return symbols, minutes, len(fills), ours, *(figure for other in others for figure in (other, other / ours))


class PassingMeter(Meter):
    """Takes the time of no call: that of the whole process is taken."""

    def __call__(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return self._answer(service, operation, parameters)


class UnmeteredChain(Chain):
    meter = PassingMeter


def handled(symbols: int) -> tuple[float, int]:
    """Trade minutes through the five services' real handlers, on an AWS in memory; return CPU seconds and bars."""
    case = situation(symbols, HANDLED_MINUTES)
    now = [case.closes[0]]
    cloud = memory_cloud(lambda: float(now[0]))
    with tempfile.TemporaryDirectory() as folder:
        chain = UnmeteredChain(case, Path(folder), lambda _service: cloud.call)
        chain.minute(case.closes[0])
        # As the runtime of a function does when its process begins.
        collect_seldom()
        began = time.process_time()
        for now[0] in case.closes[1:]:
            chain.minute(now[0])
        return time.process_time() - began, symbols * (len(case.closes) - 1)


def through_handlers(symbols: int) -> tuple[object, ...]:
    """Return the row of a size: a desk alone in a process, and two side by side, each in a process of its own."""
    with ProcessPoolExecutor(PROCESSES) as pool:
        cpu_s, bars = min(pool.submit(handled, symbols).result() for _ in range(PASSES))
        together = [list(pool.map(handled, [symbols] * PROCESSES)) for _ in range(PASSES)]
    rate = max(sum(own_bars / own_s for own_s, own_bars in pair) for pair in together)
    return symbols, cpu_s / bars * 1e6, bars / cpu_s, rate


def main() -> None:
    heads = ["symbols", "minutes", "fills", "ours, us a bar"]
    heads += [text for client in PEERS for text in (f"{client.package} {client.version}", "to ours")]
    table(
        f"History at full fidelity: CPU of a bar, best of {PASSES} runs in turn; the fills of all are equal",
        heads,
        [compared(*size) for size in SIZES],
    )
    table(
        "Through the five real handlers on an AWS in memory, by CPU time",
        ("symbols", "us a bar", "bars a second", "two processes, a desk each: bars a second"),
        [through_handlers(symbols) for symbols, _ in SIZES],
    )


if __name__ == "__main__":
    main()
