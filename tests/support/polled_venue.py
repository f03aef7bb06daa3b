"""Market-data over a venue in memory, polled minute by minute."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from fanfold.market import bars
from fanfold.market.bars import Bar, Series
from fanfold.market.source import BarsRequest, Failure
from fanfold.messages import BarsClosed
from fanfold.simulation.stores import MemoryBus, MemoryCursors
from market_data_service.poll import Poller
from support.core_desk import START, A, B, instance, small_desk, walk
from support.crashes import Fuse, Mortal

DESK = small_desk(trend=instance(), slow=instance(timeframe="5m"))
FINE = {name: walk(1, name, 200) for name in (A, B)}


def coarse(name: str) -> list[Bar]:
    fine = FINE[name]
    return [
        Bar(
            five[-1].closes_at_s,
            five[0].open,
            max(bar.high for bar in five),
            min(bar.low for bar in five),
            five[-1].close,
            sum(bar.volume for bar in five),
        )
        for five in (fine[at : at + 5] for at in range(0, 200, 5))
    ]


class Venue:
    """All bars of a market; those of some instruments come late."""

    def __init__(self) -> None:
        self.hidden: dict[str, int] = {}

    def bars_of(self, requests: Sequence[BarsRequest]) -> list[Series | Failure]:
        return [self._series(request) for request in requests]

    def _series(self, request: BarsRequest) -> Series:
        whole = FINE[request.instrument] if request.timeframe == "1m" else coarse(request.instrument)
        until = min(request.until, self.hidden.get(request.instrument, request.until))
        answered = [bar for bar in whole if request.since < bar.closes_at_s <= until]
        before = [bar.closes_at_s for bar in whole if bar.closes_at_s <= request.since]
        return Series(
            instrument=request.instrument,
            timeframe=request.timeframe,
            price_scale=2,
            volume_scale=3,
            after=before[-1] if before else 0,
            bars=answered,
        )


class Feed:
    """A venue that is polled at minutes after START."""

    def __init__(self) -> None:
        self.venue, self.cursors, self.bus = Venue(), MemoryCursors(), MemoryBus()
        self.minute = 60
        self.poller = self.process()

    def process(self, fuse: Fuse | None = None) -> Poller:
        ports: tuple[Any, ...] = (self.cursors, self.bus)
        cursors, bus = ports if fuse is None else (Mortal(port, fuse) for port in ports)
        return Poller(DESK, lambda _name: self.venue, cursors, bus, self.now)

    def now(self) -> datetime:
        return datetime.fromtimestamp(START + 60 * self.minute + 2, UTC)

    def poll(self, minute: int) -> list[BarsClosed]:
        before = len(self.bus.messages)
        self.minute = minute
        self.poller.poll()
        return [message for message in self.bus.messages[before:] if isinstance(message, BarsClosed)]

    def published(self, timeframe: str, name: str) -> list[Bar]:
        heard = [message for message in self.bus.messages if isinstance(message, BarsClosed)]
        published = [series for message in heard for series in bars.unpack(message.frames)]
        return [
            bar
            for series in published
            if (series.timeframe, series.instrument) == (timeframe, name)
            for bar in series.bars
        ]


def closes(rows: list[Bar]) -> list[int]:
    return [(bar.closes_at_s - START) // 60 for bar in rows]
