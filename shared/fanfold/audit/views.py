"""The views that a message changes: one item for each thing that status queries read; the newest version wins."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from fanfold.audit.chain import Record
from fanfold.audit.lake_schema import day_of
from fanfold.messages import (
    ExecutionReport,
    LegStatus,
    Message,
    Order,
    OrdersApproved,
    OrdersRefused,
    OrderState,
    Target,
    Targets,
    TradingStateChanged,
)
from fanfold.records import TERMINAL
from fanfold.strategy.contract import PROTECTION

# Up to this size a message is kept in its view, which so is one write unit; of a larger one the segment is read.
BODY_BYTES_MAX = 512


class View(msgspec.Struct, frozen=True, kw_only=True):
    """An item and its place. Of two versions of a place the greater one, as text, is the newer.

    ``place`` names its subject: ("order", account, order id) and the like; ``fanfold.aws.dynamodb.views`` has its key.
    """

    place: tuple[str, ...]
    version: str
    fields: dict[str, Any]


def views_of(message: Message, sent_ms: int, seq: int) -> Iterator[View]:
    """Return the views that a message changes, besides the view of the message itself.

    Of two trading states of one time, and of two states of a leg, the later sent is the newer. Of two reports of one
    state of an order or a position it is the later recorded: so a view follows from the records of its last day alone.
    """
    match message:
        case OrdersApproved():
            for order in message.orders:
                yield _decided(order, {"message_id": message.id}, approved=True)
        case OrdersRefused():
            for refusal in message.refusals:
                refused = {"message_id": message.id, "code": refusal.code, "detail": refusal.detail}
                yield _decided(refusal.order, refused, approved=False)
        case Targets():
            yield from _targets(message)
        case LegStatus():
            yield from _leg_states(message, _version(message.at, sent_ms, seq))
        case TradingStateChanged():
            fields = {"state": message.state, "reason": message.reason, "actor": message.actor, "at": message.at}
            yield View(
                place=("trading-state", message.account), version=_version(message.at, sent_ms, seq), fields=fields
            )
        case ExecutionReport():
            yield from _report(message, seq)


def views_count(message: Message) -> int:
    """Return how many views a message changes, besides its own."""
    return sum(1 for _ in views_of(message, sent_ms=0, seq=0))


def message_view(message: Message, record: Record, record_hash: str, segment: str) -> View:
    """Return the view that says where a message is in the log, for `why` and to see that it was recorded."""
    fields = {"topic": record.topic, "cause": message.cause, "at": message.at, "seq": record.seq}
    fields |= {"hash": record_hash, "segment": segment}
    body = msgspec.json.encode(record.message, order="sorted")
    if len(body) <= BODY_BYTES_MAX:
        fields["body"] = body.decode()
    return _once(("message", message.id), fields)


def decision_view(message: Message) -> Iterator[View]:
    """Return the view that places a decision's orders among all of an account, by time; none for other messages.

    The last parts of the place sort as the orders do: the time of the decision, and the greatest of its order ids. The
    message's id distinguishes two decisions of one time on the same order, the first of which was refused.
    """
    match message:
        case OrdersApproved():
            decided = message.orders
        case OrdersRefused():
            decided = [refusal.order for refusal in message.refusals]
        case _:
            return
    by_time: dict[str, list[str]] = {}
    for order in decided:
        by_time.setdefault(moment(order.decided_at), []).append(order.order_id)
    for at, ids in by_time.items():
        ids.sort(reverse=True)
        yield _once(("decision", message.account, at, ids[0], message.id), {"orders": ids})


def as_stored(view: View) -> dict[str, Any]:
    """Return a view's item without its key. Amounts and times are text, which reads back into the same structs."""
    item: dict[str, Any] = msgspec.to_builtins(view.fields) | {"view_version": view.version}
    return item


def views_of_record(message: Message, record: Record, record_hash: str, segment: str) -> Iterator[View]:
    """Return every view that follows from a record of the log."""
    yield message_view(message, record, record_hash, segment)
    yield from decision_view(message)
    yield from views_of(message, record.sent_ms, record.seq)


