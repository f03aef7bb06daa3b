"""States of strategies: NamedTuples of numbers, and of the states of indicators, which are NamedTuples of numbers."""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

from fanfold.market.bars import FIGURE_MAX
from fanfold.strategy.annotations import hints_of


class NoState(NamedTuple):
    """The state of a step that keeps nothing from bar to bar."""


def zeros(kind: Any) -> Any:
    """Return a state as it is before the first bar: defaults where there are some, else zeros.

    Raises TypeError for a field that is neither a number nor a NamedTuple.
    """
    defaults = kind._field_defaults
    return kind(*(defaults[name] if name in defaults else _zero(kind, name) for name in kind._fields))


def numbers(state: Any) -> Iterator[Any]:
    """Yield the numbers of a state, those of the states that it holds in their place."""
    for value in state:
        if isinstance(value, tuple):
            yield from numbers(value)
        else:
            yield value


def restore(kind: Any, values: Iterable[int | float]) -> Any:
    """Return the state of which ``numbers`` yielded these values."""
    return _restore(kind, iter(values))


def checked(kind: Any, state: Any, path: str = "") -> Any:
    """Return a state with plain numbers. Raises what ``scalar`` raises, and TypeError for another shape."""
    values = []
    for name, value in state._asdict().items():
        inner, field = _inner(kind).get(name), f"{path}{name}"
        if inner is None:
            values.append(scalar(f"field {field!r} of State", value))
        elif isinstance(value, tuple) and len(value) == len(inner._fields):
            values.append(checked(inner, inner(*value), f"{field}."))
        else:
            raise TypeError(f"field {field!r} of State is {value!r:.80}; it must be {inner.__name__}")
    return kind(*values)


def scalar(what: str, value: object) -> int | float:
    """Return the value as a plain number. Raises TypeError if it is not one, OverflowError if it cannot be stored."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{what} is {value!r:.80}; it must be a number, no {type(value).__name__}")
    if isinstance(value, float):
        return float(value)
    if abs(value) > FIGURE_MAX:
        raise OverflowError(f"{what} is an integer of {value.bit_length()} bits; it must fit into 64")
    return int(value)


def is_nested(kind: Any) -> bool:
    """Return whether a state holds states."""
    return bool(_inner(kind))


def shape(kind: Any) -> list[tuple[str, str]]:
    """Return the names of a state's numbers with their kinds."""
    kinds, inside = getattr(kind, "__annotations__", {}), _inner(kind)
    fields: list[tuple[str, str]] = []
    for name in getattr(kind, "_fields", ()):
        fields.append((name, str(kinds.get(name, ""))))
        if name in inside:
            fields += [(f"{name}.{inner}", text) for inner, text in shape(inside[name])]
    return fields


def _restore(kind: Any, values: Iterator[int | float]) -> Any:
    inside = _inner(kind)
    if not inside:
        return kind(*([next(values) for _ in kind._fields] if hasattr(kind, "_fields") else values))
    return kind(*[_restore(inside[name], values) if name in inside else next(values) for name in kind._fields])


@cache
def _inner(kind: Any) -> dict[str, Any]:
    """Return the fields of a state that are states, with their kinds."""
    hints = hints_of(kind) if hasattr(kind, "_fields") else {}
    return {name: hint for name, hint in hints.items() if hasattr(hint, "_fields")}


def _zero(kind: Any, name: str) -> Any:
    hint = hints_of(kind).get(name)
    if hint in {int, float}:
        return hint()
    if hasattr(hint, "_fields"):
        return zeros(hint)
    raise TypeError(f"field {name!r} of {kind.__name__} is a {hint}; it must be int, float or a NamedTuple of them")
