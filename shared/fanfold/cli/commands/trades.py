"""Show fills: of the last day that traded, of a day, of a span, or all.

Example: fanfold trades --day 2026-03-24 --instrument btc/usdt
Example: fanfold trades --all --csv > fills.csv
"""

import csv
import io
from collections.abc import Iterator
from datetime import UTC
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from fanfold.audit.queries import days, fills_of, orders_of
from fanfold.cli.argument_types import (
    Account,
    Instrument,
    Moment,
    Shared,
    StageName,
    only_one,
    read_by,
    read_day,
)
from fanfold.cli.exit_codes import DESK
from fanfold.cli.output import Answer, cell, grid
from fanfold.cli.reading import instrument_of, last_day, minute, short_ids
from fanfold.errors import BadInput
from fanfold.ledger.positions import fee_of
from fanfold.local.session import Session
from fanfold.messages import Fill
from fanfold.money import money
from fanfold.stages.session import reach

EXITS = DESK
SHOWN_DAYS = 8
CENT = Decimal("0.01")
_SPAN = only_one()
_COLUMNS = {
    "at": "at",
    "instance": "strategy",
    "instrument": "instrument",
    "side": "side",
    "quantity": "quantity",
    "price": "price",
    "fee": "fee",
    "order": "order",
}


def command(
    *,
    options: Shared,
    stage: StageName = "",
    account: Account = None,
    day: Annotated[
        str | None,
        Parameter(
            metavar="DATE",
            converter=read_by(read_day),
            group=_SPAN,
            help="the UTC day; without it, the last that traded",
        ),
    ] = None,
    everything: Annotated[bool, Parameter(name="--all", group=_SPAN, help="every day")] = False,
    since: Annotated[Moment, Parameter(name="--from", help="fills from this time on, ISO 8601")] = None,
    until: Annotated[Moment, Parameter(help="fills up to this time, ISO 8601")] = None,
    instrument: Instrument = None,
    as_csv: Annotated[bool, Parameter(name="--csv", help="every field, as CSV")] = False,
) -> Answer:
    """Return the fills of a span, oldest first."""
    spans = since is not None or until is not None
    if spans and (day or everything):
        raise BadInput("--from and --until are a span of their own; leave --day and --all out")
    if since is not None and until is not None and since > until:
        raise BadInput("--from is after --until")
    with reach(options.state, stage, options.command) as session:
        names, only = session.accounts(account), instrument_of(session, instrument)
        recorded = sorted(_fills(session, names), key=lambda fill: fill.at)
        newest = last_day(session, names)
    traded = [fill for fill in recorded if only in {None, fill.instrument}]
    known = sorted({_day(fill) for fill in traded})
    chosen = day or (known[-1] if known else newest)
    wanted = [fill for fill in traded if _in(fill, chosen, since, until, whole=everything or spans)]
    document = {"day": None if everything or spans else chosen, "days": known,
                "trades": [msgspec.structs.asdict(fill) for fill in wanted]}  # fmt: skip
    if as_csv:
        return Answer(document, [_csv(wanted)])
    where = "in this span" if everything or spans else f"on {chosen} (UTC)"
    if not wanted:
        return Answer(document, [f"no trades {where}; {_days_text(known)}"])
    ids = short_ids(fill.order_id for fill in recorded)
    return Answer(
        document,
        [
            grid("", [_row(fill, ids) for fill in wanted], _COLUMNS),
            f"{sum(fill.is_trade for fill in wanted)} trades {where}",
        ],
    )


def _fills(session: Session, accounts: list[str]) -> Iterator[Fill]:
    """Yield the fills of every day from the first order to the last close, and to the newest order's end."""
    for name in accounts:
        orders = orders_of(session.views, name)
        if orders:
            first = orders[0]["decided_at"]
            last = max(order["changed_at"] for order in orders)
            for each in days(first, last):
                yield from fills_of(session.views, name, each)


def _in(fill: Fill, day: str, since: int | None, until: int | None, *, whole: bool) -> bool:
    if not whole:
        return _day(fill) == day
    at = fill.at.timestamp()
    return (since is None or at >= since) and (until is None or at <= until)


def _day(fill: Fill) -> str:
    return fill.at.astimezone(UTC).date().isoformat()


def _days_text(known: list[str]) -> str:
    if not known:
        return "there are none of any day"
    more = f" and {len(known) - SHOWN_DAYS} earlier days" if len(known) > SHOWN_DAYS else ""
    return f"there are some on {', '.join(known[-SHOWN_DAYS:])}{more}"


def _row(fill: Fill, ids: dict[str, str]) -> dict[str, Any]:
    fee = fee_of(fill)
    places = 8 if 0 < fee < CENT else 2
    return msgspec.structs.asdict(fill) | {
        "at": minute(fill.at),
        "order": ids[fill.order_id],
        "fee": money(fee, places),
    }


def _csv(fills: list[Fill]) -> str:
    """Return every field of fills as CSV, a header first."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(Fill.__struct_fields__)
    writer.writerows([cell(getattr(fill, name)) for name in Fill.__struct_fields__] for fill in fills)
    return out.getvalue().rstrip("\n")
