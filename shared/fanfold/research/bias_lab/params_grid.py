"""Configurations around the params of a strategy: what a search would have tried, too."""

from collections.abc import Iterator
from itertools import product
from typing import Any

from fanfold.errors import BadInput
from fanfold.strategy import contract
from fanfold.strategy.contract import Strategy

# A fifth away are neighbours; a grid reaches further.
NEAR = (0.8, 1.25)
LEVELS = (0.5, 0.8, 1.0, 1.25, 2.0)
# Params that are varied together; of more of them, each alone.
TOGETHER_MAX = 2


def neighbours(strategy: Strategy, count: int) -> list[Strategy]:
    """Return the configurations of which one param is a fifth smaller or a quarter larger."""
    values = strategy.params._asdict()
    changed = [values | {name: _scaled(value, factor)} for name, value in values.items() for factor in NEAR]
    return list(_bound(strategy, changed, count))


def grid(strategy: Strategy, count: int) -> list[Strategy]:
    """Return configurations from half of each param to twice of it, the strategy's own first."""
    values = {name: value for name, value in strategy.params._asdict().items() if value}
    own = strategy.params._asdict()
    if len(values) <= TOGETHER_MAX:
        changed = [
            own | {name: _scaled(value, factor) for (name, value), factor in zip(values.items(), factors, strict=True)}
            for factors in product(LEVELS, repeat=len(values))
        ]
    else:
        changed = [own | {name: _scaled(value, factor)} for name, value in values.items() for factor in LEVELS]
    return [strategy, *_bound(strategy, changed, count)]


def _scaled(value: Any, factor: float) -> Any:
    """Return a param times a factor; a whole number stays one, and moves by 1 at least."""
    if not isinstance(value, int):
        return value * factor
    moved = round(value * factor)
    return moved if moved != value or factor == 1.0 else value + (1 if factor > 1 else -1)


def _bound(strategy: Strategy, changed: list[dict[str, Any]], count: int) -> Iterator[Strategy]:
    """Yield the configurations that differ from a strategy and from each other, and that it takes."""
    seen = {tuple(strategy.params)}
    for values in changed:
        if tuple(values.values()) in seen:
            continue
        seen.add(tuple(values.values()))
        try:
            yield contract.bind(strategy.name, values, count)
        except BadInput:
            # Params that cannot work, such as a fast average slower than the slow one, are no configuration.
            continue
