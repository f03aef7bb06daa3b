"""One look at a desk: accounts, positions, orders that may still fill, what happened last, and how old the data is."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from fanfold.audit.bar_history import BarHistory
from fanfold.audit.equity_history import equity_history
from fanfold.audit.open_orders import OpenOrders
from fanfold.audit.queries import is_unknown, newest_orders
from fanfold.cli.argument_types import Options
from fanfold.cli.commands import positions, status
from fanfold.cli.limit_reading import limits_of, now_of
from fanfold.cli.reading import StoredBooks, books_of, minute
from fanfold.local import session as local_session
from fanfold.local import state_directory
from fanfold.local.driver import CLOCK
from fanfold.local.session import Session
from fanfold.market import timeframes
from fanfold.money import amount
from fanfold.risk.exposure import Mark
from fanfold.stages.session import reach

# Orders that are looked at for the log; a screen has no more lines.
NEWEST = 40
# Data is old once it is older than so many bars.
STALE_BARS = 2
COMMAND = "watch"
Row = dict[str, Any]


class DeskSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A desk at a time by its clock. ``orders`` may still fill, those of unknown outcome first.

    ``age_s`` is how old the newest bar is, None where there is none; ``stale`` that it is older than STALE_BARS bars of
    a desk that trades; ``log`` has a line for each of the newest orders, the newest first. The first snapshot of a
    watch has as its ``history`` the equity of each account at its closes, by their times in epoch seconds.
    """

    running: bool
    at: datetime
    accounts: list[Row]
    limits: list[Row]
    positions: list[Row]
    orders: list[Row]
    unknown: int
    dead_letters: int
    log: list[str]
    history: dict[str, list[tuple[int, Decimal]]] = {}
    age_s: int | None
    stale: bool


def of_session(session: Session, now: datetime) -> DeskSnapshot:
    """Return the desk of a session as it is now."""
    names = session.accounts(None)
    stored = books_of(session, names)
    document = status.document_of(session, stored)
    open_orders = OpenOrders(session.views)
    orders = [order for name in names for order in open_orders.of(name)]
    orders.sort(key=lambda order: (not is_unknown(order), order["decided_at"]))
    newest = max((account["last_bar"] for account in document["accounts"] if account.get("last_bar")), default=None)
    age_s = int((now - newest).total_seconds()) if newest else None
    most = STALE_BARS * timeframes.seconds(session.desk.shortest_timeframe)
    return DeskSnapshot(
        running=session.running,
        at=now,
        accounts=document["accounts"],
        limits=limits_of(session, stored, now),
        positions=[row for row in positions.rows_of(session, _marks(stored)) if row["quantity"]],
        orders=orders,
        unknown=sum(map(is_unknown, orders)),
        dead_letters=sum(queue["dead_letters"] for queue in document["queues"]),
        log=_log(session, names),
        age_s=age_s,
        stale=session.running and age_s is not None and age_s > most,
    )


def _marks(stored: Mapping[str, StoredBooks]) -> dict[str, Mapping[str, Mark]]:
    return {name: each.poll.marks for name, each in stored.items()}


def history_of(session: Session, now: datetime) -> dict[str, list[tuple[int, Decimal]]]:
    """Return the equity of each account at its closes of the last day, as `GET /equity` has it."""
    from fanfold.aws.s3.lake_bars import S3LakeBars  # noqa: PLC0415 - pyarrow takes a while to load

    lake = S3LakeBars(session.call, session.bucket("lake"))
    bars = BarHistory(session.views, session.log, lambda: lake)
    spans = {
        name: equity_history(session.desk, session.views, bars, name, 1, now).span for name in session.accounts(None)
    }
    return {name: list(zip(span.at, span.equity, strict=True)) for name, span in spans.items()}


def _log(session: Session, names: list[str]) -> list[str]:
    """Return a line for each of the newest orders."""
    newest = [order for name in names for _, order in islice(newest_orders(session.views, name), NEWEST)]
    newest.sort(key=lambda order: order["decided_at"], reverse=True)
    return [line_of(order) for order in newest[:NEWEST]]


def line_of(order: Row) -> str:
    """Return an order in a line, with what became of it."""
    became = "UNKNOWN" if is_unknown(order) else order["code"] or order["state"]
    wanted = f"{order['side']} {amount(order['quantity'])} {order['instrument']} for {order['instance']}"
    why = order["reason"] or order["detail"]
    return f"{minute(order['decided_at'])}  {order['order_id'][:8]}  {became}  {wanted}{why and f': {why}'}"


class DeskReader:
    """Reads a desk again and again. One at rest takes seconds, and is read once until something of it changes.

    With ``history`` the first snapshot has the equity of the last day.
    """

    def __init__(self, options: Options, stage: str, *, history: bool = False) -> None:
        self._options = options
        self._stage = stage
        self._history = history
        self._rested: tuple[Any, DeskSnapshot] | None = None

    def read(self) -> DeskSnapshot:
        """Return the desk as it is now. Raises what commands raise where there is none, or it does not answer."""
        if self._stage:
            with self.reach() as session:
                return self._snapshot(session)
        state = self._options.state.resolve()
        seen = tuple(_changes(state))
        if self._rested is not None and self._rested[0] == seen and local_session.running_cloud(state) is None:
            return self._rested[1]
        with self.reach() as session:
            snapshot = self._snapshot(session)
        # Taken after reading, so that files that reading touched do not count as changed.
        self._rested = None if snapshot.running else (tuple(_changes(state)), snapshot)
        return snapshot

    def _snapshot(self, session: Session) -> DeskSnapshot:
        now = now_of(session)
        snapshot = of_session(session, now)
        if self._history:
            snapshot = msgspec.structs.replace(snapshot, history=history_of(session, now))
            self._history = False
        return snapshot

    def reach(self) -> AbstractContextManager[Session]:
        """Connect to the desk while a block lasts."""
        return reach(self._options.state, self._stage, COMMAND)

    def forget(self) -> None:
        """Read a desk at rest anew the next time."""
        self._rested = None


def _changes(state: Path) -> Iterator[int]:
    """Yield when each file changed by which a desk at rest is known."""
    for name in (state_directory.DESK, state_directory.SUMMARY, CLOCK, "aws"):
        path = state / name
        yield path.stat().st_mtime_ns if path.exists() else 0
