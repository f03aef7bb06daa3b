"""A desk on an exchange whose client is made of candles in memory, real ones where they are at hand.

The verbs of market-data and the exchange are those of production; the reader is signal's fold, and what it misses it
asks for.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fanfold import desk
from fanfold.desk import Desk
from fanfold.errors import VenueUnavailable
from fanfold.market import bars
from fanfold.market.bars import Bar
from fanfold.messages import BarsClosed, BarsRequested, DataDefect
from fanfold.signals.fold import Fold
from fanfold.simulation.stores import MemoryBus, MemoryCursors
from fanfold.venues.ccxt.venue import ExchangeVenue
from market_data_service.poll import Poller
from support.core_desk import START, A, B, raw, walk

RECORDED = Path(__file__).resolve().parents[3] / "shared/data/candles_1m/binance_XRPUSDT_1m_2026-03_2026-04.feather"
GRACE_S = 2
Rows = list[list[Any]]


def spot(timeframe: str = "1m", **strategies: dict[str, Any]) -> Desk:
    made = raw(**strategies)
    made["venues"]["v"] |= {"timeframe": timeframe}
    return desk.build(made, "test")


class Client:
    """An exchange's client. A candle that is not finished yet, a second after its close, has another volume."""

    name, page, timeframes = "binance", 500, ("1m", "5m", "1d")

    def __init__(self, candles: dict[str, list[Bar]], length: int = 60) -> None:
        self.whole, self.length = candles, length
        self.now = float(START)
        self.skew_s = 0.0
        self.down = False
        self.spoil: Callable[[str, Rows], Rows] = lambda _symbol, rows: rows

    def load(self) -> None:
        pass

    def has(self, _symbol: str) -> bool:
        return True

    def responded_at_s(self) -> float:
        return float(int(self.now + self.skew_s))

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def candles(self, symbol: str, _timeframe: str, opens_from: int, limit: int) -> Rows:
        if self.down:
            raise VenueUnavailable("503")
        here = [bar for bar in self.whole[symbol] if opens_from <= bar.closes_at_s - self.length < self.now]
        return self.spoil(symbol, [self._row(bar) for bar in here[:limit]])

    def _row(self, bar: Bar) -> list[Any]:
        volume = bar.volume if self.now >= bar.closes_at_s + 1 else max(1, bar.volume // 2)
        opens = (bar.closes_at_s - self.length) * 1_000
        return [opens, *(f"{price / 100:.2f}" for price in bar[1:5]), f"{volume / 1_000:.3f}"]


class Trading:
    """A desk on such an exchange, minute by minute, polled so many seconds into each by a clock of its own."""

    def __init__(self, client: Client, into_s: float = 3.0, fast_s: float = 0.0, traded: Desk | None = None) -> None:
        self.client, self.into_s, self.fast_s = client, into_s, fast_s
        self.desk = traded or spot()
        self.bus, self.cursors = MemoryBus(), MemoryCursors()
        source = ExchangeVenue(
            client,  # type: ignore[arg-type]
            self.desk.instruments,
            self.now,
            responded_at_s=client.responded_at_s,
            grace_s=GRACE_S,
            sleep=client.sleep,
        )
        self.poller = Poller(self.desk, lambda _name: source, self.cursors, self.bus, self.now)
        self.fold = Fold(self.desk, "v")
        self.heard = 0
        self.steps: dict[str, int] = {}

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.client.now + self.fast_s, UTC)

    def minutes(self, minutes: range) -> None:
        for minute in minutes:
            self.client.now = START + self.client.length * minute + self.into_s
            with suppress(VenueUnavailable):  # It is told in the log, and asked again a minute later.
                self.poller.poll()
            self.read()

    def read(self) -> None:
        while self.heard < len(self.bus.messages):
            message = self.bus.messages[self.heard]
            self.heard += 1
            assert isinstance(message, BarsClosed)
            at = int(message.at.timestamp())
            gaps = self.fold.accept(bars.unpack(message.frames), at)[1]
            for gap in gaps:
                request = BarsRequested(
                    id=f"w{self.heard}",
                    cause="c",
                    at=self.now(),
                    venue="v",
                    timeframe=gap.timeframe,
                    instruments=[gap.instrument],
                    since_s=gap.since,
                    until_s=gap.until,
                )
                if not message.requested:
                    with suppress(VenueUnavailable):
                        self.poller.on_bars_requested(request)

    def published(self, name: str) -> list[Bar]:
        messages = (message for message in self.bus.messages if isinstance(message, BarsClosed))
        published = [series for message in messages if not message.requested for series in bars.unpack(message.frames)]
        return [
            bar
            for series in published
            if (series.timeframe, series.instrument) == (self.timeframe, name)
            for bar in series.bars
        ]

    @property
    def timeframe(self) -> str:
        return self.desk.venues["v"].timeframe

    def through(self, name: str) -> int:
        """The bar that the reader has reached, counted after START."""
        at = self.fold.snapshot().through.get(f"{self.timeframe} {name}", 0)
        return (at - START) // self.client.length

    def defects(self) -> list[DataDefect]:
        return [
            defect for message in self.bus.messages if isinstance(message, BarsClosed) for defect in message.defects
        ]


class Exclusive(Client):
    """An exchange that leaves the first candle asked for out, or gives some before it, or cuts the page at its end."""

    def __init__(self, candles: dict[str, list[Bar]], kind: str) -> None:
        super().__init__(candles)
        self.kind = kind

    def candles(self, symbol: str, timeframe: str, opens_from: int, limit: int) -> Rows:
        if self.kind == "after":
            return super().candles(symbol, timeframe, opens_from + 1, limit)
        if self.kind == "before":
            return super().candles(symbol, timeframe, opens_from - 180, limit + 3)
        if self.kind == "short":
            return super().candles(symbol, timeframe, opens_from, max(1, limit - 1))
        return super().candles(symbol, timeframe, opens_from, limit)[::-1]


def calm(seed: int, count: int = 400) -> dict[str, list[Bar]]:
    """Two instruments that never jump."""
    return {name: [bar._replace(low=min(bar[1:5]), high=max(bar[1:5])) for bar in walk(seed, name, count)]
            for name in (A, B)}  # fmt: skip


def real(count: int = 400) -> dict[str, list[Bar]]:
    """The same instrument twice, at two times of its recording; ours where it is not at hand."""
    if not RECORDED.exists():
        return calm(1, count)
    import pyarrow.feather  # Only where there is something to read.

    columns = pyarrow.feather.read_table(RECORDED).to_pydict()
    rows = list(zip(*(columns[name] for name in ("open", "high", "low", "close", "volume")), strict=True))
    return {name: [Bar(*[START + 60 * (at + 1), *(round(price * 10_000) for price in row[:4]), max(1, round(row[4]))])
                   for at, row in enumerate(rows[start : start + count])]
            for name, start in ((A, 0), (B, 20_000))}  # fmt: skip