def aside_view(stream: str, first: int, segment: str) -> View:
    """Return the view that says where a segment lies whose own name was taken."""
    return _once(("aside", stream, f"{first:012d}"), {"segment": segment})


def newest(views: Iterable[View]) -> list[View]:
    """Return the newest view of each place."""
    kept: dict[tuple[str, ...], View] = {}
    for view in views:
        known = kept.get(view.place)
        if known is None or known.version < view.version:
            kept[view.place] = view
    return list(kept.values())


def order_version(state: OrderState, filled: Decimal) -> str:
    """Rank an order's states, in whatever sequence they arrive: an end is the newest, else the larger fill."""
    rank = 2 if state is OrderState.FILLED else int(state in TERMINAL)
    early = (OrderState.APPROVED, OrderState.SUBMITTING, OrderState.OPEN)
    step = early.index(state) if state in early else len(early)
    return f"{rank}{step}-{filled:040.18f}"


def _report(message: ExecutionReport, seq: int) -> Iterator[View]:
    account, later = message.account, f"-{seq:012d}"
    for update in message.updates:
        fields = {"state": update.state, "filled": update.filled, "reason": update.reason, "at": message.at}
        fields |= {"doubt": update.doubt} if update.doubt else {}
        place = ("order-state", account, update.order_id)
        yield View(place=place, version=order_version(update.state, update.filled) + later, fields=fields)
    for fill in message.fills:
        yield _once(("trade", account, day_of(fill.at), fill.instrument, fill.trade_id), {"fill": fill})
    for holding in message.positions:
        position = ("position", account, holding.instance, holding.instrument)
        fields = {"position": holding, "at": message.at}
        yield View(place=position, version=f"{holding.version:020d}{later}", fields=fields)
    if message.cash is not None:
        fields = {"cash": message.cash, "version": message.version, "venue": message.venue, "at": message.at}
        yield View(place=("books", account), version=f"{message.version:020d}", fields=fields)
    if message.matched:
        yield View(place=("matched", account), version=moment(message.at), fields={"through": message.at})


def _targets(message: Targets) -> Iterator[View]:
    # An item an instance: one of a longer timeframe speaks less often, and what it said last still holds.
    by_instance: dict[str, list[dict[str, Any]]] = {}
    for target in message.targets:
        by_instance.setdefault(target.instance, []).append(_target(target))
    for instance, wanted in by_instance.items():
        place = ("targets", message.account, instance, f"{message.part:04d}-{message.chunk:04d}")
        fields = {"targets": wanted, "parts": message.parts, "at": message.at}
        yield View(place=place, version=moment(message.at), fields=fields)


def _leg_states(message: LegStatus, version: str) -> Iterator[View]:
    for status in message.statuses:
        fields = {"status": status, "at": message.at, "message_id": message.id}
        for service in status.services:
            place = ("leg", message.account, service, status.instance, status.instrument)
            yield View(place=place, version=version, fields=fields)


def _target(target: Target) -> dict[str, Any]:
    # Weights as text, for a view holds no floats; a protection that is not asked for is left out.
    fields = {
        "signal_id": target.signal_id,
        "instance": target.instance,
        "instrument": target.instrument,
        "timeframe": target.timeframe,
        "weight": repr(target.weight),
    }
    if target.stop or target.take_profit or target.trail:
        fields |= {name: repr(share) for name in PROTECTION if (share := getattr(target, name))}
    return fields


def _decided(order: Order, fields: dict[str, Any], *, approved: bool) -> View:
    # What the ledger has was approved, whatever was said of the same intent before it or after it.
    version = f"{int(approved)}-{moment(order.decided_at)}"
    return View(place=("order", order.account, order.order_id), version=version, fields={"order": order} | fields)


def _once(place: tuple[str, ...], fields: dict[str, Any]) -> View:
    return View(place=place, version="", fields=fields)


def _version(at: datetime, sent_ms: int, seq: int) -> str:
    return f"{moment(at)}-{sent_ms:015d}-{seq:012d}"


def moment(at: datetime) -> str:
    """Return a time as places and versions have it: text that sorts by time."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
