"""Strategies: a module a strategy, each a pure fold over bars.

A strategy module has ``Params``, a NamedTuple of numbers with defaults, and ``step(params, state, bars)``. ``step``
gives the next state and the weight to hold, from -1 to 1, bare or ``Protected``. Where the annotation of ``bars`` is
``Universe`` the strategy is cross-sectional: it sees every instrument of its instance and is stepped once for each of
them, with ``bars.me`` saying whose weight is asked for. The state is a NamedTuple: ``State``, else what ``state`` is
annotated with.

A module may have ``start(params)``, else the state starts with its defaults and zeros, and ``lookback(params)``, which
raises ValueError for params that cannot work, else it is traced.
"""

import sys
from collections.abc import Callable
from functools import cache
from hashlib import blake2s
from math import isfinite
from typing import Any, NamedTuple

from fanfold.errors import BadInput, near
from fanfold.strategy import folder, loading, reach, states
from fanfold.strategy.bars import Universe
from fanfold.strategy.step_code import digest

# What its instances want comes by webhook, and there is nothing to fold.
EXTERNAL = "external"
# Modules that were found to be whole: a desk is bound several times on the way to a run.
_loaded: dict[str, Any] = {}
# A window of so many bars is some 50 MB of an instrument.
LOOKBACK_MAX = 200_000


class Protected(NamedTuple):
    """A weight to hold, and when its position is closed before the strategy says so: shares of price, 0 for never.

    ``stop`` closes it that far below its cost (above, where it is short), ``take_profit`` that far beyond, ``trail``
    that far from the best close since it was opened.
    """

    weight: float
    stop: float = 0.0
    take_profit: float = 0.0
    trail: float = 0.0

    def shares(self) -> dict[str, Any]:
        """Return the shares that are asked for, by name."""
        return {name: share for name, share in zip(PROTECTION, self[1:], strict=True) if share}


PROTECTION = ("stop", "take_profit", "trail")


class Strategy(NamedTuple):
    """A strategy module with its params filled in."""

    name: str
    params: Any
    params_hash: str
    cross_sectional: bool
    lookback: int
    start: Callable[[Any], Any]
    step: Callable[[Any, Any, Any], tuple[Any, float | Protected]]
    state: Callable[..., Any]


def protected(value: Any) -> Protected:
    """Return the weight that a step wants, with its protection, as plain numbers: a weight of True is 1.

    Raises TypeError for what is no number, ValueError for a figure that cannot be meant.
    """
    if not isinstance(value, Protected):
        return Protected(_finite("the weight", value))
    plain = Protected(*(_finite(f"the {name}", part) for name, part in zip(Protected._fields, value, strict=True)))
    for name in PROTECTION:
        share = getattr(plain, name)
        if share < 0 or (share >= 1 and name != "take_profit"):
            raise ValueError(
                f"the {name} is {share!r}; it is a share of the price, such as 0.02 for 2 %, and 0 for none"
            )
    return plain


def _finite(what: str, value: object) -> float:
    # Compiled, a step that returns a bool at some bars and a number at others returns numbers.
    number = float(value if isinstance(value, bool) else states.scalar(what, value))
    if not isfinite(number):
        raise ValueError(f"{what} is {number!r}; it must be a finite number")
    return number


def names() -> list[str]:
    """The strategies there are: one a file of the package, and of the desk's own folder."""
    return [name for name in folder.names() if name != EXTERNAL]


def instruments_of(name: str) -> int | None:
    """Return the number of instruments that a strategy takes; None for any number."""
    wanted: int | None = getattr(load(name), "INSTRUMENTS", None)
    return wanted


def is_bundle(name: str) -> bool:
    """Return whether the legs of a strategy must all be present, as those of a pair."""
    return bool(getattr(load(name), "BUNDLE", False))


