"""Signal's cold start: CPU time from the stored fold of a desk of many symbols to the targets of the next bars."""

import gc
import json
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from statistics import median
from typing import Any

import msgspec
from printed import table

from fanfold import ids
from fanfold.aws.dynamodb.folds import FoldTable
from fanfold.desk import Desk
from fanfold.errors import AT_ONCE
from fanfold.market import bars
from fanfold.messages import BarsClosed, Message, encode
from fanfold.simulation import market
from fanfold.simulation.cloud import MemoryCloud
from signal_service.fold import StrategyRunner
from support.situations import LISTED, SEED, START, made_up, wide_desk

SYMBOLS = (100, 1_000)
TEN = 10
# More than the strategies look back on, and than the outputs that a cold process takes up.
MINUTES = 240
RUNS = 5


class Sent:
    """Counts what is published."""

    def __init__(self) -> None:
        self.targets = 0

    def publish(self, messages: Iterable[Message]) -> None:
        self.targets += sum(len(getattr(message, "targets", ())) for message in messages)


def main() -> None:
    rows = []
    for symbols in SYMBOLS:
        traded = _desk(symbols)
        *past, newest = _polls(symbols)
        cloud = MemoryCloud()
        folder = StrategyRunner(traded, "market", _stored(cloud), Sent(), AT_ONCE)
        for message in past:
            folder.fold(message)
        del folder
        rows.append((f"{symbols} symbols, 2 strategies", *_measured(traded, cloud, newest)))
    event = json.dumps({"Records": [{"body": encode(next(_polls(TEN))).decode()}]})
    loads = min(_cpu_s(json.loads, event) for _ in range(1_000))
    table(
        f"Signal's cold start: CPU, median of {RUNS}",
        ("desk", "targets", "stored ms", "first fold ms", "ratio to json.loads of a ten-bar event"),
        [(*row, row[3] / loads / 1e3) for row in rows],
    )


def _measured(traded: Desk, cloud: MemoryCloud, newest: BarsClosed) -> tuple[int, float, float]:
    """Targets of the first fold, ms for handing out what is stored (the fake's own share), ms for the fold with it."""
    taken = []
    for _ in range(RUNS):
        cloud.dynamodb.tables["folds"].put(("market", f"fold#{MINUTES:012d}"), None)
        sent = Sent()
        gc.collect()
        taken.append(
            _cpu_s(lambda sent=sent: StrategyRunner(traded, "market", _stored(cloud), sent, AT_ONCE).fold(newest))
        )
    stored = _cpu_s(lambda: list(cloud.table("folds").query("market", "fold#", newest_first=True)))
    return sent.targets, stored * 1e3, median(taken) * 1e3


def _cpu_s(work: Any, *arguments: Any) -> float:
    began = time.process_time()
    work(*arguments)
    return time.process_time() - began


def _stored(cloud: MemoryCloud) -> FoldTable:
    return FoldTable(cloud.table("folds"), "market", "1m")


def _desk(symbols: int) -> Desk:
    names = made_up(symbols)
    instance = {"instruments": names, "timeframe": "1m", "allocation": "0.5", "account": "main"}
    return wide_desk(names, {name: {"strategy": name, **instance} for name in ("sma_cross", "breakout")})


def _polls(symbols: int) -> Iterator[BarsClosed]:
    """A message a minute, with a bar of every symbol."""
    (listed,) = market.market(SEED, [LISTED], MINUTES, START)
    for bar, after in zip(listed.bars, [0, *(bar.closes_at_s for bar in listed.bars)], strict=False):
        polled = msgspec.structs.replace(listed, after=after, bars=[bar])
        series = [msgspec.structs.replace(polled, instrument=name) for name in made_up(symbols)]
        cause = f"poll/market/{bar.closes_at_s}"
        yield BarsClosed(
            id=ids.derive("bars", cause),
            cause=cause,
            at=datetime.fromtimestamp(bar.closes_at_s, UTC),
            venue="market",
            frames=bars.pack(series),
        )


if __name__ == "__main__":
    main()
