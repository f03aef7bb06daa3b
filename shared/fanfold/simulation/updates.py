"""DynamoDB's update expressions: SET, REMOVE, ADD and DELETE, all applied to the item as it was before."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from fanfold.aws.dynamodb.attribute_values import AttributeValue, Item
from fanfold.simulation.expression_parser import Operand, Parser, Path, Values
from fanfold.simulation.expressions import added, lookup, operand
from fanfold.simulation.items import invalid

Action = Callable[[Item, Values], AttributeValue | None]
_CLAUSES = ("SET", "REMOVE", "ADD", "DELETE")


class Update(NamedTuple):
    """The new value of each path (None: it is removed), and what is named: placeholders, and attributes to change.

    A path is an attribute's name, and the steps to what is inside of it, none where the attribute itself is meant.
    """

    actions: Sequence[tuple[str, Path, Action]]
    placeholders: frozenset[str]
    changed: frozenset[str]

    def applied(self, item: Item, values: Values) -> Item:
        """Return a new item; the old one stays as it is."""
        after = dict(item)
        for name, steps, action in self.actions:
            value = action(item, values)
            if steps:
                after = _with(after, (name, *steps), value)
            elif value is not None:
                after[name] = value
            else:
                after.pop(name, None)
        return after


@lru_cache(maxsize=4_096)
def update(text: str) -> Update:
    """Parse an update expression."""
    parser, actions = Parser(text), list[tuple[Path, Action]]()
    seen = set[str]()
    while parser.peek():
        clause = parser.take().upper()
        if clause not in _CLAUSES or clause in seen:
            raise parser.wrong()
        seen.add(clause)
        actions.append(_ACTIONS[clause](parser))
        while parser.takes(","):
            actions.append(_ACTIONS[clause](parser))
    _apart([path for path, _ in actions])
    named = [(str(path[0]), path[1:], action) for path, action in actions]
    return Update(named, frozenset(parser.placeholders), frozenset(name for name, _, _ in named))


def _apart(paths: Sequence[Path]) -> None:
    for at, path in enumerate(paths):
        for other in paths[at + 1 :]:
            shared = min(len(path), len(other))
            if path[:shared] == other[:shared]:
                raise invalid(f"Two document paths overlap with each other: {path} and {other}")


def _set(parser: Parser) -> tuple[Path, Action]:
    path = parser.path()
    parser.take("=")
    plain = parser.peek().startswith(":")
    left = _term(parser)
    if parser.peek() not in ("+", "-"):
        return path, left if plain else lambda item, values: _given(left(item, values))
    sign, right = parser.take(), _term(parser)
    return path, lambda item, values: added(_given(left(item, values)), _given(right(item, values)), sign)


def _term(parser: Parser) -> Operand:
    if parser.peek() == "if_not_exists":
        parser.take()
        known, other = parser.list_of(_term)
        return lambda item, values: known(item, values) or other(item, values)
    if parser.peek() == "list_append":
        parser.take()
        lists = parser.list_of(_term)
        if len(lists) != 2:
            raise parser.wrong()
        return lambda item, values: _joined(*(_given(part(item, values)) for part in lists))
    return operand(parser)


def _joined(first: AttributeValue, then: AttributeValue) -> AttributeValue:
    if "L" not in first or "L" not in then:
        raise invalid("An operand in the update expression has an incorrect data type")
    return {"L": [*first["L"], *then["L"]]}


def _given(value: AttributeValue | None) -> AttributeValue:
    if value is None:
        raise invalid("The provided expression refers to an attribute that does not exist in the item")
    return value


def _remove(parser: Parser) -> tuple[Path, Action]:
    return parser.path(), lambda _item, _values: None


def _add(parser: Parser) -> tuple[Path, Action]:
    path, name = parser.path(), parser.value()

    def add(item: Item, values: Values) -> AttributeValue:
        here, more = lookup(item, path), values[name]
        (kind,) = more
        if kind not in ("N", "SS", "NS", "BS") or (here is not None and kind not in here):
            raise invalid("An operand in the update expression has an incorrect data type")
        if kind == "N":
            return added(here or {"N": "0"}, more)
        return {kind: sorted({*(here or {kind: []})[kind], *more[kind]})}

    return path, add


def _delete(parser: Parser) -> tuple[Path, Action]:
    path, name = parser.path(), parser.value()

    def delete(item: Item, values: Values) -> AttributeValue | None:
        here, less = lookup(item, path), values[name]
        (kind,) = less
        if kind not in ("SS", "NS", "BS") or (here is not None and kind not in here):
            raise invalid("An operand in the update expression has an incorrect data type")
        left = sorted({*(here or {kind: []})[kind]} - {*less[kind]})
        return {kind: left} if left else None

    return path, delete


_ACTIONS: dict[str, Callable[[Parser], tuple[Path, Action]]] = {
    "SET": _set,
    "REMOVE": _remove,
    "ADD": _add,
    "DELETE": _delete,
}


def _with(item: Item, path: Path, value: AttributeValue | None) -> Item:
    """Return the item with a value at a path, or without it."""
    head, *rest = path
    name = str(head)
    if not rest:
        return {**item, name: value} if value is not None else {key: kept for key, kept in item.items() if key != name}
    inner = item.get(name)
    if inner is None or "M" not in inner or isinstance(rest[0], int):
        if value is None and inner is not None:
            return item
        raise invalid("The document path provided in the update expression is invalid for update")
    return {**item, name: {"M": _with(inner["M"], tuple(rest), value)}}
