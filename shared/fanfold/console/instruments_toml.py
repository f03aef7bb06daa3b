"""The [instruments] tables of a desk file as text, without touching the rest of the file."""

import re
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from fanfold.console.output import amount
from fanfold.desk import Instrument

_HEADING = re.compile(r"^\s*\[+\s*(?P<name>[^\]]*)\]")


def text_of(instruments: Mapping[str, Instrument]) -> str:
    """One [instruments."NAME"] table an instrument."""
    return "\n".join(_table(name, one) for name, one in instruments.items())


def with_instruments(text: str, instruments: Mapping[str, Instrument]) -> str:
    """A desk file with its tables of these instruments replaced; everything else stays as it was written."""
    kept, skipping = [], False
    for line in text.splitlines():
        heading = _HEADING.match(line)
        if heading:
            skipping = _instrument(heading["name"]) in instruments
        if not skipping:
            kept.append(line)
    return "\n".join(kept).rstrip("\n") + "\n\n" + text_of(instruments)


def _instrument(heading: str) -> str:
    """The name in a heading such as instruments."BTC/USDT"; "" for any other heading."""
    table, _, name = heading.strip().partition(".")
    return name.strip().strip("\"'") if table.strip() == "instruments" else ""


def _table(name: str, instrument: Instrument) -> str:
    fields = msgspec.structs.asdict(instrument)
    return "".join([f'[instruments."{name}"]\n', *(f"{key} = {_value(value)}\n" for key, value in fields.items())])


def _value(value: Decimal | str) -> str:
    return amount(value) if isinstance(value, Decimal) else msgspec.json.encode(value).decode()
