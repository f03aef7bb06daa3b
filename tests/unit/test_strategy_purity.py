"""Live and research are equal: a step computes the same compiled, on any processor, and from the past alone."""

import ast
import inspect
from collections.abc import Iterator, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path as FilePath
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fanfold.research.compiled import compile_step
from fanfold.strategy import contract, folder, states
from fanfold.strategy.bars import Bars, Universe

BARS = 900
EXAMPLES = FilePath(__file__).resolve().parents[2] / "examples/strategies"
NAMES = [*contract.names(), *(file.stem for file in sorted(EXAMPLES.glob("*.py")))]
PARAMS: dict[str, dict[str, Any]] = {
    "breakout": {"short": 0.5, "atr": 5},
    "mean_reversion": {"window": 20, "short": 0.5},
    "momentum": {"window": 12, "top": 1, "every": 5},
    "pairs": {"window": 30},
    "sma_cross": {"fast": 5, "slow": 20},
}
ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div)
LOGIC = (ast.And, ast.Or, ast.Not, ast.USub, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)
FORMS = (
    ast.Assign, ast.AugAssign, ast.Return, ast.If, ast.IfExp, ast.For, ast.Expr,
    ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.Call, ast.Subscript, ast.Attribute, ast.Tuple,
    ast.Name, ast.Load, ast.Store, ast.Constant,
)  # fmt: skip
BUILTINS = {"abs", "max", "min", "range"}

Columns = NDArray[np.float64]
Path = list[tuple[Any, float]]


@pytest.fixture(autouse=True)
def _examples() -> Iterator[None]:
    folder.use(EXAMPLES)
    yield
    folder.use(None)


def shipped(name: str) -> tuple[ModuleType, contract.Strategy]:
    return import_module(f"fanfold.strategies.{name}"), contract.bind(name, PARAMS.get(name, {}), 2)


def walk(lookback: int) -> Columns:
    """Open, high, low, close and volume of two instruments that move together, with jumps, and padded: (5, 2, bars)."""
    chance = np.random.default_rng(7)
    jumps = chance.choice([0.0, 0.08, -0.08], (1, BARS), p=[0.98, 0.01, 0.01])
    moves = chance.normal(0, 0.01, (1, BARS)) + jumps + chance.normal(0, 0.004, (2, BARS))
    close = np.round(100 * np.exp(np.cumsum(moves, axis=1)), 2)
    opened = np.round(close * chance.uniform(0.99, 1.01, close.shape), 2)
    high, low = np.maximum(opened, close) + 0.05, np.minimum(opened, close) - 0.05
    bars = np.stack([opened, high, low, close, chance.uniform(1, 9, close.shape)])
    return np.concatenate([np.repeat(bars[:, :, :1], lookback, axis=2), bars], axis=2)


def views(cross_sectional: bool, columns: Sequence[Any], now: int) -> Iterator[Bars | Universe]:
    """The view of each leg: of a cross-sectional strategy both instruments, else the first alone."""
    time: Any = range(now + 1)
    if cross_sectional:
        yield from (Universe(now, me, 2, time, *columns) for me in range(2))
    else:
        yield Bars(now, time, *(column[0] for column in columns))


def path(strategy: contract.Strategy, step: Any, columns: Sequence[Any], prepare: Any) -> Path:
    """State and weight of each leg at each bar; ``prepare`` has a last look at what the step will see."""
    kept, steps = [strategy.start(strategy.params)] * 2, []
    for now in range(strategy.lookback, strategy.lookback + BARS):
        for leg, view in enumerate(views(strategy.cross_sectional, columns, now)):
            kept[leg], weight = step(strategy.params, kept[leg], prepare(view))
            steps.append((kept[leg], float(weight)))
    return steps


def listed(columns: Columns) -> list[Any]:
    rows: list[Any] = columns.tolist()
    return rows


def plain(strategy: contract.Strategy, size: float = 1.0) -> Path:
    return path(strategy, strategy.step, listed(walk(strategy.lookback) * size), lambda view: view)


def with_time_array(view: Bars | Universe) -> Bars | Universe:
    return view._replace(time=np.zeros(1, np.int64))  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [1.0, 1e-11, 1e7])
@pytest.mark.parametrize("name", NAMES)
def test_a_compiled_step_equals_plain_python_bit_for_bit(name: str, size: float) -> None:
    module, strategy = shipped(name)
    columns = list(np.ascontiguousarray(walk(strategy.lookback) * size))
    compiled = path(strategy, compile_step(module), columns, with_time_array)
    expected = plain(strategy, size)
    assert [tuple(map(repr, (*map(float, states.numbers(state)), weight))) for state, weight in compiled] == [
        tuple(map(repr, (*map(float, states.numbers(state)), weight))) for state, weight in expected
    ]
    assert len({weight for _, weight in expected}) > 1


