"""Legs that cannot trade a weight of 1, because of the venue's smallest order or a limit, as the desk begins."""

from collections.abc import Iterator
from decimal import Decimal

from fanfold.desk import Desk
from fanfold.money import amount, ratio
from fanfold.risk.policy import prepare


def too_small(traded: Desk) -> Iterator[str]:
    """Yield a line for each leg whose cash buys nothing: even a weight of 1 is below the venue's smallest order."""
    for name, symbol, worth in _worths(traded):
        least = traded.instruments[symbol].notional_min
        if worth < least:
            yield (
                f"{name} {symbol}: a weight of 1 is worth {worth:.2f} at the start, and the venue takes no order below "
                f"{amount(least)}: it trades nothing until its instance has earned more"
            )


def too_large(traded: Desk) -> Iterator[str]:
    """Yield a line for each leg whose weight of 1 is refused: it is over a limit of the account."""
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
    policy = prepare(traded)
    for name, instance in traded.strategies.items():
        terms = policy.terms(instance.account)
        for symbol in instance.instruments:
            leg = terms.legs[name, symbol]
            # On spot an order leaves cash for its collar and its fee.
            cost = (1 + leg.collar) * (1 + leg.fee) if leg.spot else Decimal(1)
            yield name, symbol, ratio(terms.capital[name], leg.shares * cost)
