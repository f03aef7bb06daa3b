"""DynamoDB's condition, key condition and update expressions, each text parsed once; unknown syntax raises.

Values and items are in their canonical form, so equal ones are equal. Reserved words are not rejected here.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal, Inexact
from functools import lru_cache
from typing import NamedTuple

from fanfold.aws.dynamodb.attribute_values import DIGITS, AttributeValue, Item
from fanfold.simulation.expression_parser import Operand, Parser, Path, Values
from fanfold.simulation.items import NUMBERS, invalid, number

Test = Callable[[Item, Values], bool]
LAST_CHARACTER = "\U0010ffff"
_SIGNS: dict[str, Callable[[str, str], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


class Condition(NamedTuple):
    """A condition, the value placeholders that it names, and those that are the two ends of a range."""

    holds: Test
    placeholders: frozenset[str]
    ranges: Sequence[tuple[str, str]] = ()


@lru_cache(maxsize=4_096)
def condition(text: str) -> Condition:
    """Parse a condition; also a key condition, which uses fewer operators."""
    parser = Parser(text)
    test = _any(parser)
    parser.end()
    return Condition(test, frozenset(parser.placeholders), parser.ranges)


def always(_item: Item, _values: Values) -> bool:
    """Hold of every item."""
    return True


ALWAYS = Condition(always, frozenset())


class KeyRange(NamedTuple):
    """Sort keys from one on up to another, which is not among them; None: without end."""

    first: str
    end: str | None


class KeyCondition(NamedTuple):
    """The placeholder of the partition, and what a query's values make the range of sort keys; see Condition."""

    partition: str
    span: Callable[[Values], KeyRange]
    placeholders: frozenset[str]
    ranges: Sequence[tuple[str, str]] = ()


@lru_cache(maxsize=256)
def key_condition(text: str, keys: tuple[str, str]) -> KeyCondition:
    """Parse a query's condition: the partition equals a value, and the sort key may have a prefix or a range."""
    parser = Parser(text)
    if parser.path() != (keys[0],):
        raise parser.wrong()
    parser.take("=")
    partition = parser.value()
    span = _span(parser, keys[1]) if parser.takes("AND") else _whole
    parser.end()
    return KeyCondition(partition, span, frozenset(parser.placeholders), parser.ranges)


_WHOLE = KeyRange("", None)


def _whole(_values: Values) -> KeyRange:
    return _WHOLE


def _span(parser: Parser, sort: str) -> Callable[[Values], KeyRange]:
    """Parse what a query wants of the sort key: a prefix, a range, or a comparison."""
    prefixed = parser.takes("BEGINS_WITH")
    if prefixed:
        parser.take("(")
    if parser.path() != (sort,):
        raise parser.wrong()
    if prefixed:
        parser.take(",")
        prefix = parser.value()
        parser.take(")")
        return lambda values: KeyRange(values[prefix]["S"], _behind_prefix(values[prefix]["S"]))
    if parser.takes("BETWEEN"):
        low = parser.value()
        parser.take("AND")
        high = parser.value()
        parser.ranges.append((low, high))
        return lambda values: KeyRange(values[low]["S"], _next(values[high]["S"]))
    span, name = _SPANS.get(parser.take()), parser.value()
    if span is None:
        raise parser.wrong()
    return lambda values: span(values[name]["S"])


def _next(key: str) -> str:
    return key + "\0"


def _behind_prefix(prefix: str) -> str | None:
    """Return the first key behind all that begin with a prefix."""
    stem = prefix.rstrip(LAST_CHARACTER)
    return stem[:-1] + chr(ord(stem[-1]) + 1) if stem else None


_SPANS: dict[str, Callable[[str], KeyRange]] = {
    "=": lambda key: KeyRange(key, _next(key)),
    "<": lambda key: KeyRange("", key),
    "<=": lambda key: KeyRange("", _next(key)),
    ">": lambda key: KeyRange(_next(key), None),
    ">=": lambda key: KeyRange(key, None),
}


def check_ranges(ranges: Iterable[tuple[str, str]], values: Values) -> None:
    """Raise DynamoDB's fault for a range whose upper end is below its lower one, whatever is stored."""
    for low, high in ranges:
        if compare(">", values[low], values[high]):
            raise invalid("The BETWEEN operator requires upper bound to be greater than or equal to lower bound")


def lookup(item: Item, path: Path) -> AttributeValue | None:
    """Return the value at a path, None where there is none."""
    head, *rest = path
    value = item.get(str(head))
    for step in rest:
        if value is None:
            return None
        if isinstance(step, int):
            members = value.get("L", [])
            value = members[step] if step < len(members) else None
        else:
            value = value.get("M", {}).get(step)
    return value


def _any(parser: Parser) -> Test:
    tests = [_all(parser)]
    while parser.takes("OR"):
        tests.append(_all(parser))
    return tests[0] if len(tests) == 1 else lambda item, values: any(test(item, values) for test in tests)


