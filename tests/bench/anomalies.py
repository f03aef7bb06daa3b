"""Print on how many quiet days the rules of anomalies are wrong, and in which hour they see a planted fault."""

from statistics import median

from printed import table

from support.desks_by_hour import PLANTS, seen_in_hour, wrong_days

QUIET_DESKS, PLANTED_DESKS = 1_000, 300
RULES = ("success", "latency", "fills", "silence")


def main() -> None:
    days, wrong = wrong_days(QUIET_DESKS)
    table(f"Quiet days, {days:,} of them", ("rule", "wrong on days"), [(rule, wrong[rule]) for rule in RULES])
    first = {rule: seen_in_hour(rule, PLANTED_DESKS) for rule in PLANTS}
    rows = [(rule, len(hours), int(median(hours))) for rule, hours in first.items()]
    table(f"Planted faults, {PLANTED_DESKS} of each", ("rule", "seen", "in its hour, median"), rows)


if __name__ == "__main__":
    main()