def bind(name: str, values: dict[str, Any], count: int) -> Strategy:
    """A strategy with params for an instance of ``count`` instruments.

    Raises BadInput, which names the strategy or param, for one that is unknown or out of its range.
    """
    module = load(name)
    params = _params(module, name, values)
    cross = loading.annotations(module, name)["bars"] is Universe
    wanted = instruments_of(name)
    lookback = _lookback(module, name, params, (wanted or max(count, 2)) if cross else None)
    if not 1 <= lookback <= LOOKBACK_MAX:
        raise BadInput(f"{name}{_with(params)} has a lookback of {lookback:,}; it must be from 1 to {LOOKBACK_MAX:,}")
    if wanted is not None and count != wanted:
        raise BadInput(f"{name} takes exactly {wanted} instruments, not {count}")
    hashed = blake2s(repr((name, tuple(params))).encode(), digest_size=6).hexdigest()
    return Strategy(name, params, hashed, cross, lookback, _start(module, name), module.step, _state(module, name))


def code_of(name: str) -> str:
    """Hash all code of a strategy that its results hang on: its step, start and lookback, and what these reach."""
    module = load(name)
    others = (getattr(module, part, None) for part in ("start", "lookback", "BUNDLE", "INSTRUMENTS"))
    return digest((module.step, _state(module, name), *others))


def about(name: str) -> str:
    """Return the first line of what a strategy's file says of itself."""
    return next(iter((load(name).__doc__ or "").strip().splitlines()), "")


def load(name: str) -> Any:
    """Return the module of a strategy. Raises BadInput for one that is unknown, or is none, with its place."""
    dotted = f"{folder.PACKAGE}.{name}"
    known = _loaded.get(dotted)
    # Another folder of strategies brings another module.
    if known is not None and sys.modules.get(dotted) is known:
        return known
    if not folder.exists(name):
        raise BadInput(f"strategy {name!r} is unknown{near(name, names())}; there are {', '.join(names())}{_where()}")
    module = _loaded[dotted] = loading.load(dotted, name)
    return module


def _where() -> str:
    own = folder.in_use()
    return f" ({own} was looked through, too)" if own else "; name the folder of your own with --strategies"


def _state(module: Any, name: str) -> Any:
    return getattr(module, "State", None) or loading.annotations(module, name)["state"]


@cache
def _start(module: Any, name: str) -> Callable[[Any], Any]:
    if hasattr(module, "start"):
        start: Callable[[Any], Any] = module.start
        return start
    first = loading.guarded(f"the state of strategy {name}", lambda: states.zeros(_state(module, name)))
    return lambda _params: first


@cache
def _lookback(module: Any, name: str, params: Any, count: int | None) -> int:
    """Ask for a lookback, or trace a step, once for its params."""

    def traced() -> int:
        try:
            return _traced_lookback(module, name, params, count)
        except ValueError as wrong:
            if loading.of_an_indicator(wrong):
                raise BadInput(f"{name}: {wrong}") from wrong
            raise

    if not hasattr(module, "lookback"):
        return loading.guarded(f"step of strategy {name}, over made-up bars", traced)

    def stated() -> int:
        try:
            lookback = module.lookback(params)
        except ValueError as wrong:  # The author's word on params that cannot work.
            raise BadInput(f"{name}: {wrong}") from wrong
        if isinstance(lookback, bool) or not isinstance(lookback, int):
            raise BadInput(f"lookback of strategy {name} returned {lookback!r:.60}; it must return a whole number")
        return lookback

    return loading.guarded(f"lookback of strategy {name}", stated)


def _traced_lookback(module: Any, name: str, params: Any, count: int | None) -> int:
    return reach.lookback(module.step, params, _start(module, name)(params), count)


def _params(module: Any, name: str, values: dict[str, Any]) -> Any:
    kinds = loading.kinds_of(module, name)
    wrong = [
        f"param {key!r} is unknown to {name}{near(key, list(kinds))}; it has {', '.join(kinds) or 'none'}"
        for key in values
        if key not in kinds
    ]
    numbers: dict[str, Any] = {}
    for key in values.keys() & kinds.keys():
        try:
            numbers[key] = loading.number(kinds[key], values[key])
        except ValueError:
            wrong.append(f"param {key!r} of {name} is {_shown(values[key])}; it must be a finite {kinds[key].__name__}")
    if wrong:
        raise BadInput("; ".join(wrong))
    return module.Params(**numbers)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, str) else str(value)


def _with(params: Any) -> str:
    """Return params as an error names them, behind their strategy."""
    values = ", ".join(f"{key}={value}" for key, value in params._asdict().items())
    return f" with {values}" if values else ""
