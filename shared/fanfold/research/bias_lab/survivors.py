"""Survivorship: a universe of those that are still traded, as only hindsight could choose it."""

from typing import NamedTuple

from fanfold.market.timeframes import DAY_S
from fanfold.research.bias_lab.finding import Finding, failed, passed, unmeasured

NAME = "survivorship"
YEAR_S = 365 * DAY_S
# The share of listed instruments that a venue delists in a year, a cautious figure for crypto spot markets.
DELISTED_A_YEAR = 0.1
CHANCE_MIN = 0.05
# An instrument that ends so long before the others was delisted.
SILENT_S = 2 * DAY_S


class ListedSpan(NamedTuple):
    """The first and last close of an instrument that the data has, in epoch seconds."""

    instrument: str
    first: int
    last: int


def check(listings: list[ListedSpan]) -> Finding:
    """Return whether a universe has as many instruments that ended as its years let expect."""
    if len(listings) < 2:
        return passed(NAME, "one instrument is no choice among several")
    ends = max(listing.last for listing in listings)
    years = sum(listing.last - listing.first for listing in listings) / YEAR_S
    ended = [listing.instrument for listing in listings if listing.last < ends - SILENT_S]
    # Of as many instruments for as long, all would still be there as often as this.
    chance = (1 - DELISTED_A_YEAR) ** years
    measured = (
        f"{len(ended)} of {len(listings)} instruments ended before the data does, in {years:.1f} years of listing"
    )
    if not ended and chance < CHANCE_MIN:
        return failed(
            NAME,
            f"{measured}; at {DELISTED_A_YEAR:.0%} delisted a year, chance leaves all with {chance:.1%}",
            "Choose the universe by what was known at the first bar, and give the files of those that were delisted.",
            years=years,
            chance=chance,
        )
    if not ended and len(listings) > 2:
        return unmeasured(NAME, f"{measured}, too few to tell", "Say for yourself how the universe was chosen.")
    return passed(NAME, measured, years=years)
