"""Calls to hold the AWS in memory against an emulator with: items, conditions and updates as DynamoDB spells them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from hypothesis import strategies as st

from fanfold.aws.client.call import AwsFault, Call
from fanfold.aws.dynamodb.attribute_values import marshal
from fanfold.simulation.items import canonical

NAMES = ("a", "b", "tags", "nested", "listed")
Document = Mapping[str, Any]


class Clause(NamedTuple):
    """A piece of an expression, and the values that it names."""

    text: str
    values: dict[str, Any]


def answer(call: Call, service: str, operation: str, parameters: Document) -> Any:
    """The answer, or the code and the reasons of what was refused."""
    try:
        return _read(call(service, operation, parameters))
    except AwsFault as fault:
        return fault.code, [(reason.code, canonical(reason.item)) for reason in fault.reasons]


def _read(given_back: dict[str, Any]) -> dict[str, Any]:
    for name in ("Item", "Attributes"):
        if name in given_back:
            given_back = {**given_back, name: canonical(given_back[name])}
    if "Items" in given_back:
        given_back = {**given_back, "Items": [canonical(item) for item in given_back["Items"]]}
    if "Responses" in given_back:
        tables = {name: [canonical(item) for item in items] for name, items in given_back["Responses"].items()}
        given_back = {**given_back, "Responses": {name: sorted(items, key=str) for name, items in tables.items()}}
    return {name: value for name, value in given_back.items() if name in KEPT and value}


KEPT = ("Item", "Attributes", "Items", "Count", "LastEvaluatedKey", "Responses", "UnprocessedKeys", "UnprocessedItems")

keys = st.builds(
    lambda p, s: {"pk": {"S": p}, "sk": {"S": s}},
    st.sampled_from("PQ"),
    st.sampled_from(["x", "x#1", "x#2", "y", "y#é", "z"]),
)
numbers = st.integers(-3, 3) | st.decimals(-5, 5, places=3) | st.just(Decimal("0.10"))
texts = st.sampled_from(["", "p", "pq", "q", "é"])
tags = st.frozensets(st.sampled_from(["s", "t", "u"]), min_size=1)
CONTENT = {
    "a": numbers,
    "b": texts,
    "tags": tags,
    "nested": st.dictionaries(st.sampled_from("mn"), numbers),
    "listed": st.lists(numbers | texts, max_size=3),
}
attributes = st.fixed_dictionaries({}, optional=CONTENT).map(marshal)


@st.composite
def conditions(draw: st.DrawFn, depth: int = 2) -> Clause:
    """A condition of any shape; its values are numbered from 0."""
    values: dict[str, Any] = {}
    return Clause(_condition(draw, values, depth), marshal(values))


def _named(values: dict[str, Any], value: Any) -> str:
    values[f":v{len(values)}"] = value
    return f":v{len(values) - 1}"


def _condition(draw: st.DrawFn, values: dict[str, Any], depth: int) -> str:
    kind = draw(st.sampled_from(["test", "test", "and", "or", "not"] if depth else ["test"]))
    if kind == "test":
        return _test(draw, values)
    first = _condition(draw, values, depth - 1)
    if kind == "not":
        return f"NOT ({first})"
    return f"({first}) {kind.upper()} {_condition(draw, values, 0)}"


def _test(draw: st.DrawFn, values: dict[str, Any]) -> str:
    kind = draw(st.sampled_from(["there", "compare", "text", "in", "between", "begins", "inner"]))
    if kind == "there":
        return f"{draw(st.sampled_from(['attribute_exists', 'attribute_not_exists']))}({draw(st.sampled_from(NAMES))})"
    if kind == "begins":
        return f"begins_with(b, {_named(values, draw(st.sampled_from(['p', 's'])))})"
    if kind == "in":
        return f"a IN ({_named(values, draw(numbers))}, {_named(values, draw(numbers))})"
    if kind == "between":
        low, high = sorted([draw(numbers), draw(numbers)])
        return f"a BETWEEN {_named(values, low)} AND {_named(values, high)}"
    sign = draw(st.sampled_from(["=", "<>", "<", "<=", ">", ">="]))
    left, right = {"compare": ("a", numbers), "text": ("b", texts), "inner": ("nested.m", numbers)}[kind]
    return f"{left} {sign} {_named(values, draw(right))}"


@st.composite
def updates(draw: st.DrawFn) -> Clause:
    """An update that touches each attribute at most once."""
    values: dict[str, Any] = {}
    clauses: dict[str, list[str]] = {}
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True)):
        word, text = _action(draw, values, name)
        clauses.setdefault(word, []).append(text)
    return Clause(" ".join(f"{word} {', '.join(parts)}" for word, parts in clauses.items()), marshal(values))


def _action(draw: st.DrawFn, values: dict[str, Any], name: str) -> tuple[str, str]:
    kind = draw(st.sampled_from(["set", "remove", "own", "own"]))
    if kind == "remove":
        return "REMOVE", name
    if kind == "set":
        return "SET", f"{name} = {_named(values, draw(CONTENT[name]))}"
    match name:
        case "a":
            more = draw(st.sampled_from(["add", "if", "plus"]))
            value = _named(values, draw(numbers))
            return {
                "add": ("ADD", f"a {value}"),
                "if": ("SET", f"a = if_not_exists(a, {value})"),
                "plus": ("SET", f"a = a - {value}"),
            }[more]
        case "tags":
            return draw(st.sampled_from(["ADD", "DELETE"])), f"tags {_named(values, draw(tags))}"
        case "nested":
            text = f"nested.m = {_named(values, draw(numbers))}"
        case "listed":
            first, more = (_named(values, draw(CONTENT[name])) for _ in range(2))
            first = draw(st.sampled_from([first, f"if_not_exists({name}, {first})"]))
            text = f"{name} = list_append({first}, {more})"
        case _:
            text = f"{name} = {_named(values, draw(CONTENT[name]))}"
    return "SET", text
