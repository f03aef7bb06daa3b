"""The items of an account at a real venue, besides its books: how they are read."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from fanfold.aws.dynamodb.table import sort_key
from fanfold.desk import Instrument
from fanfold.ledger.real_money import Doubt, OwedFee, RealMoney
from fanfold.risk.exposure import PositionKey, RestingStop
from fanfold.risk.venue_rules import RulesInForce

_stop = msgspec.json.Decoder(RestingStop).decode


class _StoredRules(msgspec.Struct, frozen=True):
    """Rules in force as they are stored, perhaps by a later version: with rules that no desk file has yet."""

    rules: dict[str, Any]
    reason: str


_stored_rules = msgspec.json.Decoder(_StoredRules).decode


def real_money(items: Iterable[Mapping[str, Any]]) -> RealMoney:
    """Return what items of an account's partition say of its real venue."""
    frozen: dict[Doubt, str] = {}
    figures: dict[str, dict[str, Decimal]] = {"flow": {}, "baseline": {}}
    cursors: dict[str, datetime] = {}
    external = set()
    rules: dict[str, RulesInForce] = {}
    stops: dict[PositionKey, RestingStop] = {}
    owed: dict[str, OwedFee] = {}
    for item in items:
        kind, name = sort_key(item).split("#", 1)
        if kind == "frozen":
            instrument, source = name.split("#", 1)
            frozen[instrument, source] = item["reason"]
        elif kind in figures:
            figures[kind][name] = item["amount"]
        elif kind == "cursor":
            cursors[name] = datetime.fromisoformat(item["through"])
        elif kind == "external":
            external.add(name)
        elif kind == "rules":
            rules[name] = _rules(item["rules"])
        elif kind == "stop":
            instance, instrument = name.split("#", 1)
            stops[instance, instrument] = _stop(item["stop"])
        elif kind == "owed":
            owed[name] = OwedFee(item["amount"], item["worth"])
    return RealMoney(
        frozen=frozen,
        flows=figures["flow"],
        baseline=figures["baseline"],
        cursors=cursors,
        external=frozenset(external),
        rules=rules,
        stops=stops,
        owed=owed,
    )


def _rules(body: bytes) -> RulesInForce:
    """Return rules from a stored body, without those of a later version: a desk file's unknown keys are mistakes."""
    stored = _stored_rules(body)
    known = {name: stored.rules[name] for name in Instrument.__struct_fields__ if name in stored.rules}
    return RulesInForce(rules=msgspec.convert(known, Instrument), reason=stored.reason)
