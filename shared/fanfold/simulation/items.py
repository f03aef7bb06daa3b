"""DynamoDB's items as it stores them: numbers without trailing zeros, sets in order, and the size of each."""

from collections.abc import Callable, Mapping
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from functools import lru_cache
from typing import Any

import msgspec

from fanfold.aws.client.call import AwsFault
from fanfold.aws.dynamodb.attribute_values import DIGITS, AttributeValue, Item

_encode = msgspec.msgpack.Encoder().encode
# Of DynamoDB's 38 digits; a sum that needs more is refused, not rounded.
NUMBERS = Context(prec=DIGITS, Emin=-130, Emax=125, traps=[Inexact, InvalidOperation, Overflow])
ITEM_BYTES = 400 * 1024


def invalid(message: str) -> AwsFault:
    """Return DynamoDB's fault for a request that can never succeed."""
    return AwsFault("ValidationException", message, 400)


def canonical(item: Mapping[str, AttributeValue]) -> Item:
    """Return an item as it is read back; two that are equal in DynamoDB are equal as dicts."""
    # Text and bytes, which most values are, are as they are: a call each would take longer than the rest.
    after = dict(item)
    for name, value in item.items():
        if "S" not in value and "B" not in value:
            after[name] = canonical_value(value)
    return after


def canonical_value(value: AttributeValue) -> AttributeValue:
    ((kind, content),) = value.items()
    form = _FORMS.get(kind)
    return value if form is None else {kind: form(content)}


def number(value: Decimal) -> str:
    """Return a number as DynamoDB writes it.

    >>> number(Decimal("10.50")), number(Decimal("1E+2"))
    ('10.5', '100')
    >>> number(Decimal("1234567890.1234567890123456789012345678"))
    '1234567890.1234567890123456789012345678'
    """
    try:
        return f"{NUMBERS.add(NUMBERS.plus(value).normalize(NUMBERS), Decimal(0)):f}"
    except (Inexact, InvalidOperation, Overflow) as wrong:
        raise invalid(f"{value} is beyond {DIGITS} digits or out of range") from wrong


def size(item: Mapping[str, AttributeValue]) -> int:
    """Return an item's size in bytes: its names and its values."""
    return sum(len(name.encode()) + _weight(value) for name, value in item.items())


def may_exceed(part: object, limit: int) -> bool:
    """Return whether items could be larger than a limit.

    Their msgpack, which heads each name and value with its length, is larger than they are, and quicker to measure.
    """
    return len(_encode(part)) > limit


def checked_size(item: Mapping[str, AttributeValue]) -> int:
    """Return a bound on an item's size; see may_exceed. Raises DynamoDB's fault for an item over 400 KB."""
    bound = len(_encode(item))
    if bound > ITEM_BYTES and size(item) > ITEM_BYTES:
        raise invalid("Item size has exceeded the maximum allowed size")
    return bound


def _weight(value: AttributeValue) -> int:
    ((kind, content),) = value.items()
    return _WEIGHTS[kind](content)


# The same few figures are written again and again.
@lru_cache(maxsize=4_096)
def _number(text: str) -> str:
    if text.isdigit() and len(text) <= DIGITS and text[0] != "0":
        return text
    return number(Decimal(text))


def _members(content: list[Any]) -> list[Any]:
    members = sorted(content)
    if not members or len(set(members)) != len(members):
        raise invalid("One or more parameter values were invalid: a set is empty or contains duplicates")
    return members


_FORMS: dict[str, Callable[[Any], Any]] = {
    "N": _number,
    "L": lambda content: [
        {"M": canonical(member["M"])} if "M" in member else canonical_value(member) for member in content
    ],
    "M": canonical,
    "SS": _members,
    "BS": _members,
    "NS": lambda content: _members([_number(member) for member in content]),
}
_WEIGHTS: dict[str, Callable[[Any], int]] = {
    "S": lambda content: len(content.encode()),
    "B": len,
    "N": lambda content: len(content) // 2 + 1,
    "BOOL": lambda _content: 1,
    "NULL": lambda _content: 1,
    "L": lambda content: 3 + sum(1 + _weight(member) for member in content),
    "M": lambda content: 3 + len(content) + size(content),
    "SS": lambda content: sum(len(member.encode()) for member in content),
    "BS": lambda content: sum(len(member) for member in content),
    "NS": lambda content: sum(len(member) // 2 + 1 for member in content),
}
