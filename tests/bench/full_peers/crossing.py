"""The work that every engine does: long a unit of a symbol while its average of 20 closes is above that of 100.

Read by each engine in its own environment, so that it needs the standard library alone. Prices are ticks of 0.01;
a bar opens at the close before it, so that an order fills at one price whether at this close or at the next open.
"""

from array import array
from collections import deque
from random import Random

START = 1_767_225_600
MINUTE_S = 60
TICKS = 100
FAST, SLOW = 20, 100
# Bars before the first that is traded: the averages have their past then.
WARM = 120
FIRST_TICKS = 10_000


def names(symbols):
    return [f"S{number:04d}" for number in range(symbols)]


def walk(number, bars):
    """Return a symbol's closes in ticks, ``bars`` of them after the first; the same for the same number."""
    random, closes = Random(number), array("q", [FIRST_TICKS])
    for _ in range(bars):
        closes.append(max(8_000, min(12_000, closes[-1] + random.randint(-9, 9))))
    return closes


def rows(number, bars):
    """Yield each bar of a symbol: close in epoch seconds, open, high, low and close in ticks."""
    closes = walk(number, bars)
    for at in range(1, len(closes)):
        opened, closed = closes[at - 1], closes[at]
        yield START + at * MINUTE_S, opened, max(opened, closed), min(opened, closed), closed


class Crossing:
    """The averages of one symbol, in whole ticks: no tie is lost to rounding."""

    def __init__(self):
        self.closes = deque([0] * SLOW, maxlen=SLOW)
        self.fast = self.slow = 0

    def is_long(self, ticks):
        """Take a close; return whether the fast average is above the slow one."""
        closes = self.closes
        self.fast += ticks - closes[-FAST]
        self.slow += ticks - closes[0]
        closes.append(ticks)
        return self.fast * SLOW > self.slow * FAST
