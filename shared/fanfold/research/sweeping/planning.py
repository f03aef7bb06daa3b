"""Plan a sweep: the desk of a run, and the configurations, markets and windows that are tried on it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, NamedTuple, get_args

import msgspec

from fanfold import desk
from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.local import spot_accounts
from fanfold.local.run_plan import RunPlan
from fanfold.market import timeframes
from fanfold.research.sweeping.configurations import Axes, axes_of, drawn, grid_of
from fanfold.research.sweeping.quantity_trials import check_quantity
from fanfold.research.sweeping.sweep_job import Configuration, SizingTerms, SweepJob, TradedWindow, check
from fanfold.research.sweeping.windows_of_span import windows_of
from fanfold.strategy import contract

Together = Literal["each", "all"]


class SweepOptions(NamedTuple):
    """The options of a sweep, as the command line has them.

    ``grid`` has, by param, values or a text such as ``10:50:5``; ``draw`` is how many of it are drawn by ``seed``, and
    ``optuna`` how many Optuna asks for, 0 for all. ``windows`` is a number or a length, such as 30d; empty for the
    whole span.
    """

    grid: Mapping[str, str | Sequence[Any]]
    draw: int = 0
    seed: int = 7
    optuna: int = 0
    timeframe: str = ""
    instruments: Together = "all"
    windows: str = ""
    quantity: Decimal | None = None
    latency_s: int = 0


def grid_texts(pairs: Sequence[str]) -> dict[str, str]:
    """Return pairs of the form ``name=values``. Raises BadInput for another form, or a name twice."""
    grid: dict[str, str] = {}
    for pair in pairs:
        name, equals, values = pair.partition("=")
        if not equals or not values:
            raise BadInput(f"--grid {pair!r} is not of the form name=values, such as fast=10:50:5 or fast=10,20,50")
        if name in grid:
            raise BadInput(f"--grid {name} is given twice; name each param once")
        grid[name] = values
    return grid


class SearchSpace(NamedTuple):
    """The values of each param that is varied, and the params that are not."""

    axes: Axes
    fixed: Configuration


Frame = tuple[SweepJob, SearchSpace]


def job_of(planned: RunPlan, options: SweepOptions) -> SweepJob:
    """Return the job of a plan whose desk has one strategy. Raises BadInput for what cannot be swept."""
    frame, (axes, fixed) = frame_of(planned, options)
    tried = drawn(axes, fixed, options.draw, options.seed) if options.draw else grid_of(axes, fixed)
    job = msgspec.structs.replace(frame, configurations=tried)
    check(job)
    return job


def frame_of(planned: RunPlan, options: SweepOptions) -> Frame:
    """Return the job of a plan without configurations, and what they can be. Raises BadInput as ``job_of`` does."""
    if len(planned.desk.strategies) != 1:
        raise BadInput(f"a sweep varies one strategy, and the desk has {len(planned.desk.strategies)}: name it")
    ((name, instance),) = planned.desk.strategies.items()
    if options.timeframe:
        instance = msgspec.structs.replace(instance, timeframe=options.timeframe)
    varied = msgspec.structs.replace(planned.desk, strategies={name: instance})
    wrong = list(desk.mistakes(varied))
    if wrong:
        raise desk.refusal("the desk of the sweep", wrong)
    count = len(instance.instruments)
    axes = axes_of(instance.strategy, options.grid)
    _refuse_short(varied, name, axes)
    fixed: Configuration = contract.bind(instance.strategy, instance.params, count).params._asdict()
    markets = _markets(instance.strategy, instance.instruments, options.instruments)
    if options.quantity is not None:
        _refuse_latency(options)
        for market in markets:
            check_quantity(varied, market, options.quantity)
    span = TradedWindow(planned.start, planned.until)
    length = timeframes.seconds(planned.recordings[0].timeframe)
    frame = SweepJob(
        desk=varied,
        configurations=(),
        markets=markets,
        windows=windows_of(options.windows, span, length) if options.windows else (span,),
        terms=SizingTerms(latency_s=options.latency_s, quantity=options.quantity),
    )
    return frame, SearchSpace(axes, fixed)


def _refuse_latency(options: SweepOptions) -> None:
    """Raise BadInput for a latency of orders by a fixed quantity, which fill at the next open."""
    if options.latency_s:
        raise BadInput("by a fixed quantity an order fills at the next open: leave --latency out, or --quantity")


def _refuse_short(varied: Desk, name: str, axes: Axes) -> None:
    """Raise BadInput for a spot account where the grid's largest value of ``short`` would sell short."""
    if "short" not in axes:
        return
    instance = varied.strategies[name]
    widest = msgspec.structs.replace(instance, params={**instance.params, "short": max(axes["short"])})
    spot_accounts.refuse(msgspec.structs.replace(varied, strategies={name: widest}), "the grid")


def _markets(strategy: str, instruments: Sequence[str], together: Together) -> tuple[tuple[str, ...], ...]:
    if together not in get_args(Together):
        raise BadInput(f"instruments is {together!r}; it must be one of {', '.join(get_args(Together))}")
    if together == "all":
        return (tuple(instruments),)
    wanted = contract.instruments_of(strategy)
    if wanted not in (None, 1):
        raise BadInput(f"{strategy} takes {wanted} instruments at once; sweep it with --instruments all")
    return tuple((instrument,) for instrument in instruments)
