"""The desks whose monthly bill has a ceiling, each under the profile that it would be deployed with."""

from decimal import Decimal
from typing import NamedTuple

import msgspec

from fanfold.cost.templates import Stacks

STAGE = "dev"


class Scenario(NamedTuple):
    """A recorded day's name, a profile of shared/stacks/profiles.yml, and the maximum cost of a month at list price.

    ``venue_keys`` is the number of parameters with venues' keys that a desk reads which trades live; the packaged stage
    trades on paper. They cost nothing, but each is decrypted by a key.
    """

    name: str
    profile: str
    ceiling: Decimal
    about: str
    venue_keys: int = 0

    def equipped(self, stacks: Stacks) -> Stacks:
        """Return the stacks with the parameters that the scenario reads besides."""
        return msgspec.structs.replace(stacks, opened=stacks.opened + self.venue_keys)


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            "arbitrage",
            "lean",
            Decimal(5),
            "a pair at two venues polled every minute, 59 orders a day at each, one of them live",
            venue_keys=1,
        ),
        Scenario("ten", "full", Decimal(10), "10 symbols, a bar a minute, one strategy, 150 orders a day"),
        Scenario("hundred", "full", Decimal(14), "100 symbols, a bar a minute, five strategies, 750 orders a day"),
    )
}
PROFILES = ("lean", "full")
