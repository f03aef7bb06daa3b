"""``fanfold cost``: what a month costs, line by line."""

from argparse import ArgumentParser, Namespace
from decimal import Decimal
from pathlib import Path

from fanfold.cli import cost_files
from fanfold.cli.argument_types import count
from fanfold.cli.commands.command import Command
from fanfold.cli.output import Answer, Grid
from fanfold.cost.bill import Bill, BillLine, bill
from fanfold.cost.prices import AS_OF, PRICES, REGION
from fanfold.cost.scenarios import PROFILES, SCENARIOS, Scenario
from fanfold.cost.templates import Stacks

CENTS = Decimal("0.01")


def cost(arguments: Namespace) -> Answer:
    """The bill of one scenario, under its own profile or another."""
    scenario = SCENARIOS[arguments.scenario]
    profile = arguments.profile or scenario.profile
    stacks = scenario.equipped(_stacks(arguments, profile))
    found = bill(stacks, cost_files.day(scenario.name), arguments.months)
    return Answer(document(scenario, profile, found), [grid(found), _summary(scenario, profile, found)])


def document(scenario: Scenario, profile: str, found: Bill) -> dict[str, object]:
    """The bill for programs; amounts in US dollars."""
    lines = [
        {"item": line.item, "quantity": line.quantity, "list": line.listed, "after_free": line.after_free}
        for line in found.lines
    ]
    return {
        "scenario": scenario.name,
        "profile": profile,
        "prices": AS_OF,
        "region": REGION,
        "list": found.listed,
        "after_free": found.after_free,
        "lines": lines,
    }


def grid(found: Bill) -> Grid:
    """The bill for people."""
    rows = list(map(_row, found.lines))
    rows.append(("total", "", "", dollars(found.listed), dollars(found.after_free)))
    return Grid("", ("what", "a month", "of", "$ at list price", "$ after free tier"), rows, frozenset({1, 3, 4}))


def _row(line: BillLine) -> tuple[str, ...]:
    price = PRICES[line.item]
    return price.what, amount(line.quantity), price.unit, dollars(line.listed), dollars(line.after_free)


def dollars(value: Decimal) -> str:
    return f"{value.quantize(CENTS)}"


def amount(value: Decimal) -> str:
    """A quantity with as many digits as say something."""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2g}"


def _summary(scenario: Scenario, profile: str, found: Bill) -> str:
    return (
        f"{scenario.about}; profile {profile}: ${dollars(found.listed)} a month at {AS_OF}'s list prices in "
        f"{REGION}, ${dollars(found.after_free)} after what is always free"
    )


def _stacks(arguments: Namespace, profile: str) -> Stacks:
    if arguments.templates is not None:
        return cost_files.templates_in(arguments.templates)
    return cost_files.recorded_stacks(profile) if arguments.recorded else cost_files.packaged_stacks(profile)


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--profile", choices=PROFILES, help="what the stage has; without it, the scenario's own")
    parser.add_argument("--scenario", choices=tuple(SCENARIOS), default="ten", help="the recorded day (ten)")
    parser.add_argument("--months", type=count, default=1, metavar="N", help="months of records that are kept (1)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--templates", type=Path, metavar="DIR", help="packaged templates, instead of packaging")
    where.add_argument("--recorded", action="store_true", help="the repository's record of the stacks; no Node needed")


COMMANDS = (
    Command(
        ("cost",),
        "What a month on AWS costs, line by line, from the packaged templates and a recorded day.",
        "fanfold cost --scenario arbitrage --profile lean",
        cost,
        _add_arguments,
        (),
    ),
)
