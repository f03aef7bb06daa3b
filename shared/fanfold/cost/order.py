"""The cost of an order of a live account: hours with orders, less the same hours without any.

It holds all that follows from an order, in risk, execution and audit, and the storage of its records for a month.
"""

from collections import Counter
from decimal import Decimal
from typing import NamedTuple

from fanfold.cost import bill, units
from fanfold.cost.days import Day
from fanfold.cost.durations import VENUE_MS
from fanfold.cost.prices import PRICES
from fanfold.cost.templates import Stacks

# The records of an account that trades for real at the simulated exchange, one order a message.
BUSY, QUIET = "real-orders", "real-quiet"
EXECUTE = "execution/execute"
THOUSAND = 1_000
# A metric is paid by the hour, whatever the number of orders in it.
HOURLY = "metric"


class OrderCost(NamedTuple):
    """The mean AWS calls of an order by service, and US dollars of a thousand orders at list price."""

    calls: dict[str, Decimal]
    listed_a_thousand: Decimal


def order_cost(stacks: Stacks, busy: Day, quiet: Day) -> OrderCost:
    """Return the cost of one order of ``busy``, whose hours are those of ``quiet``."""
    calls = _calls(busy)
    calls.subtract(_calls(quiet))
    with_orders, without = bill.usage(stacks, busy), bill.usage(stacks, quiet)
    more = sum(
        (
            PRICES[item].listed(count - without.get(item, Decimal()))
            for item, count in with_orders.items()
            if item != HOURLY
        ),
        Decimal(),
    )
    waiting = units.gb_seconds(stacks.functions[EXECUTE].memory_mb, Decimal(VENUE_MS))
    orders = busy.orders * bill.month_of(busy.minutes)
    an_order = more / orders + PRICES["lambda-gb-second"].listed(waiting)
    return OrderCost(
        {name: Decimal(count) / busy.orders for name, count in sorted(calls.items()) if count}, an_order * THOUSAND
    )


def _calls(day: Day) -> Counter[str]:
    """Return the AWS calls of each service."""
    counts = Counter[str]()
    for function, activity in day.functions.items():
        counts[function.partition("/")[0]] += sum(activity.calls.values())
    return counts
