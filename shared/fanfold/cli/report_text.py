"""The report of a run for people: what it earned, at what risk, and what it did for it. docs/report.md defines it."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from fanfold.cli.output import Grid, share
from fanfold.cli.summary import AccountSummary, Summary
from fanfold.market.timeframes import DAY_S
from fanfold.money import ZERO, money, places_of, profit
from fanfold.performance.measuring import Part, Performance, TripStatistics
from fanfold.performance.ratios import CAGR_DAYS_MIN, RETURNS_MIN, Drawdown, EquityPoint
from fanfold.performance.texts import duration, length, moment

LABEL = 14
SPARKS = "▁▂▃▄▅▆▇█"
SPARK_WIDTH = 60
NONE = "-"
# An amount from here on is read without its cents; a table of 80 columns has no room for them.
WHOLE_FROM = 10_000
_HEADINGS = ("trips", "won", "factor", "average", "worst", "fees", "profit")


def blocks(summary: Summary, *, verbose: bool) -> list[str | Grid]:
    """Return the summary of a run, with what its strategies earned."""
    text = "\n".join(f"{label:<{LABEL}}{value}" for label, value in lines(summary, verbose=verbose))
    tables = [
        parts_table("strategy", whole.by_strategy, places_of(whole.start))
        for whole in totals(summary)
        if len(whole.by_strategy) > 1
    ]
    return [text, *tables]


def totals(summary: Summary) -> list[Performance]:
    """Return the performance of each currency; what is left out is of single accounts."""
    seen: set[str] = set()
    wholes = []
    for performance in summary.performance:
        if performance.currency not in seen:
            seen.add(performance.currency)
            wholes.append(performance)
    return wholes


def lines(summary: Summary, *, verbose: bool) -> Iterator[tuple[str, str]]:
    """Yield labels and values, what a trader asks for first; ``verbose`` adds what an engineer asks for."""
    span = f", {summary.first} to {summary.last} ({length(summary.minutes)})" if summary.bars_traded else ""
    yield "traded", f"{summary.bars_traded:,} bars of {summary.timeframe}{span}"
    if summary.interrupted:
        yield "", "INTERRUPTED before its end; `fanfold run --continue` goes on"
    for performance in totals(summary):
        yield from performance_lines(performance)
    yield from (("account", _account(account)) for account in summary.accounts if len(summary.accounts) > 1)
    yield "orders", f"{summary.orders:,} approved, {summary.fills:,} fills"
    yield "refused", f"{summary.refused:,}" + counts(summary.refusals)
    if summary.refusal_example:
        what, _, why = summary.refusal_example.partition(", ")
        yield "", f"first: {what}"
        yield "", why
    yield "halts", "; ".join(summary.halts) or "none"
    yield "data", "; ".join(f"{what}: {count:,}" for what, count in summary.defects.items()) or "no defects"
    yield from (("no trade", leg.text) for leg in summary.legs)
    for instance, count in summary.wanted_nothing.items():
        yield "no trade", f"{instance}: its strategy wanted no position at any of its {count:,} targets"
    yield from short_lines(summary.short_on_spot)
    yield from (("venue rules", text) for text in summary.venue_rules)
    if summary.dead_letters or verbose:
        yield "dead letters", f"{summary.dead_letters:,}"
    if verbose:
        yield from _engineering(summary)


def short_lines(orders: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Yield how many orders of each strategy instance would have been short on its spot account, with what to do."""
    for instance, count in sorted(orders.items()):
        yield "no short", f"{instance}: {count:,} of its orders would have been short, which a spot account cannot be;"
        yield "", 'let its strategy want 0 or more, or give its account kind = "margin"'


def performance_lines(performance: Performance) -> Iterator[tuple[str, str]]:
    """Yield what accounts of one currency earned, and at what risk."""
    currency, places = performance.currency, places_of(performance.start)
    earned = profit(performance.equity - performance.start, places)
    yield "", sparkline(performance.curve, SPARK_WIDTH)
    yield "equity", f"{money(performance.equity, places)} {currency}, from {money(performance.start, places)}"
    yield "return", f"{share(performance.total_return, sign=True)}, profit {earned} {currency} after fees"
    held = performance.buy_and_hold
    yield "buy and hold", share(held, sign=True) if held is not None else f"{NONE} (no price)"
    yield "drawdown", drawdown_line(performance.drawdown)
    yield from trip_lines(performance.trips, sum(part.fills for part in performance.by_strategy), currency, places)
    yield "Sharpe", _ratio(performance.sharpe, performance.days, "its days did not differ")
    yield "Sortino", _ratio(performance.sortino, performance.days, "no day lost")
    yield "CAGR", _growth(performance)
    yield "exposure", f"{performance.invested:.0%} of the time, {performance.gross_exposure:.0%} of equity on average"
    yield "fees", f"{money(performance.fees, places)} {currency}"
    for other, amount in performance.unvalued_fees.items():
        yield "", f"and {amount:f} {other}, of which no price in {currency} was known: it is in no profit"


