"""Write the [instruments] tables of a desk file, and replace them in one, leaving all else as it was written."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
import tomlkit
from tomlkit.exceptions import TOMLKitError

from fanfold.desk import Instrument
from fanfold.errors import BadInput
from fanfold.money import amount


def text_of(instruments: Mapping[str, Instrument]) -> str:
    """Return one [instruments."NAME"] table for each instrument."""
    return "\n".join(_table(name, instrument) for name, instrument in instruments.items())


def with_instruments(text: str, instruments: Mapping[str, Instrument]) -> str:
    """Replace the values of instruments in a desk file; comments, order and everything else stay.

    Raises BadInput for a text in which they cannot be replaced.
    """
    try:
        document = tomlkit.parse(text)
        if "instruments" not in document:
            document["instruments"] = tomlkit.table(is_super_table=True)
        tables: Any = document["instruments"]
        for name, instrument in instruments.items():
            _put(tables, name, instrument)
        return tomlkit.dumps(document)
    except (TOMLKitError, TypeError, AttributeError) as wrong:
        raise BadInput(f"the instruments cannot be written into the desk file: {wrong}") from wrong


def _put(tables: Any, name: str, instrument: Instrument) -> None:
    if name not in tables:
        tables.append(name, tomlkit.table())
    there = tables[name]
    for key, value in msgspec.structs.asdict(instrument).items():
        # What says the same stays written as its author likes it.
        if key not in there or not _same(there[key], value):
            there[key] = tomlkit.value(_value(value))


def _same(written: Any, value: Decimal | str) -> bool:
    if isinstance(value, str) or isinstance(written, str | bool):
        return bool(written == value)
    return isinstance(written, int | float) and Decimal(str(written)) == value


def _table(name: str, instrument: Instrument) -> str:
    fields = msgspec.structs.asdict(instrument)
    return "".join([f'[instruments."{name}"]\n', *(f"{key} = {_value(value)}\n" for key, value in fields.items())])


def _value(value: Decimal | str) -> str:
    return amount(value) if isinstance(value, Decimal) else msgspec.json.encode(value).decode()
