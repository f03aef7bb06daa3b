"""A release reads what a later one stored, after a rollback or beside it, but for fields that it does not know."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from fanfold.aws.dynamodb import cursors
from fanfold.aws.dynamodb.real_money import real_money
from fanfold.ledger.orders import OrderRecord
from fanfold.ledger.positions import Lot
from fanfold.ledger.requests import PendingResume, Remembered
from fanfold.market.bars import Bar, Frame
from fanfold.market.source import Noted
from fanfold.matching.book import RestingOrder
from fanfold.messages import Message
from fanfold.risk.exposure import Mark, RestingStop
from fanfold.risk.poll import CarriedForward
from fanfold.risk.venue_rules import RulesInForce
from fanfold.signals.stored_fold import Snapshot
from fanfold.simulation.cloud import MemoryCloud
from support import paper_examples
from support.core_desk import A, series

STORED = [
    OrderRecord,
    Lot,
    PendingResume,
    Remembered,
    RestingOrder,
    RestingStop,
    CarriedForward,
    Mark,
    Frame,
    Snapshot,
    cursors._Row,
    Message,
]
# Its five figures and its close are all that a bar has.
CLOSED: set[type] = {Bar}


def closed(kind: inspect.Type, seen: set[type]) -> Iterator[str]:
    """Yield the parts of a type that reject what a later version adds: strict structs, and tuples with names."""
    own = getattr(kind, "cls", None)
    if own in seen:
        return
    if isinstance(kind, inspect.StructType | inspect.NamedTupleType):
        seen.add(kind.cls)
        strict = isinstance(kind, inspect.NamedTupleType) or kind.forbid_unknown_fields
        if strict and kind.cls not in CLOSED:
            yield kind.cls.__name__
        for field in kind.fields:
            yield from closed(field.type, seen)
        return
    inner = [getattr(kind, name) for name in ("item_type", "key_type", "value_type") if hasattr(kind, name)]
    for part in [*inner, *getattr(kind, "types", ()), *getattr(kind, "item_types", ())]:
        yield from closed(part, seen)


@pytest.mark.parametrize("kind", STORED, ids=lambda kind: getattr(kind, "__name__", "Message"))
def test_no_part_of_what_is_stored_rejects_fields_of_a_later_version(kind: Any) -> None:
    assert list(closed(inspect.type_info(kind), set())) == []


def test_a_strict_part_and_a_tuple_with_names_are_found() -> None:
    assert list(closed(inspect.type_info(RulesInForce), set())) == ["Instrument"]
    assert list(closed(inspect.type_info(list[inspect.Field]), set())) == []


def test_rules_of_a_later_version_count_as_far_as_they_are_known() -> None:
    rules = paper_examples.desk().instruments[paper_examples.SYMBOL]
    body: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(RulesInForce(rules=rules, reason="r")))
    body["rules"]["price_band"] = "0.2"
    item = {"sk": f"rules#{A}", "rules": msgspec.json.encode(body | {"added_later": 1})}
    assert real_money([item]).rules == {A: RulesInForce(rules=rules, reason="r")}


def test_cursors_of_a_later_version_are_read_without_what_it_added() -> None:
    cloud = MemoryCloud(lambda: 0.0)
    table = cloud.table("cursors")
    known = series(A, [Bar(60, 1, 1, 1, 1, 1)])
    stored = cursors.CursorTable(table)
    stored.write("v", Noted(cursors={("1m", A): known}, version=0))
    item = next(iter(cloud.dynamodb.table("cursors").items()))
    rows = msgspec.msgpack.decode(item["cursors"]["B"])
    item["cursors"]["B"] = msgspec.msgpack.encode([[*row, "added later"] for row in rows])
    assert stored.read("v").cursors == {("1m", A): msgspec.structs.replace(known, after=0)}
