"""Desks of any ticks, lots, fees, bands and limits, in markets that gap and thin out: laws hold, FLATTENING ends."""

from datetime import UTC, datetime
from decimal import Decimal
from random import Random

import pytest
from quiet_desk import QuietDesk

from fanfold import desk
from fanfold.desk import Desk
from fanfold.market import bars
from fanfold.market.bars import Bar, Series
from fanfold.messages import BarsClosed, TradingState
from fanfold.simulation.schedules.outcome import Outcome
from support.core_desk import START, A, B, raw

D = Decimal
MOVES = (1, 1, 1.001, 0.999, 1.01, 0.99, 1.3, 0.6, 2, 0.4)
WEIGHTS = (0.0, 1.0, -1.0, 0.5, 0.01, 1e-9, -0.3)
STEPS = 14


class Market:
    """Prices in ticks that move as they like, told in bars of which some are missing."""

    def __init__(self, random: Random, scale: int, step: int, volume_scale: int) -> None:
        self.random, self.scale, self.step, self.volume_scale = random, scale, step, volume_scale
        self.price = {name: random.choice((50, 100, 1_000, 10**6)) for name in (A, B)}
        self.last = dict.fromkeys((A, B), 0)
        self.minute = 0

    def bars(self, *, calm: bool = False) -> list[BarsClosed]:
        """The next bars, maybe after a hole; where it is calm, of one price and of any volume."""
        self.minute += 1 if calm else self.random.choice((1, 1, 1, 2, 6))
        moved = [self._series(name, calm=calm) for name in (A, B) if calm or self.random.random() < 0.9]
        at = datetime.fromtimestamp(START + 60 * self.minute, UTC)
        name = str(self.minute)
        return [BarsClosed(id=f"b{name}", cause=f"p{name}", at=at, venue="v", frames=bars.pack(moved))] if moved else []

    def _series(self, name: str, *, calm: bool) -> Series:
        pick, closes, after = self.random.choice, START + 60 * self.minute, self.last[name]
        first = self.price[name] if calm else max(1, int(self.price[name] * pick((1, 1, 1, 1.1, 0.5))))
        last = self.price[name] if calm else max(1, int(self.price[name] * pick(MOVES)) + pick((0, 1, -1)))
        self.price[name], self.last[name] = last, closes
        top, low = (0, 0) if calm else (pick((0, 1, 5)), pick((0, 1, 5)))
        prices = first, max(first, last) + top, max(1, min(first, last) - low), last
        volume = 10**15 if calm else pick((0, 1, 1_000, 10**9, 10**12))
        return Series(instrument=name, timeframe="1m", price_scale=self.scale, volume_scale=self.volume_scale,
                      after=after, bars=[Bar(*[closes, *(price * self.step for price in prices), volume])])  # fmt: skip


def made(random: Random) -> tuple[Desk, Market]:
    pick, document = random.choice, raw()
    scale, step, places = pick((0, 1, 2, 4, 8, 14)), pick((1, 1, 5, 25)), pick((0, 2, 3, 5, 8))
    lot = D(1).scaleb(-places)
    rules = {"tick": str(D(step).scaleb(-scale)), "lot": str(lot), "notional_min": pick(("0", "5", "10")),
             "amount_min": str(lot * pick((0, 0, 10, 1_000))),
             "amount_max": str(lot * pick((0, 0, 10**5)))}  # fmt: skip
    for name in (A, B):
        document["instruments"][name] |= rules
    document["accounts"]["main"] |= {
        "kind": pick(("spot", "margin")), "cash": pick(("10000", "100", "50000.12345678")),
        "taker_bps": pick(("0", "10", "300")), "maker_bps": pick(("-2", "0", "5", "300")),
        "spread_bps": pick(("0", "5", "400")), "slippage_bps": pick(("0", "2", "400")),
        "participation_max": pick(("0.01", "0.1", "1")),
    }  # fmt: skip
    document["limits"]["main"] = {
        "order_notional_max": pick(("100000", "3000")), "position_notional_max": pick(("100000", "4000")),
        "collar_bps": pick(("0", "10", "200", "3000")), "gross_max": pick(("1", "0.5", "3")),
        "daily_loss_max": pick(("0.05", "0.01", "1")), "drawdown_max": pick(("0.2", "0.02", "1")),
        "orders_per_minute_max": pick((1, 20)),
    }  # fmt: skip
    document["strategies"] = {
        f"told{number}": {
            "strategy": "external", "params": {}, "instruments": pick(([A, B], [A])), "timeframe": "1m",
            "allocation": "0.5", "account": "main", "band": pick(("0", "0.1")), "order": pick(("market", "limit")),
            "order_ttl_s": pick((60, 300, 86_400)),
        } for number in range(pick((1, 2)))
    }  # fmt: skip
    dice = Random(f"slices {document}")
    if document["limits"]["main"]["orders_per_minute_max"] > 1 and dice.random() < 0.5:
        slices = {"slices": dice.choice((2, 5, 20)), "slices_over_s": dice.choice((20, 90, 300))}
        document["strategies"]["told0"] |= slices
    return desk.build(document, "random"), Market(random, scale, step, pick((0, 3, 8)))


def play(random: Random, world: QuietDesk, market: Market) -> None:
    for step in range(STEPS):
        hear(world, market.bars(), market)
        if random.random() < 0.6:
            name, instance = random.choice(sorted(world.desk.strategies.items()))
            world.now += random.choice((0, 1, 30))
            world.tell(f"t{step}", {(name, symbol): random.choice(WEIGHTS) for symbol in instance.instruments})
        if random.random() < 0.2:
            state = random.choice(list(TradingState))
            world.command("resume" if state is TradingState.ACTIVE else "halt", state=state)
        if random.random() < 0.1:
            world.restart()


def hear(world: QuietDesk, messages: list[BarsClosed], market: Market) -> None:
    world.now = max(world.now, START + 60.0 * market.minute)
    world.publish(*messages)
    world.settle()
    world.sweep()


def wrong(seed: int) -> list[str]:
    random = Random(f"desk {seed}")
    desk_, market = made(random)
    world = QuietDesk(desk_)
    play(random, world, market)
    # A hole of minutes is no bar that ends an order, so a sweep may be due first.
    broken = world.broken("flatten_ends_flat", "no_live_order_is_without_a_future")
    world.command("halt", state=TradingState.FLATTENING)
    for _ in range(25):
        hear(world, market.bars(calm=True), market)
    broken += world.broken("flatten_ends_flat")
    tick = D(market.step).scaleb(-market.scale)
    rules = desk_.instruments[A]
    broken += [f"{leg} still holds {held}" for leg, held in world.held().items()
               if abs(held) * market.price[leg[1]] * tick >= rules.notional_min + 1
               and abs(held) >= rules.amount_min + rules.lot]  # fmt: skip
    account = Outcome(world).books.account  # type: ignore[arg-type]
    if desk_.accounts["main"].kind == "spot" and (account.cash < 0 or min(world.held().values(), default=D(0)) < 0):
        broken.append(f"a spot account has {account.cash} and {world.held()}")
    return broken + ["something was dead-lettered"] * bool(world.dead())


@pytest.mark.parametrize("first", range(0, 40, 10))
def test_a_desk_of_any_figures_keeps_the_laws_and_ends_flat(first: int) -> None:
    assert {seed: breaches for seed in range(first, first + 10) if (breaches := wrong(seed))} == {}
