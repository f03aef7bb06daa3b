"""Generate docs/cost.md from the prices, the formulae and the recorded days."""
# ruff: noqa: E501 - a line of the document is a line here

from collections.abc import Iterator
from decimal import Decimal

from fanfold.cli import cost_files
from fanfold.cli.commands.cost import amount, dollars
from fanfold.cost import bill, durations, order, page, person, templates
from fanfold.cost.alerts import AlertsUse, month_of
from fanfold.cost.bill import Bill
from fanfold.cost.page import ReadUse
from fanfold.cost.prices import AS_OF, NOTHING, PRICES, REGION
from fanfold.cost.scenarios import PROFILES, SCENARIOS, Scenario

YEAR = 12


def cost_markdown() -> str:
    """Return the whole page."""
    bills = {name: _bill(scenario) for name, scenario in SCENARIOS.items()}
    parts = [
        *_HEAD,
        *_totals(bills),
        *_LINES_HEAD,
        *_lines(bills),
        *_ORDER_HEAD,
        *_orders(),
        *_person(),
        *_page(),
        *_ASSUMPTIONS_HEAD,
        *_assumptions(),
        *_PRICES_HEAD,
        *_prices(),
        *_TAIL,
    ]
    return "\n".join([*parts, ""])


def _bill(scenario: Scenario, months: int = 1) -> Bill:
    stacks = scenario.equipped(cost_files.recorded_stacks(scenario.profile))
    return bill.bill(stacks, cost_files.day(scenario.name), months)


def _totals(bills: dict[str, Bill]) -> Iterator[str]:
    for name, total in bills.items():
        scenario = SCENARIOS[name]
        year = _bill(scenario, YEAR)
        yield (
            f"| `{name}`: {scenario.about} | {scenario.profile} | {dollars(total.listed)} | "
            f"{dollars(total.after_free)} | {dollars(year.listed)} | {scenario.ceiling} |"
        )


def _lines(bills: dict[str, Bill]) -> Iterator[str]:
    by_item = {name: {line.item: line for line in total.lines} for name, total in bills.items()}
    for item, price in PRICES.items():
        lines = [by_item[name].get(item) for name in bills]
        if any(lines):
            cells = [
                f"{amount(line.quantity)} = {dollars(line.listed)} | {dollars(line.after_free)}" if line else "| "
                for line in lines
            ]
            yield f"| {price.what}, {price.unit} | {' | '.join(cells)} |"


def _orders() -> Iterator[str]:
    busy, quiet = cost_files.day(order.BUSY), cost_files.day(order.QUIET)
    for profile in PROFILES:
        cost = order.order_cost(cost_files.recorded_stacks(profile), busy, quiet)
        counts = " | ".join(f"{cost.calls.get(service, 0):.1f}" for service in _ORDER_SERVICES)
        yield f"| {profile} | {counts} | {sum(cost.calls.values()):.1f} | {cost.listed_a_thousand:.3f} |"