def _all(parser: Parser) -> Test:
    tests = [_not(parser)]
    while parser.takes("AND"):
        tests.append(_not(parser))
    if len(tests) == 1:
        return tests[0]

    def holds(item: Item, values: Values) -> bool:
        # Every write of a transaction comes here: a loop takes half the time of ``all``.
        for test in tests:  # noqa: SIM110
            if not test(item, values):
                return False
        return True

    return holds


def _not(parser: Parser) -> Test:
    if not parser.takes("NOT"):
        return _one(parser)
    test = _not(parser)
    return lambda item, values: not test(item, values)


def _one(parser: Parser) -> Test:
    if parser.takes("("):
        test = _any(parser)
        parser.take(")")
        return test
    if parser.peek() in ("attribute_exists", "attribute_not_exists"):
        return _existence(parser)
    if parser.peek() == "begins_with":
        return _beginning(parser)
    if not parser.peek().startswith(":"):
        return _of_attribute(parser, parser.path())
    return _of_operand(parser, operand(parser))


def _of_attribute(parser: Parser, path: Path) -> Test:
    """Parse what is wanted of an attribute: mostly that it equals a value, which most conditions are made of."""
    if parser.peek() != "=" or len(path) > 1:
        return _of_operand(parser, _at(path))
    parser.take("=")
    name = str(path[0])
    if parser.peek().startswith(":"):
        wanted = parser.value()
        return lambda item, values: item.get(name) == values[wanted]
    right = operand(parser)
    return lambda item, values: compare("=", item.get(name), right(item, values))


def _of_operand(parser: Parser, left: Operand) -> Test:
    if parser.takes("IN"):
        options = parser.list_of(operand)
        return lambda item, values: left(item, values) in [option(item, values) for option in options]
    if parser.takes("BETWEEN"):
        ends = [parser.peek()]
        low = operand(parser)
        parser.take("AND")
        ends.append(parser.peek())
        high = operand(parser)
        if all(end.startswith(":") for end in ends):
            parser.ranges.append((ends[0], ends[1]))
        return lambda item, values: (
            compare(">=", left(item, values), low(item, values))
            and compare("<=", left(item, values), high(item, values))
        )
    return _comparison(parser, left)


def _comparison(parser: Parser, left: Operand) -> Test:
    sign = parser.take()
    if sign not in ("=", "<>", *_SIGNS):
        raise parser.wrong()
    right = operand(parser)
    return lambda item, values: compare(sign, left(item, values), right(item, values))


def _existence(parser: Parser) -> Test:
    wanted = parser.take() == "attribute_exists"
    parser.take("(")
    value = _at(parser.path())
    parser.take(")")
    return lambda item, values: (value(item, values) is not None) == wanted


def _beginning(parser: Parser) -> Test:
    parser.take()
    whole, part = parser.list_of(operand)
    return lambda item, values: _begins(whole(item, values), part(item, values))


def _begins(whole: AttributeValue | None, part: AttributeValue | None) -> bool:
    kinds = {*(whole or {}), *(part or {})}
    if whole is None or part is None or len(kinds) > 1:
        return False
    (kind,) = kinds
    return kind in ("S", "B") and bool(whole[kind].startswith(part[kind]))


def operand(parser: Parser) -> Operand:
    """Return a value's placeholder, or a path."""
    if parser.peek().startswith(":"):
        name = parser.value()
        return lambda _item, values: values[name]
    return _at(parser.path())


def _at(path: Path) -> Operand:
    if len(path) == 1:
        name = str(path[0])
        return lambda item, _values: item.get(name)
    return lambda item, _values: lookup(item, path)


def compare(sign: str, left: AttributeValue | None, right: AttributeValue | None) -> bool:
    """Compare two values; a missing one, or one of another type, is unequal and in no order."""
    if sign in ("=", "<>"):
        return (left == right and left is not None) == (sign == "=")
    if left is None or right is None or left.keys() != right.keys():
        return False
    ((kind, a),) = left.items()
    b = right[kind]
    if kind == "N":
        a, b = Decimal(a), Decimal(b)
    elif kind not in ("S", "B"):
        raise invalid(f"Invalid operand type for {sign}: {kind}")
    return _SIGNS[sign](a, b)


def added(left: AttributeValue, right: AttributeValue, sign: str = "+") -> AttributeValue:
    """Return a sum or a difference of two numbers."""
    if "N" not in left or "N" not in right:
        raise invalid("An operand in the update expression has an incorrect data type")
    if sign == "+" and left["N"].isdecimal() and right["N"].isdecimal() and len(left["N"] + right["N"]) < DIGITS:
        # Mostly the next of a version.
        return {"N": str(int(left["N"]) + int(right["N"]))}
    first, second = Decimal(left["N"]), Decimal(right["N"])
    try:
        return {"N": number(NUMBERS.add(first, second) if sign == "+" else NUMBERS.subtract(first, second))}
    except Inexact as wrong:
        raise invalid(f"{first} {sign} {second} has too many digits") from wrong
