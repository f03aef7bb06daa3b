"""The bars and the rules that every engine trades: long a unit while the fast average is above the slow one.

A target taken at a close is filled at the next open; the fee is 0.1 % of each fill; nothing is sold at the end.
"""

import numpy as np

FAST, SLOW, CASH, FEE = 20, 100, 10_000, 0.001
PRICE_DECIMALS = 5


def walk(count, seed=11):
    """Open, high, low and close of a geometric walk of minutes from 10, to five decimals."""
    chance = np.random.default_rng(seed)
    close = 10 * np.exp(np.cumsum(chance.normal(0, 0.0006, count)))
    opened = np.append(10.0, close[:-1]) * np.exp(chance.normal(0, 0.00003, count))
    opened, close = np.round(opened, PRICE_DECIMALS), np.round(close, PRICE_DECIMALS)
    reach = np.round(np.abs(chance.normal(0, 0.002, (2, count))), PRICE_DECIMALS)
    return opened, np.maximum(opened, close) + reach[0], np.minimum(opened, close) - reach[1], close


def long_where(close):
    """Return at which closes the fast sum times the slow length is above the slow sum times the fast one."""
    total = np.append(0, np.cumsum(np.rint(np.asarray(close) * 10**PRICE_DECIMALS).astype(np.int64)))
    fast, slow = (np.append(np.zeros(n - 1), total[n:] - total[:-n]) for n in (FAST, SLOW))
    above = fast * SLOW > slow * FAST
    above[: SLOW - 1] = False
    return above
