"""The cost of a month as the page shows it: an estimate, from the repository's record of the stacks and of a day."""

from decimal import Decimal

from fanfold.cli import cost_files
from fanfold.cost.bill import BillLine, bill
from fanfold.cost.prices import AS_OF, PRICES
from fanfold.cost.scenarios import SCENARIOS
from fanfold.cost.templates import Stacks
from fanfold.page.files import CostEstimate, CostLine

SCENARIO = "ten"
PROFILE = "lean"
CENT = Decimal("0.005")


def estimate(profile: str = PROFILE, stacks: Stacks | None = None) -> CostEstimate:
    """Return the estimate for a profile, from packaged ``stacks`` or those that are recorded."""
    scenario = SCENARIOS[SCENARIO]
    monthly = bill(
        scenario.equipped(stacks or cost_files.recorded_stacks(profile)), cost_files.day(scenario.name), months=1
    )
    return CostEstimate(
        basis=f"of a stage of profile {profile} on AWS, from a recorded day of {scenario.about}, at prices of {AS_OF}",
        listed=f"{monthly.listed:.2f}",
        after_free=f"{monthly.after_free:.2f}",
        lines=[_line(line) for line in monthly.lines if line.listed >= CENT],
    )


def _line(line: BillLine) -> CostLine:
    return CostLine(what=f"{PRICES[line.item].what}, {PRICES[line.item].unit}", listed=f"{line.listed:.2f}")
