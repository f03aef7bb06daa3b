"""Try a strategy before it trades: pure, from the past alone, within its lookback, and weights that are weights."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from fanfold.errors import BadInput
from fanfold.market.recording import Recording
from fanfold.strategy import contract, folder, hidden_state, imported, loading, purity, reach, samples, states
from fanfold.strategy.bars import Bars, Universe
from fanfold.strategy.contract import Protected, Strategy
from fanfold.strategy.samples import Sample
from fanfold.strategy.step_code import fault_of

# A column as no step may see it: what is beyond now stands out.
BEYOND = 1e9
LEGS, STILL_BARS, ROUNDING = 4, 60, 1e-9
# The time that all walks of a check may take together.
LIMIT_S = 60.0
Path = list[tuple[Any, Any]]


class StrategyReport(NamedTuple):
    """The faults of a strategy; what is ``wrong`` keeps it from trading, what is ``doubtful`` does not."""

    strategy: Strategy
    wrong: list[str]
    doubtful: list[str]
    bars_per_second: float


class ForbiddenReadError(Exception):
    """A step read what it must not."""


class GuardedColumn(Sequence[float]):
    """A column of which only now and the lookback may be read."""

    def __init__(self, name: str, values: list[float], lookback: int) -> None:
        self.now = 0
        self._name, self._values, self._lookback = name, values, lookback

    def __len__(self) -> int:
        raise ForbiddenReadError(
            f"it asks for len(bars.{self._name}); count from bars.now, for columns have any length"
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        # Compiled code has arrays, the live leg lists: what only one of them knows works in a back-test alone.
        raise ForbiddenReadError(f"it asks for bars.{self._name}.{name}; read single bars, bars.now - n")

    def __getitem__(self, at: Any) -> Any:
        if not isinstance(at, int):
            raise ForbiddenReadError(f"it takes a slice of bars.{self._name}; read single bars, bars.now - n")
        if at > self.now:
            raise ForbiddenReadError(
                f"it reads bars.{self._name} {at - self.now} bars past now; read no further than bars.now"
            )
        if at < 0:
            raise ForbiddenReadError(f"it reads bars.{self._name}[{at}]; count from bars.now: bars.now - {-at - 1}")
        if at < self.now - self._lookback:
            raise ForbiddenReadError(
                f"it reads bars.{self._name} {self.now - at} bars before now, and its lookback is {self._lookback}; "
                f"let lookback(params) return {self.now - at}"
            )
        return self._values[at]


def check(
    name: str,
    params: dict[str, Any],
    count: int = 1,
    clock: Callable[[], float] = lambda: 0.0,
    data: Sequence[Recording] = (),
) -> StrategyReport:
    """Try a strategy over made-up bars and those of data. Raises BadInput where it cannot be bound at all.

    Its speed is measured by a clock in seconds, over the bars that are tried last.
    """
    strategy = contract.bind(name, params, count)
    if strategy.name == contract.EXTERNAL:
        return StrategyReport(strategy, [], [], 0.0)
    wrong = [*purity.impurities(strategy.step), *hidden_state.changes(strategy.step)]
    doubtful = [
        *purity.inexact(strategy.step),
        *hidden_state.changeable(strategy.step),
        *imported.from_no_image(contract.load(name)),
    ]
    before = hidden_state.contents(strategy.step)
    speed = 0.0
    try:
        with loading.limited(LIMIT_S):
            for sample in (samples.made_up(strategy, count), *samples.recorded(strategy, data)):
                paths, speed = _walked(strategy, sample, clock)
                wrong += _inconsistencies(strategy, sample, paths)
                wrong += _gross(strategy, sample, paths)
                doubtful += _still(strategy, sample)
    except (_FaultError, _EndlessError) as fault:
        return StrategyReport(strategy, list(dict.fromkeys([*wrong, *fault.args])), doubtful, 0.0)
    wrong += hidden_state.changed(before, hidden_state.contents(strategy.step))
    return StrategyReport(strategy, list(dict.fromkeys(wrong)), list(dict.fromkeys(doubtful)), speed)


def refuse(name: str, params: dict[str, Any], count: int) -> None:
    """Raise BadInput, in one line, for a strategy that must not trade."""
    wrong = check(name, params, count).wrong
    if wrong:
        raise BadInput(
            f"strategy {name} must not trade: {wrong[0]}; see `fanfold strategy check {folder.as_named(name)}`"
        )


def lowest_weight(strategy: Strategy, count: int) -> float:
    """Return the lowest weight that a strategy wants over made-up bars, at most 0; 0 for one that fails over them."""
    if strategy.name == contract.EXTERNAL:
        return 0.0
    sample = samples.made_up(strategy, count)
    members = range(len(sample.columns) if strategy.cross_sectional else 1)
    try:
        with loading.limited(LIMIT_S):
            paths = [_walk(strategy, sample, me, sample.bars) for me in members]
    except (_FaultError, _EndlessError):
        return 0.0
    weights: list[float] = [wanted.weight for path in paths for _, wanted in path]
    return min(0.0, *weights)


class _FaultError(Exception):
    """Its arguments are the faults, each with its place."""


class _EndlessError(Exception):
    """The time of the check is up, which says nothing of the walk that it ends."""


def legs_tried(name: str) -> int:
    """Return how many instruments a strategy is tried with where no instance says how many it has."""
    return contract.instruments_of(name) or LEGS


def _walked(strategy: Strategy, sample: Sample, clock: Callable[[], float]) -> tuple[list[Path], float]:
    """Return the path of each member, and the speed of the first; each is tried with guarded columns before.

    Raises _FaultError for what would silence the legs.
    """
    members = range(len(sample.columns) if strategy.cross_sectional else 1)
    faults = [fault for me in members for fault in _guarded(strategy, sample, me)]
    if faults:
        raise _FaultError(*faults)
    began = clock()
    first = _walk(strategy, sample, 0, sample.bars)
    taken = clock() - began
    others = [_walk(strategy, sample, me, sample.bars) for me in members[1:]]
    return [first, *others], sample.bars / taken if taken else 0.0


def _walk(strategy: Strategy, sample: Sample, me: int, bars: int, *, guarded: bool = False) -> Path:
    """Step over the first bars as a leg does.

    Raises _FaultError, with the place, for what would silence the leg, _EndlessError once the check's time is up.
    """
    path: Path = []
    state = strategy.start(strategy.params)
    for number in range(bars):
        now = sample.position(number)
        if guarded:
            _move(sample.columns, now)
        view = _view(strategy, sample.columns, sample.times[: now + 1] if guarded else sample.times, now, me)
        stepped = loading.attempted(partial(_step, strategy, state, view))
        if isinstance(stepped, BaseException):
            kind = _EndlessError if isinstance(stepped, TimeoutError) else _FaultError
            raise kind(f"{fault_of(stepped, strategy.step)} (at {sample.place(number)})") from stepped
        state, weight = stepped
        path.append((state, weight))
    return path


def _step(strategy: Strategy, state: Any, view: Bars | Universe) -> tuple[Any, Protected]:
    following, wanted = reach.pair(strategy.step(strategy.params, state, view))
    return states.checked(strategy.state, strategy.state(*following)), _wanted(wanted)


def _view(strategy: Strategy, columns: list[list[Any]], times: Any, now: int, me: int) -> Bars | Universe:
    if strategy.cross_sectional:
        return Universe(now, me, len(columns), times, *(list(column) for column in zip(*columns, strict=True)))
    return Bars(now, times, *columns[0])


def _move(columns: list[list[Any]], now: int) -> None:
    for column in (column for member in columns for column in member):
        column.now = now


def _wanted(value: Any) -> Protected:
    wanted = contract.protected(value)
    if abs(wanted.weight) > 1:
        raise ValueError(f"the weight is {wanted.weight}; it must be from -1 to 1")
    return wanted


def _inconsistencies(strategy: Strategy, sample: Sample, paths: Sequence[Path]) -> Iterator[str]:
    """Yield that another run over the same bars, or one that knows no later bars, differs."""
    known = sample.bars // 2
    earlier = sample.without_later(known, BEYOND)
    for me, path in enumerate(paths):
        if _try(strategy, sample, me, sample.bars) != path:
            yield "it gives another result for the same bars; use nothing but params, state and bars"
        elif _try(strategy, earlier, me, known) != path[:known]:
            yield "it knows later bars: its results change where these change; read no further than bars.now"


def _gross(strategy: Strategy, sample: Sample, paths: Sequence[Path]) -> Iterator[str]:
    """Yield that the weights of a universe add up to more than all of its equity."""
    if not strategy.cross_sectional:
        return
    for number, steps in enumerate(zip(*paths, strict=True)):
        if number < strategy.lookback and not sample.name:
            # Its window still holds the padding, in which all are alike.
            continue
        gross = sum(abs(wanted.weight) for _, wanted in steps)
        if gross > 1 + ROUNDING:
            place = sample.place(number)
            yield f"its weights of {len(paths)} instruments add up to {gross:.4g} at {place}; at most 1 in all"
            return


def _still(strategy: Strategy, sample: Sample) -> Iterator[str]:
    """Yield what a strategy raises over bars without volume or movement, which quiet markets have."""
    still = sample.still(STILL_BARS)
    for me in range(len(still.columns)):
        try:
            _walk(strategy, still, me, still.bars)
        except _FaultError as fault:
            yield f"over bars without volume or movement it raises: {fault}"
            return


def _guarded(strategy: Strategy, sample: Sample, me: int) -> Iterator[str]:
    names = ("open", "high", "low", "close", "volume")
    guarded: list[list[Any]] = [
        [GuardedColumn(name, column, strategy.lookback) for name, column in zip(names, member, strict=True)]
        for member in sample.columns
    ]
    try:
        _walk(strategy, sample._replace(columns=guarded), me, sample.bars, guarded=True)
    except _FaultError as fault:
        yield str(fault).replace("fanfold.strategy.checking.ForbiddenReadError: ", "")


def _try(strategy: Strategy, sample: Sample, me: int, bars: int) -> Path:
    try:
        return _walk(strategy, sample, me, bars)
    except _FaultError:
        return []