@pytest.mark.parametrize("name", NAMES)
def test_a_compiled_step_never_fuses_a_product_with_a_sum(name: str) -> None:
    """A fused multiply-add rounds once instead of twice: a processor that has it would trade differently."""
    module, strategy = shipped(name)
    step: Any = compile_step(module)
    columns = list(np.ascontiguousarray(walk(strategy.lookback)))
    view = next(views(strategy.cross_sectional, columns, strategy.lookback))
    step(strategy.params, strategy.start(strategy.params), with_time_array(view))
    machine_code = "".join(step.inspect_asm().values())
    assert not any(fused in machine_code for fused in ("fmadd", "fmsub", "fnmadd", "fmla", "fmls"))


class Guarded(Sequence[float]):
    """A column in which only the lookback and now may be read."""

    def __init__(self, column: list[float], lookback: int) -> None:
        self.column, self.lookback, self.now = column, lookback, 0

    def __len__(self) -> int:
        return self.now + 1

    def __getitem__(self, at: Any) -> Any:
        assert self.now - self.lookback <= at <= self.now, f"read {at - self.now} bars from now"
        return self.column[at]


def guard(columns: list[list[Guarded]], view: Bars | Universe) -> Bars | Universe:
    for column in (column for pair in columns for column in pair):
        column.now = view.now
    return view


@pytest.mark.parametrize("name", NAMES)
def test_a_step_reads_neither_past_now_nor_beyond_its_lookback(name: str) -> None:
    _, strategy = shipped(name)
    rows = listed(walk(strategy.lookback))
    columns = [[Guarded(column, strategy.lookback) for column in pair] for pair in rows]
    assert path(strategy, strategy.step, columns, partial(guard, columns)) == plain(strategy)


@pytest.mark.parametrize("name", NAMES)
def test_a_truncated_history_gives_the_same_path(name: str) -> None:
    """With the future unknown, every decision up to now is what it was."""
    _, strategy = shipped(name)
    columns = walk(strategy.lookback)
    for known in (1, BARS // 3, BARS - 1):
        blind = columns.copy()
        blind[:, :, strategy.lookback + known :] = np.nan
        legs = known * (2 if strategy.cross_sectional else 1)
        assert path(strategy, strategy.step, listed(blind), lambda view: view)[:legs] == plain(strategy)[:legs]


def reached(function: FunctionType) -> Iterator[FunctionType]:
    """The function and all that it calls."""
    yield function
    for name in function.__code__.co_names:
        callee = function.__globals__.get(name)
        if isinstance(callee, FunctionType):
            yield from reached(callee)


def impurities(function: FunctionType) -> list[str]:
    tree = ast.parse(inspect.getsource(function)).body[0]
    assert isinstance(tree, ast.FunctionDef)
    nodes = [node for part in tree.body for node in ast.walk(part)]
    forms = [type(node).__name__ for node in nodes if not isinstance(node, (*FORMS, *ARITHMETIC, *LOGIC))]
    known = function.__globals__
    local = set(function.__code__.co_varnames)
    strangers = {node.id for node in nodes if isinstance(node, ast.Name)} - local - BUILTINS
    calls = [ast.unparse(node) for node in nodes if isinstance(node, ast.Call) and not isinstance(node.func, ast.Name)]
    return forms + calls + [name for name in sorted(strangers) if not allowed(known.get(name))]


def allowed(value: Any) -> bool:
    """Pure functions of ours, NamedTuples, constants and sqrt."""
    homes = ("fanfold.indicators", "fanfold.strategies.")
    ours = isinstance(value, FunctionType) and value.__module__.startswith(homes)
    named_tuple = isinstance(value, type) and issubclass(value, tuple)
    return ours or named_tuple or isinstance(value, int | float) or getattr(value, "__name__", "") == "sqrt"


@pytest.mark.parametrize("name", NAMES)
def test_a_step_uses_only_operations_that_are_equal_on_every_processor(name: str) -> None:
    module, _ = shipped(name)
    faults = {function.__qualname__: impurities(function) for function in reached(module.step)}
    assert {name: wrong for name, wrong in faults.items() if wrong} == {}


def a_power(x: float) -> float:
    return x**2


def a_remainder(x: float) -> float:
    return x % 2


def a_global(_x: float) -> list[str]:
    return sorted(PARAMS)


def a_method(x: float) -> bool:
    return x.is_integer()


def a_while(x: float) -> float:
    while x > 1:
        x = x / 2
    return x


@pytest.mark.parametrize("function", [a_power, a_remainder, a_global, a_method, a_while])
def test_a_forbidden_operation_in_the_syntax_tree_is_detected(function: FunctionType) -> None:
    assert impurities(function)


@pytest.mark.parametrize("name", NAMES)
def test_a_strategy_module_has_the_declared_form(name: str) -> None:
    module, strategy = shipped(name)
    assert module.__doc__
    assert set(module.Params._field_defaults) == set(module.Params._fields)
    assert {type(value) for value in states.numbers(strategy.start(strategy.params))} <= {int, float}
    assert len(inspect.getsource(module.step).splitlines()) <= 25
