"""Queries of several commands that audit does not record; those that it does are in ``fanfold.audit.queries``."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import msgspec

from fanfold.audit import chain
from fanfold.audit.chain import Record
from fanfold.audit.queries import holdings_of, reported_legs
from fanfold.aws.dynamodb import ledger
from fanfold.aws.dynamodb.polls import DynamoPolls
from fanfold.cli.idle_legs import TRADES, reason_text
from fanfold.errors import BadInput
from fanfold.ledger.account_books import AccountBooks
from fanfold.local.session import Session
from fanfold.messages import LegCode, Message
from fanfold.records import Fill
from fanfold.risk.exposure import Mark
from fanfold.risk.poll import PollState

SHORT_ID = 8


def records_of(session: Session) -> list[Record]:
    """Return every record of a desk's audit log, stream after stream, each in its order.

    Raises BadInput, which names the segment, for one that is damaged.
    """
    segments = [segment for stream in session.log.streams() for segment in session.log.segments(stream)]
    return [record for key, body in segments for record in _read_segment(key, body)]


def _read_segment(key: str, body: bytes) -> list[Record]:
    try:
        return [chain.read(line) for line in chain.lines_of(body)]
    except BadInput as wrong:
        raise BadInput(f"{key}: {wrong}; `fanfold audit verify` says what of the log is damaged") from wrong


def messages_of(session: Session) -> list[Message]:
    """Return every message of a desk's audit log by its market event, those of one event as they were sent.

    A window of the log is in no order, and a message may be recorded before one that was sent earlier.
    """
    recorded = [(chain.message_of(record), record) for record in records_of(session)]
    recorded.sort(key=lambda each: (each[0].at, each[1].sent_ms, each[1].seq))
    return [message for message, _ in recorded]


class _Reported(msgspec.Struct):
    """The fills in a record of the log; whatever else is in it is passed over."""

    message: "_Report"


class _Report(msgspec.Struct):
    fills: list[Fill] = []


_reported = msgspec.json.Decoder(_Reported)


def recorded_fills(session: Session, accounts: Iterable[str]) -> list[Fill]:
    """Return every fill of accounts in audit's log once, oldest first, those of one time as they were recorded.

    Raises BadInput for a record that cannot be read.
    """
    fills: dict[tuple[str, str, str], Fill] = {}
    for account in accounts:
        for _, body in session.log.segments(account):
            for line in chain.lines_of(body):
                for fill in _fills_in(account, line):
                    fills.setdefault((account, fill.instrument, fill.trade_id), fill)
    return sorted(fills.values(), key=lambda fill: fill.at)


def _fills_in(account: str, line: bytes) -> list[Fill]:
    # Most records have none, and need not be decoded.
    if b'"fills"' not in line:
        return []
    try:
        return _reported.decode(line).message.fills
    except (msgspec.MsgspecError, UnicodeDecodeError) as wrong:
        raise BadInput(
            f"the log of {account} has a record that cannot be read: {wrong}; `fanfold audit verify` names it"
        ) from wrong


class StoredBooks(NamedTuple):
    """The books of an account as the ledger has them, and what was polled for it last."""

    books: AccountBooks
    poll: PollState


def books_of(session: Session, names: Iterable[str]) -> dict[str, StoredBooks]:
    """Return the stored books of accounts by name."""
    polls = DynamoPolls(session.ledger)
    return {name: StoredBooks(ledger.read(session.ledger, name), polls.read(name)) for name in names}


def marks_of(session: Session, account: str) -> dict[str, Mark]:
    """Return the last closes that risk has of an account's instruments."""
    return DynamoPolls(session.ledger).read(account).marks


def legs_of(session: Session, account: str) -> list[dict[str, Any]]:
    """Return the legs of an account that do not trade, with the last reported reasons."""
    return [leg for leg in reported_legs(session.views, session.desk, account) if leg["code"] not in TRADES]


def unprotected_of(session: Session, account: str) -> list[dict[str, Any]]:
    """Return the legs of an account whose position has no stop at its venue: they trade, and need somebody."""
    legs = reported_legs(session.views, session.desk, account)
    return [leg for leg in legs if leg["code"] == LegCode.UNPROTECTED]


def leg_text(leg: Mapping[str, Any]) -> str:
    """Return what a leg reports as people read it; its detail is of the time at which it was reported."""
    reason = reason_text(leg["code"], leg["detail"])
    return f"{leg['instance']} {leg['instrument']}: {reason} (reported {minute(leg['at'])})"


def instrument_of(session: Session, name: str | None) -> str | None:
    """Return an instrument of the desk by its name in any case, or one that left the desk file and was traded before.

    Raises BadInput for any other.
    """
    if name is None:
        return None
    names = {known.lower(): known for known in session.desk.instruments}
    if name.lower() in names:
        return names[name.lower()]
    for account in session.desk.accounts:
        for position in holdings_of(session.views, account):
            if position.instrument.lower() == name.lower():
                return position.instrument
    raise BadInput(f"the desk has no instrument {name!r}; it has {', '.join(sorted(names.values()))}")


def short_ids(ids: Iterable[str]) -> dict[str, str]:
    """Return the start of each id, long enough that no other one begins with it; every command takes it.

    >>> sorted(short_ids(["0123456789ab", "0123456788ff"]).values())
    ['0123456788', '0123456789']
    """
    known = set(ids)
    length = SHORT_ID
    while len({each[:length] for each in known}) < len(known):
        length += 1
    return {each: each[:length] for each in known}


def minute(at: datetime) -> str:
    """Return a time as tables have it: without the year, in UTC."""
    return at.astimezone(UTC).strftime("%m-%d %H:%M")


def last_close(session: Session, accounts: list[str]) -> int:
    """Return the newest close that an account knows, in epoch seconds; 0 where there is none."""
    return max((mark.closes_at_s for account in accounts for mark in marks_of(session, account).values()), default=0)


def last_day(session: Session, accounts: list[str]) -> str:
    """Return the UTC day of the newest close that an account knows; the epoch's where there is none."""
    # A close at midnight is of the bar before it, but what trades on it trades after midnight.
    return date_of(last_close(session, accounts)).isoformat()


def date_of(at: int) -> date:
    return datetime.fromtimestamp(at, UTC).date()
