"""The bill of one person who looks at a desk, is told of it, and commands it from a chat: the optional stacks.

Nothing that a month has free is theirs alone: what the desk leaves of it is.
"""

from decimal import Decimal
from typing import NamedTuple

from fanfold.cost import alerts, chat, page
from fanfold.cost.bill import Quantities, priced
from fanfold.cost.page import PageUse
from fanfold.cost.prices import NOTHING

# Commands of a month, a few a day.
COMMANDS = 100


class PartBill(NamedTuple):
    """A part of a month's bill in US dollars: at list price, and what it adds to a desk's after what is always free."""

    quantities: Quantities
    listed: Decimal
    after_free: Decimal


def parts_of(desk: Quantities, use: PageUse, profile: str) -> dict[str, PartBill]:
    """Return the parts of a person's month at a desk of a profile, by name: page, alerts, chat."""
    return {
        "page": part(desk, page.page_usage(use, profile)),
        "alerts": part(desk, alerts.month_of(alerts.AlertsUse())),
        "chat": part(desk, commands(use, COMMANDS)),
    }


def commands(use: PageUse, count: int) -> Quantities:
    """Return the billed quantities of so many commands."""
    return chat.usage_of(count, use.paths["/status"].first.units["dynamodb-read"])


def part(desk: Quantities, own: Quantities) -> PartBill:
    """Return the bill of what comes to a desk."""
    together = {item: desk.get(item, NOTHING) + own.get(item, NOTHING) for item in {*desk, *own}}
    return PartBill(own, priced(own).listed, priced(together).after_free - priced(desk).after_free)


def whole(desk: Quantities, parts: dict[str, PartBill]) -> PartBill:
    """Return the bill of all parts together."""
    items = {item for each in parts.values() for item in each.quantities}
    return part(
        desk, {item: sum((each.quantities.get(item, NOTHING) for each in parts.values()), NOTHING) for item in items}
    )
