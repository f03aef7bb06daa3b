"""The configurations of a sweep: a grid of values of params, or a seeded draw from it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from math import prod
from typing import Any

import numpy as np

from fanfold.errors import BadInput, near
from fanfold.research.arguments import mapping_of
from fanfold.research.sweeping.sweep_job import Configuration
from fanfold.strategy import contract, loading

# What compiled steps, Arrow and Parquet hold.
WHOLE_MAX = 2**63 - 1
# A job is one document; of more trials a draw says as much.
CONFIGURATIONS_MAX = 1_000_000
Axes = dict[str, list[int | float]]


def axes_of(strategy: str, grid: Mapping[str, str | Sequence[Any]]) -> Axes:
    """Return the values of each param that is varied.

    A value is a sequence, or a text: ``10:50:5`` from 10 through 50 in steps of 5, or ``10,20,50``. Raises BadInput for
    a param that the strategy has not, a value of another kind, and values of which there are none.
    """
    kinds = loading.kinds_of(contract.load(strategy), strategy)
    axes: Axes = {}
    for name, values in mapping_of("grid", grid, '{"fast": [5, 10], "slow": "20:60:20"}').items():
        if name not in kinds:
            known = ", ".join(kinds) or "none"
            raise BadInput(f"param {name!r} is unknown to {strategy}{near(name, list(kinds))}; it has {known}")
        texts = _values(name, values) if isinstance(values, str) else _listed(name, values)
        axes[name] = list(dict.fromkeys(_number(strategy, name, kinds[name], text) for text in texts))
        if not axes[name]:
            raise BadInput(f"the grid has no value of {name}")
    return axes


def _listed(name: str, values: Sequence[Any]) -> list[str]:
    try:
        return [str(value) for value in values]
    except TypeError as wrong:
        raise BadInput(f"the grid of {name} is {values!r}; write several values, or [{values}]") from wrong


def _values(name: str, text: str) -> list[str]:
    if ":" not in text:
        return [part.strip() for part in text.split(",") if part.strip()]
    try:
        bounds = [Decimal(part) for part in (*text.split(":"), "1")[:3]]
    except InvalidOperation as wrong:
        raise BadInput(_shape(name, text)) from wrong
    first, last, step = bounds
    if text.count(":") > 2 or not all(bound.is_finite() for bound in bounds) or step <= 0:
        raise BadInput(_shape(name, text))
    if first > last:
        raise BadInput(f"the grid of {name} is empty: {text} begins above its end")
    count = int((last - first) / step) + 1
    if count > CONFIGURATIONS_MAX:
        raise BadInput(f"the grid of {name} has {count:,} values; take larger steps")
    return [f"{first + step * place:f}" for place in range(count)]


def _shape(name: str, text: str) -> str:
    return f"the grid {name}={text} is neither FROM:THROUGH:STEP, such as 10:50:5, nor values, such as 10,20,50"


def _number(strategy: str, name: str, kind: type, text: str) -> int | float:
    try:
        number: int | float = loading.number(kind, text)
    except ValueError as wrong:
        raise BadInput(f"the grid of {name} has {text}; of {strategy} it must be a finite {kind.__name__}") from wrong
    if kind is int and abs(number) > WHOLE_MAX:
        raise BadInput(f"the grid of {name} has {text}, which no 64 bits hold")
    return number


def grid_of(axes: Axes, fixed: Configuration) -> tuple[Configuration, ...]:
    """Return every combination of values, the last param varying fastest; ``fixed`` holds for all."""
    size = size_of(axes)
    if size > CONFIGURATIONS_MAX:
        raise BadInput(f"the grid has {size:,} configurations; at most {CONFIGURATIONS_MAX:,} are tried: draw --random")
    return tuple(_configuration(axes, fixed, number) for number in range(size))


def drawn(axes: Axes, fixed: Configuration, count: int, seed: int) -> tuple[Configuration, ...]:
    """Return so many different configurations of the grid, drawn by a seed, in the order of the grid."""
    size = size_of(axes)
    check_count(axes, count, "--random")
    numbers = np.random.default_rng(seed).choice(size, count, replace=False)
    return tuple(_configuration(axes, fixed, int(number)) for number in np.sort(numbers))


def check_count(axes: Axes, count: int, option: str) -> None:
    """Raise BadInput for a choice of as many configurations as the grid has, or of more than are ever tried."""
    size = size_of(axes)
    if count < 1:
        raise BadInput(f"{option} is {count}; choose 1 configuration or more, or leave it out to try all")
    if count >= size:
        raise BadInput(
            f"the grid has {size:,} configurations, and {count:,} were to be chosen: try all without {option}"
        )
    if count > CONFIGURATIONS_MAX:
        raise BadInput(f"{count:,} configurations are too many; at most {CONFIGURATIONS_MAX:,} are tried")


def size_of(axes: Axes) -> int:
    """Return how many configurations a grid has."""
    return prod(len(values) for values in axes.values())


def _configuration(axes: Axes, fixed: Configuration, number: int) -> Configuration:
    """Return the configuration of a number in the grid."""
    chosen: Configuration = {}
    for name, values in reversed(axes.items()):
        number, place = divmod(number, len(values))
        chosen[name] = values[place]
    return fixed | dict(reversed(chosen.items()))