def trip_lines(trips: TripStatistics, fills: int, currency: str, places: int) -> Iterator[tuple[str, str]]:
    """Yield what round trips came to, of so many fills."""
    if not trips.round_trips:
        yield "round trips", "0: nothing that was opened was closed" if fills else "0: nothing was opened"
        return
    factor = f"{NONE} (none lost)" if trips.profit_factor is None else f"{trips.profit_factor:,.2f}"
    won = share(trips.win_rate or ZERO)
    mean, best, worst = (profit(value or ZERO, places) for value in (trips.expectancy, trips.best, trips.worst))
    yield "round trips", f"{trips.round_trips:,}, won {won}, profit factor {factor}"
    yield "", f"expectancy {mean} {currency}, best {best}, worst {worst}"
    yield "", f"held {duration(trips.average_held_s or 0)} on average"


def parts_table(heading: str, parts: Sequence[Part], places: int) -> Grid:
    """Return a table of strategies, instruments or days, with the total of what adds up."""
    rows = [_part(part, places) for part in parts]
    if len(parts) > 1:
        count, fees = sum(part.trips.round_trips for part in parts), sum((part.fees for part in parts), ZERO)
        earned = sum((part.profit for part in parts), ZERO)
        rows.append(("total", f"{count:,}", "", "", "", "", _short(fees, places), _short_profit(earned, places)))
    return Grid("", (heading, *_HEADINGS), rows, frozenset(range(1, len(_HEADINGS) + 1)))


def _part(part: Part, places: int) -> tuple[str, ...]:
    trips = part.trips
    return (
        part.name,
        f"{trips.round_trips:,}",
        NONE if trips.win_rate is None else f"{trips.win_rate:.0%}",
        NONE if trips.profit_factor is None else f"{trips.profit_factor:,.2f}",
        NONE if trips.expectancy is None else _short_profit(trips.expectancy, places),
        NONE if trips.worst is None else _short_profit(trips.worst, places),
        _short(part.fees, places),
        _short_profit(part.profit, places),
    )


def _short(value: Decimal, places: int) -> str:
    return money(value, 0 if abs(value) >= WHOLE_FROM else places)


def _short_profit(value: Decimal, places: int) -> str:
    return profit(value, 0 if abs(value) >= WHOLE_FROM else places)


def sparkline(points: Sequence[EquityPoint], width: int) -> str:
    """Return a curve as a line of blocks, each as high as the last equity of its part of the points.

    >>> sparkline([EquityPoint(at, Decimal(level)) for at, level in enumerate((1, 2, 3, 8))], 4)
    '▁▂▃█'
    """
    count = min(width, len(points))
    levels = [points[(number + 1) * len(points) // count - 1].equity for number in range(count)]
    low, high = min(levels, default=ZERO), max(levels, default=ZERO)
    if low == high:
        return SPARKS[0] * count
    top = len(SPARKS) - 1
    return "".join(SPARKS[round((level - low) / (high - low) * top)] for level in levels)


def drawdown_line(fall: Drawdown | None) -> str:
    """Return the deepest fall of equity, with its times."""
    if fall is None:
        return "none: equity never fell below a peak"
    until = f"recovered {moment(fall.recovered)}" if fall.recovered else "not recovered"
    return f"{share(fall.share)}, from {moment(fall.peak)} to {moment(fall.low)}, {until}"


def _ratio(value: float | None, days: int, otherwise: str) -> str:
    if value is not None:
        return f"{value:.2f}, annualised from {days:,} daily returns"
    return f"{NONE} ({otherwise if days >= RETURNS_MIN else f'needs {RETURNS_MIN} whole days, there are {days}'})"


def _growth(performance: Performance) -> str:
    if performance.cagr is not None:
        return f"{share(performance.cagr, sign=True)} a year"
    short = performance.until - performance.since < CAGR_DAYS_MIN * DAY_S
    return f"{NONE} (needs {CAGR_DAYS_MIN} days)" if short else f"{NONE} (no rate describes it)"


def _account(row: AccountSummary) -> str:
    places = places_of(row.equity)
    figures = f"equity {money(row.equity, places)} {row.currency}, return {share(row.total_return, sign=True)}"
    return f"{row.account}: {figures}, drawdown {share(row.drawdown)}, fees {money(row.fees, places)}"


def _engineering(summary: Summary) -> Iterator[tuple[str, str]]:
    yield "speed", f"{summary.bars_per_second:.1f} bars of {summary.timeframe} a second"
    yield "bars in", f"{summary.bars:,}"
    yield "signals", f"{summary.signals:,}"
    yield "messages", ", ".join(f"{topic} {count:,}" for topic, count in sorted(summary.messages.items()))
    if summary.latency_ms_p50 is not None:
        yield "tick to order", f"p50 {summary.latency_ms_p50} ms, p99 {summary.latency_ms_p99} ms"
    yield "records", f"{summary.audit_records:,}"


def counts(of: Mapping[str, int]) -> str:
    """Return how often each code came, the most frequent first."""
    return "".join(f", {code} {count:,}" for code, count in sorted(of.items(), key=lambda pair: -pair[1]))
