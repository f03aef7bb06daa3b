"""The market of a schedule of one order: calm minutes, a move or two, and calm again."""

from functools import lru_cache
from random import Random

from fanfold.market.bars import Bar, bar_of
from fanfold.simulation.schedules.market import START, A, SeededMarket

WARM_MINUTES, BUSY_MINUTES_MAX, OUTAGE_MINUTES, HEALING_MINUTES_MAX = 3, 2, 7, 8
PLENTY, THIN = 10**9, 40_000
RISES = (60, 70, 80, 90, 100, 120, 140, 150)
MOVES = (-120, *RISES)


class OrderMarket(SeededMarket):
    """Some calm minutes, a move or two, and calm again."""

    def __init__(self, random: Random, *, begins_with_a_rise: bool) -> None:
        last = WARM_MINUTES + BUSY_MINUTES_MAX + OUTAGE_MINUTES + HEALING_MINUTES_MAX
        price, walk, choice = 10_000, list[Bar](), random.choice
        for minute in range(1, last + 1):
            first, volume = price, PLENTY
            if minute > WARM_MINUTES:
                if minute <= WARM_MINUTES + BUSY_MINUTES_MAX:
                    price += choice(RISES if begins_with_a_rise and minute == WARM_MINUTES + 1 else MOVES)
                volume = choice((PLENTY, PLENTY, THIN))
            walk.append(_bar(minute, first, price, volume))
        self.bars = {A: walk}


# The same few bars come in many schedules.
@lru_cache(maxsize=4_096)
def _bar(minute: int, first: int, last: int, volume: int) -> Bar:
    top, low = (first, last) if first > last else (last, first)
    return bar_of((START + 60 * minute, first, top + 20, low - 20, last, volume))
