"""A seeded desk of two instruments, and the bars that its venue has of them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any

from fanfold import desk
from fanfold.desk import Desk
from fanfold.market import bars, timeframes
from fanfold.market.bars import Bar, Series
from fanfold.messages import BarsClosed, BarsRequested

START = 1_772_323_200  # 2026-03-01T00:00Z
A, B = "BTC/USDT", "ETH/USDT"
PRICE_SCALE, VOLUME_SCALE = 2, 3
VOLUMES = (10**9, 300_000, 90_000)
# What is tightened in some worlds, so that it is met.
TIGHT: tuple[dict[str, str], ...] = (
    {}, {}, {"daily_loss_max": "0.002"}, {"drawdown_max": "0.003"}, {"position_notional_max": "2500"},
    {"gross_max": "0.4"}, {"net_max": "0.3"},
)  # fmt: skip
# How often what is told from outside is sent in slices.
SLICED = 0.4
EXTERNAL: dict[str, Any] = {"strategy": "external", "params": {}, "allocation": "0.42", "instruments": [B]}
_RULES = {"tick": "0.01", "lot": "0.001", "notional_min": "5", "as_of": "2026-03-01", "source": "simulated"}


def document(strategies: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return a desk file of one account, on two instruments of one venue."""
    return {
        "venues": {"v": {"kind": "replay", "symbols": [A, B]}},
        "accounts": {"main": {"venue": "v", "kind": "margin", "currency": "USDT", "cash": "10000"}},
        "strategies": strategies,
        "limits": {"main": {"order_notional_max": "5000", "position_notional_max": "9000"}},
        "instruments": {A: {"base": "BTC", "quote": "USDT", **_RULES}, B: {"base": "ETH", "quote": "USDT", **_RULES}},
    }


def instance(strategy: str = "sma_cross", **changes: Any) -> dict[str, Any]:
    """Return a strategy instance that trades both instruments by the minute, but for what is changed."""
    usual = {"instruments": [A, B], "timeframe": "1m", "allocation": "0.3", "account": "main", "band": "0"}
    return {"strategy": strategy, "params": {}} | usual | changes


def desk_of(random: Random, limits: Random, timeframe: str = "1m") -> Desk:
    """Two strategies of a timeframe, one told from outside, on spot or on margin, at market or with limits.

    Together they use all of the cash, and what is told may be more than one order may be worth.
    """
    sma = {"order": random.choice(("market", "limit")), "allocation": "0.29", "timeframe": timeframe}
    file = document(
        {
            "one": instance(params={"fast": 1, "slow": 3}, **sma),
            "two": instance(params={"fast": 1, "slow": 2}, instruments=[A], **sma),
            "told": instance(**EXTERNAL, timeframe=timeframe),
        }
    )
    file["venues"]["v"]["timeframe"] = timeframe
    file["accounts"]["main"] |= {"kind": random.choice(("margin", "spot")), "participation_max": "0.1"}
    file["limits"]["main"] = {"order_notional_max": "4000", "position_notional_max": "6000"} | limits.choice(TIGHT)
    if limits.random() < SLICED:
        file["strategies"]["told"] |= {"slices": 3, "slices_over_s": 150}
    return desk.build(file, "simulated")


class SeededMarket:
    """So many bars of an instrument: a walk in steps of at most 1.5 %, at times thinly traded."""

    timeframe = "1m"

    def __init__(self, random: Random, count: int, timeframe: str = timeframe) -> None:
        price = dict.fromkeys((A, B), 10_000)
        self.timeframe, length_s = timeframe, timeframes.seconds(timeframe)
        self.bars: dict[str, list[Bar]] = {A: [], B: []}
        for number in range(1, count + 1):
            for name, walk in self.bars.items():
                first = price[name]
                price[name] = last = max(5_000, first + random.randint(-150, 150))
                top, low = max(first, last) + 20, min(first, last) - 20
                walk.append(Bar(START + length_s * number, first, top, low, last, random.choice(VOLUMES)))

    def close(self, name: str, at: float) -> Decimal:
        """The last close by a time; before the first, the open of that."""
        closed = [bar.close for bar in self.bars[name] if bar.closes_at_s <= at] or [self.bars[name][0].open]
        return Decimal(closed[-1]).scaleb(-2)

    def publish(self, messages: Iterable[BarsClosed]) -> None:
        """Keep only the bars of messages that go to all readers: what the desk knows of the market."""
        known: dict[str, dict[int, Bar]] = {name: {} for name in self.bars}
        for message in messages:
            for series in () if message.requested else bars.unpack(message.frames):
                for bar in series.bars:
                    known[series.instrument].setdefault(bar.closes_at_s, bar)
        self.bars = {name: [walk[at] for at in sorted(walk)] for name, walk in known.items()}

    def minute(self, minute: int) -> BarsClosed:
        return self._message(f"p{minute}", self._since(START + 60 * (minute - 1), START + 60 * minute), requested=False)

    def wanted(self, message: BarsRequested) -> BarsClosed:
        """Bars that market-data would bring of what is missing."""
        since = {
            name: missing
            for name, missing in self._since(message.since_s, message.until_s).items()
            if name in message.instruments
        }
        return self._message(message.id, since, requested=True)

    def _since(self, since: int, until: int) -> dict[str, list[Bar]]:
        return {name: [bar for bar in walk if since < bar.closes_at_s <= until] for name, walk in self.bars.items()}

    def _message(self, name: str, by_instrument: dict[str, list[Bar]], *, requested: bool) -> BarsClosed:
        frames = [self._series(instrument, walk) for instrument, walk in by_instrument.items() if walk]
        at = max(bar.closes_at_s for walk in by_instrument.values() for bar in walk)
        return BarsClosed(
            id=f"bars-{name}",
            cause=f"poll-{name}",
            at=datetime.fromtimestamp(at, UTC),
            venue="v",
            requested=requested,
            frames=bars.pack(frames),
        )

    def _series(self, name: str, walk: list[Bar]) -> Series:
        first = walk[0].closes_at_s - timeframes.seconds(self.timeframe)
        after = 0 if first == START else first
        return Series(
            instrument=name,
            timeframe=self.timeframe,
            price_scale=PRICE_SCALE,
            volume_scale=VOLUME_SCALE,
            after=after,
            bars=walk,
        )
