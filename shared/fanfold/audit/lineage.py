"""An order's chain of causes: the messages from risk's decision back to the bars, each with its audit record."""

from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from fanfold.audit import chain
from fanfold.audit.queries import Reading
from fanfold.errors import BadInput
from fanfold.market import bars
from fanfold.messages import BarsClosed, Message, OrdersApproved, OrdersRefused, Targets, decode

STEPS_MAX = 10


class Segments(Protocol):
    """Reads segments of the audit chain; see fanfold.aws.s3.audit_log."""

    def read(self, key: str) -> bytes: ...


def causes(views: Reading, log: Segments, order: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Return the messages from the decision on an order back to the bars, each with its place in the audit chain."""
    message_id, timeframe = order["message_id"], ""
    for _ in range(STEPS_MAX):
        view = views.read(("message", message_id))
        if not view:
            return
        message = _message(log, view, message_id)
        detail = _detail(message, order, timeframe)
        timeframe = detail.get("timeframe", timeframe)
        yield {
            "kind": type(message).__name__,
            "message_id": message_id,
            "at": message.at,
            "cause": message.cause,
            "stream": chain.stream_of(message),
            "seq": int(view["seq"]),
            "hash": view["hash"],
            "segment": view["segment"],
        } | detail
        message_id = message.cause


def _message(log: Segments, view: dict[str, Any], message_id: str) -> Message:
    if "body" in view:
        return decode(view["body"])
    for line in chain.lines_of(log.read(view["segment"])):
        record = chain.read(line)
        if record.message.get("id") == message_id:
            return chain.message_of(record)
    raise BadInput(f"{view['segment']} does not hold message {message_id}; run `fanfold audit verify`")


def _detail(message: Message, order: dict[str, Any], timeframe: str) -> dict[str, Any]:
    match message:
        case OrdersApproved():
            return {"reference_price": order["reference_price"], "reserved": order["reserved"]}
        case OrdersRefused():
            return {"code": order["code"], "detail": order["detail"], "reference_price": order["reference_price"]}
        case Targets():
            return _target(message, order)
        case BarsClosed():
            return _bar(message, order["instrument"], timeframe)
        case _:
            return {}


def _target(message: Targets, order: dict[str, Any]) -> dict[str, Any]:
    """Return the target of an order's signal; an order that flattens an account had none."""
    for target in message.targets:
        if target.signal_id == order["signal_id"]:
            return {"signal_id": target.signal_id, "timeframe": target.timeframe, "weight": target.weight}
    return {"signal_id": order["signal_id"], "timeframe": "", "weight": None}


def _bar(message: BarsClosed, instrument: str, timeframe: str) -> dict[str, Any]:
    """Return the newest bar of an instrument and timeframe (by default the shortest), and the venue's defects of it."""
    defects = [msgspec.structs.asdict(defect) for defect in message.defects if defect.instrument == instrument]
    for series in bars.unpack(message.frames):
        if series.instrument == instrument and timeframe in {"", series.timeframe}:
            return {"venue": message.venue, "bar": _prices(series), "defects": defects}
    return {"venue": message.venue, "bar": None, "defects": defects}


def _prices(series: bars.Series) -> dict[str, Any]:
    bar = series.bars[-1]
    prices = {name: series.price(getattr(bar, name)) for name in ("open", "high", "low", "close")}
    return {"timeframe": series.timeframe, **prices, "volume": series.volume(bar.volume)}
