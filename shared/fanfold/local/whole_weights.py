"""Tell of legs whose whole weight the venue or the limits do not take, as the desk begins."""

from collections.abc import Iterator
from decimal import Decimal

from fanfold.desk import Desk
from fanfold.money import ZERO, amount, ratio
from fanfold.strategy import contract

BPS = 10_000


def too_small(traded: Desk) -> Iterator[str]:
    """Yield the legs that buy nothing with their cash: even a weight of 1 is below what the venue takes."""
    for name, symbol, worth in _worths(traded):
        least = traded.instruments[symbol].notional_min
        if worth < least:
            yield (
                f"{name} {symbol}: a weight of 1 is worth {worth:.2f} at the start, and the venue takes no order below "
                f"{amount(least)}: it trades nothing until its instance has earned more"
            )


def too_large(traded: Desk) -> Iterator[str]:
    """Yield the legs of which a weight of 1 is refused: it is over a limit of its account."""
    for name, symbol, worth in _worths(traded):
        instance = traded.strategies[name]
        limits, order = traded.limits[instance.account], ratio(worth, Decimal(instance.slices))
        for key, largest in (("order_notional_max", order), ("position_notional_max", worth)):
            most = getattr(limits, key)
            # A weight that is scaled to a volatility is seldom 1.
            if largest > most and not instance.volatility:
                yield (
                    f"{name} {symbol}: a weight of 1 is worth {largest:.2f} at the start, and `{key}` of "
                    f"{instance.account} is {amount(most)}: such an order is refused"
                )


def _worths(traded: Desk) -> Iterator[tuple[str, str, Decimal]]:
    """Yield the instance and the instrument of each leg, and what it can buy with its share of the starting cash."""
    for name, instance in traded.strategies.items():
        account, limits = traded.accounts[instance.account], traded.limits[instance.account]
        count = len(instance.instruments)
        shares = 1 if contract.bind(instance.strategy, instance.params, count).cross_sectional else count
        fee = max(account.taker_bps, account.maker_bps, ZERO)
        spot = account.kind == "spot"
        # On spot an order leaves cash for its collar and its fee.
        cost = (1 + limits.collar_bps / BPS) * (1 + fee / BPS) if spot else Decimal(1)
        for symbol in instance.instruments:
            yield name, symbol, ratio(account.cash * instance.allocation, shares * cost)
