"""Tools that read the desk: the documents of the commands of the same names, on the same readers."""

from typing import Any

from fanfold.cli import lake_copy
from fanfold.cli.argument_types import Options, read_moment
from fanfold.cli.assistants import inputs
from fanfold.cli.assistants.workplace import COMMAND, Workplace
from fanfold.cli.commands import orders, positions, query, report, signals, status, trades, why, why_not
from fanfold.cli.exit_codes import Exit
from fanfold.cli.limit_reading import limits_of, now_of
from fanfold.cli.output import Answer
from fanfold.cli.reading import books_of
from fanfold.errors import BadInput

# A query that takes longer asks for too much.
QUERY_S = 60.0


def of_status(place: Workplace, wanted: inputs.OfDesk) -> tuple[Any, bool]:
    """Return accounts, trading states, money, queues and dead letters."""
    return _result(status.command(**_where(place, wanted.run), account=wanted.account or None))


def of_positions(place: Workplace, wanted: inputs.OfDesk) -> tuple[Any, bool]:
    """Return positions by strategy instance."""
    return _result(positions.command(**_where(place, wanted.run), account=wanted.account or None))


def of_signals(place: Workplace, wanted: inputs.OfDesk) -> tuple[Any, bool]:
    """Return what each strategy instance wants, and the legs that do not trade."""
    return _result(signals.command(**_where(place, wanted.run), account=wanted.account or None))


def of_orders(place: Workplace, wanted: inputs.OfOrders) -> tuple[Any, bool]:
    """Return the newest orders."""
    return _result(
        orders.command(
            **_where(place, wanted.run),
            account=wanted.account or None,
            open_only=wanted.which == "open",
            refused=wanted.which == "refused",
            instrument=wanted.instrument or None,
            last=wanted.last,
        )
    )


def of_why(place: Workplace, wanted: inputs.OfOrder) -> tuple[Any, bool]:
    """Return the causes of an order."""
    return _result(why.command(wanted.order, **_where(place, wanted.run)))


def of_why_not(place: Workplace, wanted: inputs.OfMoment) -> tuple[Any, bool]:
    """Return what stood in the way of an order."""
    try:
        at = read_moment(wanted.time)
    except (ValueError, OverflowError) as wrong:
        raise BadInput(str(wrong)) from wrong
    return _result(why_not.command(wanted.instrument, at, **_where(place, wanted.run)))


def of_trades(place: Workplace, wanted: inputs.OfTrades) -> tuple[Any, bool]:
    """Return the newest fills of a day."""
    day = wanted.day.isoformat() if wanted.day else None
    document, good = _result(
        trades.command(
            **_where(place, wanted.run),
            account=wanted.account or None,
            day=day,
            instrument=wanted.instrument or None,
        )
    )
    fills = document["trades"]
    return document | {"total": len(fills), "trades": fills[-wanted.last :]}, good


def of_report(place: Workplace, wanted: inputs.OfReport) -> tuple[Any, bool]:
    """Return the report of a run."""
    by = None if wanted.by == "whole" else wanted.by
    return _result(report.command(None, **_where(place, wanted.run), by=by))


def of_limits(place: Workplace, wanted: inputs.OfDesk) -> tuple[Any, bool]:
    """Return the limits of accounts, and what is used of them."""
    with place.reach(wanted.run) as session:
        stored = books_of(session, session.accounts(wanted.account or None))
        rows = limits_of(session, stored, now_of(session))
    return {"accounts": rows}, True


def of_query(place: Workplace, wanted: inputs.QueryInput) -> tuple[Any, bool]:
    """Return the rows of a query; the bytes that the lake has are counted before any is read."""
    from fanfold.cli import sql as dialect  # noqa: PLC0415 - duckdb and sqlglot take a while to load

    dialect.translate(wanted.sql)
    sizes: list[int] = []

    def allow(size: int) -> None:
        sizes.append(size)
        place.budget.scan(size)

    with place.reach(wanted.run) as session:
        cache = lake_copy.of_session(session, flush=False, allow=allow)
        bounds = dialect.QueryBounds(rows=wanted.rows, seconds=place.budget.seconds_for(QUERY_S))
        result = dialect.query(wanted.sql, dialect.files_in(cache), bounds)
    rows = query.rows_of(result)[: wanted.rows]
    cut_off = len(result.rows) > wanted.rows
    return {"columns": result.columns, "rows": rows, "cut_off": cut_off, "scanned_bytes": sum(sizes)}, True


def _where(place: Workplace, run: str) -> dict[str, Any]:
    state, stage = place.state_of(run)
    return {"options": Options(state, json=True, command=COMMAND), "stage": stage}


def _result(answer: Answer) -> tuple[Any, bool]:
    return answer.document, answer.exit == Exit.OK