def _person() -> Iterator[str]:
    use, scenario = cost_files.page_use(), SCENARIOS["ten"]
    yield from ("", "## One person: the page, alerts and the chat", "")
    yield f"The optional stacks, beside a desk of ten symbols: a page that is open {page.HOURS_A_DAY} hours a day, alerts of {AlertsUse().announced} things a day, and"
    yield f"{person.COMMANDS} commands a month, each a status from functions that were not used for a while. What is free is what the desk leaves of it."
    yield from (
        "",
        "| Profile | Page | Alerts | Commands | List price | After free tier | A thousand commands |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    )
    thousand = bill.priced(person.commands(use, 1_000)).listed
    for profile in PROFILES:
        desk = bill.usage(scenario.equipped(cost_files.recorded_stacks(profile)), cost_files.day(scenario.name))
        parts = person.parts_of(desk, use, profile)
        whole = person.whole(desk, parts)
        each = " | ".join(dollars(part.listed) for part in parts.values())
        yield f"| {profile} | {each} | {dollars(whole.listed)} | {dollars(whole.after_free)} | {dollars(thousand)} |"
    yield from ("", "| Of alerts | A month | $ at list price |", "| --- | --- | --- |")
    for line in bill.priced(month_of(AlertsUse())).lines:
        yield f"| {PRICES[line.item].what}, {PRICES[line.item].unit} | {amount(line.quantity)} | {line.listed:.3f} |"


def _page() -> Iterator[str]:
    use = cost_files.page_use()
    totals = {profile: bill.priced(page.page_usage(use, profile)) for profile in PROFILES}
    shares = ", ".join(f"{name} {percent} %" for name, percent in page.VIEWS.items())
    often = ", ".join(f"{cost_files.recorded_s(profile)} s in {profile}" for profile in totals)
    yield from ("", "## The page", "")
    yield f"What a month costs of a page that is open {page.HOURS_A_DAY} hours a day in {page.VISITS_A_DAY} visits, CloudFront included. Its requests were counted in a browser,"
    yield "view by view, and what each takes at a desk of 150 orders a day in the middle of a day: in a process that has read nothing yet,"
    yield f"once audit has recorded more, and while it has not. Audit records something every {often}: each of those who poll its queue"
    yield f"gathers a window of its own. A reader's time: {shares}. A desk of more symbols has more bars in its lake's files, not more files."
    yield from (
        "",
        f"| What | {' | '.join(f'{profile}, a month | $' for profile in totals)} |",
        "| --- | --- | --- | --- | --- |",
    )
    by_item = {profile: {line.item: line for line in total.lines} for profile, total in totals.items()}
    for item in PRICES:
        lines = [named[item] for named in by_item.values() if item in named]
        if lines:
            yield (
                f"| {PRICES[item].what}, {PRICES[item].unit} | "
                + " | ".join(f"{amount(line.quantity)} | {line.listed:.3f}" for line in lines)
                + " |"
            )
    yield "| at list price | " + " | ".join(f" | {dollars(total.listed)}" for total in totals.values()) + " |"
    yield (
        "| after what is always free | "
        + " | ".join(f" | {dollars(total.after_free)}" for total in totals.values())
        + " |"
    )
    yield from (
        "",
        f"| View | Path | {' | '.join(f'{profile}, in {use.minutes} min: changed, unchanged' for profile in totals)} |",
        "| --- | --- | --- | --- |",
    )
    for view in page.VIEWS:
        for path in use.profiles[PROFILES[0]][view]:
            polls = [use.profiles[profile][view][path] for profile in totals]
            yield f"| {view} | `{path}` | " + " | ".join(f"{each.changed}, {each.unchanged}" for each in polls) + " |"
    yield from (
        "",
        "| Path | AWS calls, first, anew, unchanged | Read units of DynamoDB | Requests to S3 |",
        "| --- | --- | --- | --- |",
    )
    for path, reads in use.paths.items():
        each = (reads.first, reads.anew, reads.unchanged)
        columns = (_calls, _read_units, _s3_requests)
        yield (
            f"| `{path}` | " + " | ".join(", ".join(amount(column(read)) for read in each) for column in columns) + " |"
        )


def _calls(read: ReadUse) -> Decimal:
    return sum(read.calls.values(), NOTHING)


def _read_units(read: ReadUse) -> Decimal:
    return read.units.get("dynamodb-read", NOTHING)


def _s3_requests(read: ReadUse) -> Decimal:
    return read.units.get("s3-get", NOTHING) + read.units.get("s3-put", NOTHING)


def _assumptions() -> Iterator[str]:
    slow = ", ".join(f"{name} {ms}" for name, ms in durations.CALL_MS.items())
    yield f"- An answer of AWS takes, ms: {slow}; any other {durations.OTHER_CALL_MS}."
    yield (
        f"- An answer of an exchange takes {durations.VENUE_MS} ms; {durations.VENUE_WORKERS} are waited for side by "
        "side."
    )
    yield (
        f"- CPU, ms at a whole core: {durations.INVOCATION_CPU_MS} an invocation, {durations.CALL_CPU_MS} a call, "
        f"{durations.BAR_CPU_MS} a bar; a core comes with {durations.CORE_MB} MB."
    )
    yield (
        f"- Each function that is woken starts {durations.COLD_STARTS_A_DAY} times a day, "
        f"{durations.COLD_START_MS / 1_000} s each."
    )
    yield (
        f"- An idle standard queue is polled {templates.POLLERS_IDLE} times side by side, every 20 s, a FIFO queue and one with a "
        f"maximum concurrency {templates.POLLERS_FULL} times, whatever comes."
    )
    yield (
        f"- KMS is asked for a data key every {templates.KEY_REUSE_S} s: at a queue {templates.KEY_USERS} times, where the "
        f"template does not set it longer; at a table once, at a topic {bill.SNS_KEY_CALLS} times for each function that "
        "used it in that time; and whenever a secret under it is read. A key costs as much again for each of its first "
        f"{bill.KEY_TURNS_MAX} yearly turns."
    )
    yield (
        f"- An invocation logs {bill.PLATFORM_BYTES} B of Lambda's own in {bill.PLATFORM_LINES} lines, unless the "
        f"template turns them off, and {bill.METRICS_BYTES} B of metrics; CloudWatch adds {bill.LINE_BYTES} B a line."
    )
    yield (
        f"- {bill.IMAGES_GB} GB of images in {bill.IMAGE_VERSIONS} versions; {bill.HTTP_REQUESTS:,} API requests and "
        f"{bill.QUERIES} Athena queries of 10 MB a month, each over {bill.QUERY_TABLES} tables and all days of the stage, a LIST "
        "a day and table."
    )
    yield "- A secret is asked for once an order, and once a minute at most."


def _prices() -> Iterator[str]:
    for price in PRICES.values():
        free = f"{price.free:,}" if price.free else ""
        yield f"| {price.what} | {price.usd} per {price.per:,} {price.unit} | {free} | {price.source} |"


_HEAD = (
    "# What a month costs",
    "",
    "Written by `make documents` from the stacks and days that are recorded in `tests/cost/recorded`; `fanfold cost`",
    "packages the stacks as they are now. US dollars for thirty days, without tax.",
    "",
    "| Scenario | Profile | List price | After free tier | List price, a year of records kept | Ceiling at list price |",
    "| --- | --- | --- | --- | --- | --- |",
)
_LINES_HEAD = (
    "",
    "The day of each scenario was traded by the real handlers, all AWS calls counted: 1,440 minutes of a seeded market.",
    "An arbitrage of two venues is stood in for by a reversion at each: the same polls, messages and orders. The shortest",
    "schedule is a minute, so each venue is polled once a minute; polling twice by a delayed message is not built.",
    "",
    "## Line by line",
    "",
    "A quantity = its list price | after what is always free.",
    "",
    "| Item | " + " | ".join(f"{name} | free tier" for name in SCENARIOS) + " |",
    "| --- | --- | --- | --- | --- | --- | --- |",
)
_ORDER_SERVICES = ("risk", "execution", "audit")
_ORDER_HEAD = (
    "",
    "## An order of a live account",
    "",
    "The AWS calls that follow from one order, and US dollars of a thousand orders at list price: four hours in which an",
    "account traded at the simulated exchange, less the same hours without an order. Each order had a message of its own.",
    "Of execution's five calls one reads, one claims, one books with its report, one publishes that and one ticks it off;",
    "between claim and booking is one request to the exchange.",
    "",
    f"| Profile | {' | '.join(_ORDER_SERVICES)} | Calls | $ a thousand |",
    "| --- | --- | --- | --- | --- | --- |",
)
_ASSUMPTIONS_HEAD = (
    "",
    "## What is assumed",
    "",
    "Times are constants and not measured, so that the bill does not depend on a busy machine. Lambda traces one request",
    "a second and 5 % of the rest where tracing is active, so here every one; a trace is paid for where it begins.",
    "",
    "Every message wakes its reader by itself, but audit, which is woken once a window of its profile: two pollers gather",
    "a batch each, and receive each message by a request of its own. Two batches at once are not made to collide.",
    "",
    "The stage is `dev`, which trades on paper. `arbitrage` reads a venue's key besides, as a desk does that trades live:",
    "it is in a SecureString, which is free. A live stage's functions also have twice the memory, which is not in it.",
    "There is no secret for the webhook unless `FANFOLD_WEBHOOK=true`. A metric is paid",
    "for in the hours in which the recorded day had it; of what needs a person it had none, and costs 0.30 in a month of it.",
    "",
)
_PRICES_HEAD = (
    "",
    f"## Prices of {AS_OF}, {REGION}",
    "",
    'Read from the pages named, not from AWS itself; "recalled" was not looked up. Check them before you rely on a cent.',
    "FIFO topics are priced as standard ones, which are dearer.",
    "",
    "| What | $ | Free each month | Source |",
    "| --- | --- | --- | --- |",
)
_TAIL = (
    "",
    "## What is not modelled",
    "",
    "Tax, support plans, data transfer, CloudTrail data events, GuardDuty, a NAT gateway, a second region, builds, the",
    "collector on Fargate, back-fills, faults and retries, and the credits of new accounts.",
    "",
    "## How to lower it",
    "",
    "- At this size the fixed pieces are most of the bill: alarms, polls of queues that wait, the key, a secret. The profile",
    "  `lean` goes without the key, has one alarm for what needs a person, and traces nothing.",
    "- `FANFOLD_DASHBOARD=true` is 3.00 more, and nothing for the first three of an account. `FANFOLD_WEBHOOK=true` is 0.42.",
    "- A longer window of audit (`auditWindow` of a profile in `shared/stacks/profiles.yml`, 300 at most) writes fewer segments and views; what",
    "  the HTTP API shows is as much older.",
    "- An alarm is billed for each metric that it reads, so one of metric math over an execution's three bad ends would be 0.30 a state",
    "  machine. EventBridge takes nothing for AWS's own events: rules tell the alarm topic of those ends, in every profile, for 0.00.",
    "- A custom metric costs as much as three alarms. `metrics` of a profile names those that are; all figures stay fields",
    "  of the log lines.",
    "- A standard queue is polled less than a FIFO one, and a mapping without maximum concurrency less than one with:",
    "  `auditConcurrency: 0` of a profile saves 0.46, and lets batches meet at the chains after an outage.",
)
