"""Compute a year's gains from all recorded fills, and write files for tax tools.

docs/tax.md has the rules and the columns of the files. It is no tax advice. Coins that were sold without a lot, and
transfers without their other side, are named, and the exit code is then 1.

Example: fanfold tax --year 2026
Example: fanfold tax --year 2026 --method hifo --currency EUR --rates ecb.csv --xlsx tax-2026.xlsx
Example: fanfold tax --year 2026 --csv koinly.csv --layout koinly
"""

from collections.abc import Sequence
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from cyclopts import Parameter

from fanfold.accounting.beancount_text import BeancountWriter, check_method
from fanfold.accounting.books import OpenLot, Pools
from fanfold.accounting.entries import Moved
from fanfold.accounting.lots import METHODS, Method
from fanfold.accounting.tax_year import ROW_COLUMNS, TaxYear, disposals_until, row_of, tax_year
from fanfold.accounting.tracker_files import TRACKERS
from fanfold.cli import tax_files, tax_text
from fanfold.cli.argument_types import Account, Count, Options, Shared, StageName, read_by
from fanfold.cli.exit_codes import DESK, Exit
from fanfold.cli.output import Answer
from fanfold.cli.reading import recorded_fills
from fanfold.cli.tax_inputs import (
    TaxInputs,
    TaxRules,
    check_year,
    movements_of,
    opening_of,
    rates_of,
    tax_currency,
    traded_accounts,
)
from fanfold.cli.whole_files import writing
from fanfold.errors import BadInput
from fanfold.market.timeframes import YEARS as WRITABLE
from fanfold.stages.session import reach

EXITS = (Exit.FAILED, *DESK)
YEARS = range(1970, WRITABLE.stop)
OWN_LAYOUT = "disposals"

if TYPE_CHECKING:
    MethodName = Method
    Layout = str
else:
    MethodName = Literal[METHODS]
    Layout = Literal[OWN_LAYOUT, *TRACKERS]


def read_year(written: str) -> int:
    if not written.isdecimal() or int(written) not in YEARS:
        raise ValueError(f"{written!r} is not a year such as 2026")
    return int(written)


def read_zone(written: str) -> tzinfo:
    """Return a time zone by its name in the IANA database."""
    try:
        return ZoneInfo(written)
    except (ZoneInfoNotFoundError, ValueError, OSError) as wrong:
        raise ValueError(f"{written!r} is not a time zone such as Europe/Berlin") from wrong


File = Annotated[Path | None, Parameter(metavar="FILE")]


def command(
    *,
    options: Shared,
    year: Annotated[int, Parameter(metavar="YEAR", converter=read_by(read_year), help="the calendar year")],
    method: Annotated[MethodName, Parameter(help="which lot a sale takes (fifo)")] = "fifo",
    stage: StageName = "",
    account: Account = None,
    pools: Annotated[Pools, Parameter(help="a sale takes lots of its account, or of all (account)")] = "account",
    currency: Annotated[
        str | None, Parameter(metavar="NAME", help="the currency of your taxes, such as EUR (the account's)")
    ] = None,
    rates: Annotated[File, Parameter(help="rates as CSV: at,from,to,rate")] = None,
    movements: Annotated[File, Parameter(help="deposits, withdrawals and transfers as CSV")] = None,
    opening: Annotated[
        File, Parameter(help="lots from before the first fill as CSV: at,account,coin,quantity,cost")
    ] = None,
    long_term_days: Annotated[Count, Parameter(help="days from which a holding is long-term (365)")] = 365,
    zone: Annotated[
        tzinfo | None,
        Parameter(metavar="ZONE", converter=read_by(read_zone), help="the time zone of the year's days (UTC)"),
    ] = None,
    csv: Annotated[File, Parameter(help="write a CSV file")] = None,
    layout: Annotated[
        Layout, Parameter(help="what --csv has: the year's disposals, or fills to its end for a tracker (disposals)")
    ] = OWN_LAYOUT,
    xlsx: Annotated[File, Parameter(help="write a workbook of disposals, sums and what is held")] = None,
    beancount: Annotated[File, Parameter(help="write the books until the year's end as beancount's text")] = None,
) -> Answer:
    """Return the disposals of a year with their gains; a failure where coins have no lot."""
    if layout != OWN_LAYOUT and csv is None:
        raise BadInput(f"--layout {layout} needs --csv: name the file with --csv FILE")
    if beancount is not None:
        check_method(method)
    rules = TaxRules(method, pools, long_term_days, year, zone or ZoneInfo("UTC"))
    inputs = _inputs(options, stage, account, rules, currency, (rates, movements, opening))
    check_year(inputs)
    books = inputs.books()
    report = tax_year(disposals_until(books, inputs.entries(), year, rules.zone), rules.zone)
    lots = books.open_lots()
    if csv:
        tax_files.write_csv(csv, tax_files.disposal_rows(report) if layout == OWN_LAYOUT else _tracked(inputs, layout))
    if xlsx:
        tax_files.write_workbook(xlsx, report, lots)
    if beancount:
        _write_beancount(beancount, inputs)
    return _answer(inputs, report, lots, books.missing)


def _inputs(
    options: Options,
    stage: str,
    account: str | None,
    rules: TaxRules,
    currency: str | None,
    files: tuple[Path | None, Path | None, Path | None],
) -> TaxInputs:
    """Return what is computed from: the user's files first, which may be wrong, then the desk's fills."""
    rates_file, movements_file, opening_file = files
    with reach(options.state, stage, options.command) as session:
        accounts = traded_accounts(session.desk.accounts, session.accounts(account))
        rates = rates_of(accounts, tax_currency(accounts, currency), rates_file)
        opening = opening_of(opening_file, list(accounts))
        moved = movements_of(movements_file, accounts, rates)
        return TaxInputs(rules, accounts, recorded_fills(session, accounts), rates, opening, moved)


def _tracked(inputs: TaxInputs, layout: str) -> list[Sequence[tax_files.Cell]]:
    fills = [fill for fill in inputs.fills if fill.at < inputs.rules.after]
    return list(TRACKERS[layout](fills))


def _write_beancount(path: Path, inputs: TaxInputs) -> None:
    rules = inputs.rules
    writer = BeancountWriter(inputs.books(), inputs.rates.currency, rules.zone)
    with writing(path) as file:
        file.writelines(f"{line}\n".encode() for line in writer.lines(inputs.entries()))


def _answer(inputs: TaxInputs, report: TaxYear, lots: Sequence[OpenLot], missing: Sequence[Moved]) -> Answer:
    rules = inputs.rules
    problems = tax_text.problems(inputs, report, missing)
    document: dict[str, Any] = {
        "year": rules.year,
        "zone": str(rules.zone),
        "method": rules.method,
        "pools": rules.pools,
        "currency": inputs.rates.currency,
        "accounts": list(inputs.accounts),
        "total": msgspec.to_builtins(report.total),
        "by_coin": msgspec.to_builtins(report.by_coin),
        "exact_gain": report.exact_gain,
        "rounding": report.rounding,
        "disposals": [dict(zip(ROW_COLUMNS, row_of(row), strict=True)) for row in report.rows],
        "held": msgspec.to_builtins(lots),
        "problems": problems,
    }
    exit_code = Exit.FAILED if problems else Exit.OK
    return Answer(document, tax_text.blocks(inputs, report, lots, problems), exit_code)
