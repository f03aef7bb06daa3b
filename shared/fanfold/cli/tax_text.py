"""The disposals of a year for people: sums, what is still held, and what needs a look."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from fanfold.accounting.books import OpenLot
from fanfold.accounting.entries import Moved
from fanfold.accounting.tax_year import TaxSums, TaxYear
from fanfold.cli.output import Grid, grid
from fanfold.cli.tax_files import SUM_COLUMNS
from fanfold.cli.tax_inputs import TaxInputs
from fanfold.money import ZERO, amount, exact, money, profit

SHOWN_MAX = 10
_SUMS = {name: name for name in SUM_COLUMNS}
_HELD = {"coin": "coin", "account": "account", "lots": "lots", "quantity": "quantity", "cost": "cost"}


def blocks(inputs: TaxInputs, report: TaxYear, lots: Sequence[OpenLot], wrong: Sequence[str]) -> list[str | Grid]:
    """Return the computation as text and tables, with what is ``wrong`` by ``problems``."""
    rules, currency = inputs.rules, inputs.rates.currency
    pools = "lots of each account" if rules.pools == "account" else "lots of all accounts together"
    counted = f"{report.total.disposals:,} disposals of {', '.join(inputs.accounts)}"
    parts: list[str | Grid] = [f"{rules.year} ({rules.zone}) by {rules.method}, {pools}, in {currency}: {counted}"]
    if report.rows:
        parts += [_sums(report), _rounding(report, currency)]
    if lots:
        parts.append(grid(f"held at the end of {rules.year}", _held(lots), _HELD))
    more = [f"and {len(wrong) - SHOWN_MAX:,} more; --json has all"] if len(wrong) > SHOWN_MAX else []
    hint = ["say with --opening or --movements where such coins came from"] if wrong else []
    return [*parts, *wrong[:SHOWN_MAX], *more, *hint, *_notes(inputs)]


def problems(inputs: TaxInputs, report: TaxYear, missing: Sequence[Moved]) -> list[str]:
    """Return what makes the answer wrong: coins without a lot, and transfers without their other side."""
    uncovered = [
        f"NO LOT: {amount(row.disposal.quantity)} {row.disposal.coin} of {row.disposal.account}, "
        f"{row.disposal.kind} at {_moment(row.disposal.at)} ({row.disposal.source}); its cost counts as 0"
        for row in report.uncovered
    ]
    moved = [
        f"NO LOT: {amount(move.quantity)} {move.coin} left {move.account} at {_moment(move.at)} ({move.source})"
        for move in missing
    ]
    sides = [
        f"NO OTHER SIDE: {move.row.file}, row {move.row.number}: {move.kind} of {amount(move.quantity)} {move.coin} at "
        f"{_moment(move.at)}; give both sides, or what it was worth in `value`"
        for move in inputs.moved.unmatched
        if move.at < inputs.rules.after
    ]
    return [*uncovered, *moved, *sides]


def _sums(report: TaxYear) -> Grid:
    rows = [*report.by_coin, report.total] if len(report.by_coin) > 1 else report.by_coin
    return grid("", map(_row, rows), _SUMS)


def _row(sums: TaxSums) -> dict[str, str | int]:
    return {
        "coin": sums.coin or "total",
        "term": sums.term,
        "disposals": sums.disposals,
        "proceeds": money(sums.proceeds),
        "cost": money(sums.cost),
        "gain": profit(sums.gain),
    }


def _rounding(report: TaxYear, currency: str) -> str:
    return (
        f"gain {profit(report.total.gain)} {currency}, the sum of the rows in whole cents; the exact gain is "
        f"{amount(report.exact_gain)}, the difference {amount(report.rounding)}"
    )


@exact
def _held(lots: Iterable[OpenLot]) -> list[dict[str, object]]:
    groups: dict[tuple[str, str], list[OpenLot]] = {}
    for lot in lots:
        groups.setdefault((lot.coin, lot.account), []).append(lot)
    return [
        {
            "coin": coin,
            "account": account or "all",
            "lots": len(own),
            "quantity": sum((lot.quantity for lot in own), ZERO),
            "cost": money(sum((lot.cost for lot in own), ZERO)),
        }
        for (coin, account), own in sorted(groups.items())
    ]


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _notes(inputs: TaxInputs) -> list[str]:
    paper = [name for name, account in inputs.accounts.items() if account.mode == "paper"]
    foreign = sorted({account.currency for account in inputs.accounts.values()} - {inputs.rates.currency})
    notes = [f"on paper, so no real trades: {', '.join(paper)}"] if paper else []
    if foreign:
        notes.append(f"{', '.join(foreign)} counts as money here: it has no gain of its own")
    return [*notes, "no tax advice; docs/tax.md says by which rules this was computed"]
