"""DynamoDB's AttributeValues and the plain values they stand for.

Numbers are always read as Decimal, equal to what was written, without zeros at the end; ``integer`` makes an int of
one. A float is refused: it is not exact. Tuples are read as lists.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Context, Decimal
from typing import Any

from fanfold.errors import BadInput

AttributeValue = dict[str, Any]
Item = dict[str, AttributeValue]

# What DynamoDB keeps of a number; beyond it, it refuses, and some emulators round.
DIGITS = 38
INTEGERS = 10**DIGITS
_ANY = Context(prec=1_000)


def marshal(values: Mapping[str, Any]) -> Item:
    """Convert a dict to an item: str, bool, None, int, Decimal, bytes, lists, dicts, sets; else BadInput is raised."""
    item: Item = {}
    for name, value in values.items():
        # Nearly all values are of these, which a call each would take longer than to write.
        kind = value.__class__
        if kind is str:
            item[name] = {"S": value}
        elif kind is bytes:
            item[name] = {"B": value}
        elif kind is int and -INTEGERS < value < INTEGERS:
            item[name] = {"N": str(value)}
        elif kind is Decimal:
            text = str(value)
            # Neither NaN nor Infinity, and too short to have more digits.
            plain_text = len(text) <= DIGITS and "N" not in text and "I" not in text
            item[name] = {"N": text} if plain_text else _number(value)
        elif kind is bool:
            item[name] = {"BOOL": value}
        elif isinstance(value, str):
            item[name] = {"S": str(value)}
        elif (write := _WRITERS.get(kind)) is not None:
            item[name] = write(value)
        else:
            item[name] = attribute(value)
    return item


def unmarshal(item: Mapping[str, AttributeValue]) -> dict[str, Any]:
    """Return the plain values of an item."""
    values: dict[str, Any] = {}
    for name, value in item.items():
        for kind in value:
            content = value[kind]
            if kind in _READ_AS_THEY_ARE:
                values[name] = content
            elif kind == "N" and (content[-1] != "0" or "." not in content):
                values[name] = Decimal(content)
            else:
                values[name] = _READERS[kind](content)
    return values


def attribute(value: object) -> AttributeValue:
    """Convert one value to an AttributeValue."""
    write = _WRITERS.get(type(value))
    if write is not None:
        return write(value)
    # An enum of strings is a string, a named tuple a list.
    for kind in (str, list, tuple, dict):
        if isinstance(value, kind):
            return _WRITERS[kind](value)
    raise BadInput(f"{value!r} of type {type(value).__name__} is no DynamoDB value; give a str, int, Decimal or bytes")


def plain(value: AttributeValue) -> Any:
    """Return the value that an AttributeValue stands for."""
    ((kind, content),) = value.items()
    return content if kind in _READ_AS_THEY_ARE else _READERS[kind](content)


def integer(value: Decimal) -> int:
    """Return a whole number as int. Raises BadInput if it is not whole.

    >>> integer(Decimal("12.0"))
    12
    """
    whole = int(value)
    if whole != value:
        raise BadInput(f"{value} is not a whole number")
    return whole


def _number(value: int | Decimal) -> AttributeValue:
    # A text as short as that cannot have more digits: most figures need not be taken apart.
    if len(text := str(value)) <= DIGITS and (isinstance(value, int) or value.is_finite()):
        return {"N": text}
    number = Decimal(value)
    if isinstance(value, Decimal) and number.is_finite() and len(number.as_tuple().digits) > DIGITS:
        # Zeros at the end, which DynamoDB drops, do not count.
        number = number.normalize(_ANY)
    if not number.is_finite() or len(number.as_tuple().digits) > DIGITS:
        raise BadInput(f"{value} is no DynamoDB number: it must be finite and have at most {DIGITS} digits")
    return {"N": str(number)}


def _read_number(text: str) -> Decimal:
    """Return a number without the zeros at its end, which DynamoDB drops and emulators keep."""
    if text[-1] == "0" and "." in text and "E" not in text:
        text = text.rstrip("0").removesuffix(".")
    return Decimal(text)


def _members(values: Iterable[Any]) -> list[AttributeValue]:
    # A long list is most often of dicts.
    return [{"M": marshal(value)} if value.__class__ is dict else attribute(value) for value in values]


def _set(values: set[Any] | frozenset[Any]) -> AttributeValue:
    if set(map(type, values)) == {str}:
        return {"SS": sorted(values)}
    members = [attribute(value) for value in values]
    kinds = {kind for member in members for kind in member}
    if len(kinds) != 1 or not kinds <= {"S", "N", "B"}:
        raise BadInput(f"{values!r} is no DynamoDB set; it needs members, all strings, all numbers or all bytes")
    kind = kinds.pop()
    return {f"{kind}S": sorted(member[kind] for member in members)}


# Kinds of which the content is the value.
_READ_AS_THEY_ARE = frozenset({"S", "B", "BOOL"})
_WRITERS: dict[type, Callable[[Any], AttributeValue]] = {
    str: lambda value: {"S": str(value)},
    bool: lambda value: {"BOOL": value},
    type(None): lambda _value: {"NULL": True},
    int: _number,
    Decimal: _number,
    bytes: lambda value: {"B": value},
    list: lambda values: {"L": _members(values)},
    tuple: lambda values: {"L": _members(values)},
    dict: lambda values: {"M": marshal(values)},
    set: _set,
    frozenset: _set,
}
_READERS: dict[str, Callable[[Any], Any]] = {
    "NULL": lambda _content: None,
    "N": _read_number,
    "L": lambda content: [plain(value) for value in content],
    "M": unmarshal,
    "SS": set,
    "NS": lambda content: {_read_number(number) for number in content},
    "BS": set,
}
