"""Show what a month on AWS costs, line by line.

The bill is counted from the packaged templates and a recorded day. The last lines say what an order of a live account
costs, and what alerts and commands from a chat do.

Example: fanfold cost --scenario arbitrage --profile lean
Example: fanfold cost --recorded
"""

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from cyclopts import Parameter

from fanfold.cli import cost_files
from fanfold.cli.argument_types import Count, only_one
from fanfold.cli.output import Answer, Grid
from fanfold.cost import person
from fanfold.cost.bill import Bill, BillLine, priced, usage
from fanfold.cost.order import BUSY, QUIET, OrderCost, order_cost
from fanfold.cost.page import HOURS_A_DAY
from fanfold.cost.person import COMMANDS, PartBill
from fanfold.cost.prices import AS_OF, PRICES, REGION
from fanfold.cost.scenarios import PROFILES, SCENARIOS, Scenario

CENTS = Decimal("0.01")
THOUSAND = 1_000
PARTS = {
    "page": f"the page, open {HOURS_A_DAY} hours a day",
    "alerts": "alerts, in the optional stack of that name",
    "chat": f"{COMMANDS} commands from a chat, in the same stack",
}
_STACKS = only_one()

if TYPE_CHECKING:
    Profile: TypeAlias = str
    ScenarioName: TypeAlias = str
else:
    Profile = Literal[tuple(PROFILES)]
    ScenarioName = Literal[tuple(SCENARIOS)]


def command(
    *,
    profile: Annotated[
        Profile | None, Parameter(metavar="NAME", help="what the stage has; without it, the scenario's own")
    ] = None,
    scenario: Annotated[ScenarioName, Parameter(metavar="NAME", help="the recorded day (ten)")] = "ten",
    months: Annotated[Count, Parameter(help="months of records that are kept (1)")] = 1,
    templates: Annotated[
        Path | None, Parameter(metavar="DIR", group=_STACKS, help="packaged templates, instead of packaging")
    ] = None,
    recorded: Annotated[
        bool, Parameter(group=_STACKS, help="the repository's record of the stacks; no Node needed")
    ] = False,
) -> Answer:
    """Return the bill of one scenario, under its own profile or another."""
    chosen = SCENARIOS[scenario]
    profile = profile or chosen.profile
    if templates is not None:
        stacks = cost_files.templates_in(templates)
    else:
        stacks = cost_files.recorded_stacks(profile) if recorded else cost_files.packaged_stacks(profile)
    quantities = usage(chosen.equipped(stacks), cost_files.day(chosen.name), months)
    monthly = priced(quantities)
    order = order_cost(stacks, cost_files.day(BUSY), cost_files.day(QUIET))
    summary = _summary(chosen, profile, monthly)
    use = cost_files.page_use()
    parts = person.parts_of(quantities, use, profile)
    thousand = priced(person.commands(use, THOUSAND)).listed
    whole = person.whole(quantities, parts)
    optional = {
        "chat_commands": {"list_a_thousand": thousand},
        **{name: {"list": part.listed, "after_free": part.after_free} for name, part in parts.items()},
        "person": {"list": whole.listed, "after_free": whole.after_free},
    }
    lines = [summary, order_line(order), chat_line(thousand), *map(part_line, parts.items()), person_line(whole)]
    return Answer(document(chosen, profile, monthly, order) | optional, [grid(monthly), *lines])


def document(scenario: Scenario, profile: str, monthly: Bill, order: OrderCost) -> dict[str, object]:
    """Return the bill for programs; amounts in US dollars."""
    lines = [
        {"item": line.item, "quantity": line.quantity, "list": line.listed, "after_free": line.after_free}
        for line in monthly.lines
    ]
    return {
        "scenario": scenario.name,
        "profile": profile,
        "prices": AS_OF,
        "region": REGION,
        "list": monthly.listed,
        "after_free": monthly.after_free,
        "lines": lines,
        "real_order": {"calls": order.calls, "list_a_thousand": order.listed_a_thousand},
    }


def grid(monthly: Bill) -> Grid:
    """Return the bill for people."""
    rows = list(map(_row, monthly.lines))
    rows.append(("total", "", "", dollars(monthly.listed), dollars(monthly.after_free)))
    return Grid("", ("what", "a month", "of", "$ at list price", "$ after free tier"), rows, frozenset({1, 3, 4}))


def order_line(order: OrderCost) -> str:
    """Return what an order of a live account costs, for people."""
    calls = ", ".join(f"{service} {count:.1f}" for service, count in order.calls.items())
    return (
        f"an order of a live account: {sum(order.calls.values()):.1f} AWS calls ({calls}), "
        f"${order.listed_a_thousand:.3f} a thousand at list price"
    )


def part_line(named: tuple[str, PartBill]) -> str:
    """Return what a part of a person's month costs, for people."""
    name, part = named
    return f"{PARTS[name]}: {_month(part)}"


def person_line(whole: PartBill) -> str:
    """Return what a person's month costs, for people."""
    return f"all three, for one person: {_month(whole)}"


def _month(part: PartBill) -> str:
    free = f"${dollars(part.after_free)} after what is always free and the desk leaves"
    return f"${dollars(part.listed)} a month at list price, {free}"


def chat_line(chat: Decimal) -> str:
    """Return what commands from a chat cost, for people."""
    return f"commands from a chat, in the optional stack alerts: ${chat:.3f} a thousand at list price"


def _row(line: BillLine) -> tuple[str, ...]:
    price = PRICES[line.item]
    return price.what, amount(line.quantity), price.unit, dollars(line.listed), dollars(line.after_free)


def dollars(value: Decimal) -> str:
    return f"{value.quantize(CENTS)}"


def amount(value: Decimal) -> str:
    """Return a quantity with its significant digits."""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2g}"


def _summary(scenario: Scenario, profile: str, monthly: Bill) -> str:
    return (
        f"{scenario.about}; profile {profile}: ${dollars(monthly.listed)} a month at {AS_OF}'s list prices in "
        f"{REGION}, ${dollars(monthly.after_free)} after what is always free"
    )
