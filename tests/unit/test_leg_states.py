"""A leg's own trouble: it is silent alone, a cold start later too, and is named once a change."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import msgspec
import pytest

from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.market.bars import Series
from fanfold.messages import LegCode, LegState, Target
from fanfold.signals.fold import HOLE_S, Fold
from fanfold.signals.short_windows import Gap
from fanfold.signals.stepping import MISSED_BARS
from fanfold.signals.stored_fold import Snapshot
from fanfold.strategy import folder
from fanfold.strategy.bars import Bars, Universe
from support.core_desk import START, A, B, instance, series, small_desk, stretch, walk

BARS = {name: walk(1, name, 60) for name in (A, B)}
HERE = Path(__file__).name


class Params(NamedTuple):
    n: int = 2


class State(NamedTuple):
    side: float


class Wider(NamedTuple):
    side: float
    best: float


class Raising(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this")


def sound(_params: Params, state: State, bars: Bars) -> tuple[State, float]:
    return state, 1.0 if bars.close[bars.now] > bars.close[bars.now - 2] else 0.0


def deep(params: Params, state: State, bars: Bars) -> tuple[State, float]:
    return deep(params, state, bars)


def raising(fault: BaseException) -> Callable[..., Any]:
    def step(_params: Params, _state: State, _bars: Bars) -> tuple[State, float]:
        raise fault

    return step


def giving(answer: Any) -> Callable[..., Any]:
    def step(_params: Params, _state: State, _bars: Bars) -> Any:
        return answer

    return step


FAULTS = [
    deep,
    *(
        raising(exception)
        for exception in (
            AttributeError("x"),
            AssertionError(),
            RuntimeError("\ud800"),
            MemoryError(),
            Raising(),
            ZeroDivisionError("of nothing"),
            StopIteration(),
            BadInput("wrong"),
            SystemExit(0),
            GeneratorExit(),
            BaseException("bare"),
        )
    ),
    *(giving((State(0.0), weight)) for weight in (None, float("nan"), float("inf"), "long", 10**400, 1j, [1.0])),
    *(
        giving((state, 1.0))
        for state in (
            State(True),
            State(None),  # type: ignore[arg-type]
            State("x"),  # type: ignore[arg-type]
            State(10**19),
            (),
            (1.0, 2.0),
            None,
            3,
            Wider(1.0, 2.0),
            State(State(1.0)),  # type: ignore[arg-type]
        )
    ),
    *(giving(answer) for answer in (None, 1.0, (), (State(0.0),), (State(0.0), 1.0, 2.0), "no")),
]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make a step the strategy ``latch``, for one instrument or for a universe."""

    def made(step: Callable[..., Any], state: Any = State, bars: type = Bars, **more: Any) -> None:
        step.__annotations__["bars"] = bars
        module = ModuleType("fanfold.strategies.latch")
        parts = {
            "Params": Params,
            "State": state,
            "lookback": lambda params: params.n,
            "step": step,
            "start": lambda _params: state(*[0.0] * len(state._fields)),
        }
        for name, value in (parts | more).items():
            setattr(module, name, value)
        monkeypatch.setitem(sys.modules, "fanfold.strategies.latch", module)

    monkeypatch.setattr(folder, "exists", lambda _name: True)
    return made


def desk(timeframe: str = "1m", params: dict[str, Any] | None = None, *names: str) -> Desk:
    legs = {
        "latch": {
            "strategy": "latch",
            "params": params or {},
            "instruments": list(names) or [A],
            "timeframe": timeframe,
            "allocation": "0.3",
            "account": "main",
            "band": "0",
        }
    }
    return small_desk(**legs, trend=instance())


def bar(number: int, *names: str) -> list[Series]:
    return [stretch(name, BARS[name], number, number + 1) for name in names or (A, B)]


class Run(NamedTuple):
    """The result of bars, one message each, with a cold start before every message."""

    fold: Fold
    snapshot: Snapshot
    windows: list[Series]
    targets: list[list[Target]]
    states: list[list[LegState]]
    gaps: list[Gap]


def run(tested: Desk, messages: list[list[Series]], before: Run | None = None) -> Run:
    fold, windows = Fold(tested, "v"), list(before.windows) if before else []
    if before:
        fold.restore(windows, wired(before.snapshot))
    outcome: Run = Run(fold, fold.snapshot(), windows, [], [], [])
    for message in messages:
        at = max(series.through for series in message)
        targets, gaps = fold.accept(message, at)
        windows += fold.fresh
        outcome.targets.append([target for _, target in targets])
        outcome.states.append([state for _, state in fold.changes()])
        outcome.gaps.extend([*gaps, *fold.lacking])
        snapshot = wired(fold.snapshot())
        fold = Fold(tested, "v")
        fold.restore(windows, snapshot)
        outcome = outcome._replace(fold=fold, snapshot=snapshot)
    return outcome


def wired(snapshot: Snapshot) -> Snapshot:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(snapshot), type=Snapshot)


def of_latch(states: list[list[LegState]]) -> list[tuple[int, str]]:
    return [
        (number, state.code) for number, output in enumerate(states) for state in output if state.instance == "latch"
    ]


@pytest.mark.parametrize("step", FAULTS)
def test_whatever_a_step_raises_or_gives_its_leg_alone_is_silent_and_named_once(
    install: Callable[..., None], step: Callable[..., Any]
) -> None:
    install(step)
    outcome = run(desk(), [bar(number) for number in range(12)])
    assert [{target.instance for target in output} for output in outcome.targets] == [set()] * 4 + [{"trend"}] * 8
    (fault,) = [state for output in outcome.states for state in output if state.instance == "latch"]
    assert fault.code is LegCode.FAULT
    assert fault.instrument == A
    assert f"at the bar of 2026-03-01T00:01:00+00:00: {HERE}:" in fault.detail
    assert msgspec.json.encode(fault)


def test_a_leg_that_recovers_says_so_and_goes_on_from_the_state_before(install: Callable[..., None]) -> None:
    def step(_params: Params, state: State, bars: Bars) -> tuple[State, float]:
        if 5 * 60 < bars.time[bars.now] - START <= 8 * 60:
            raise ValueError("in the middle")
        return State(state.side + 1.0), 0.5

    install(step)
    outcome = run(desk(), [bar(number) for number in range(12)])
    assert of_latch(outcome.states) == [(0, "WARMING_UP"), (2, "OK"), (5, "FAULT"), (8, "OK")]
    assert outcome.snapshot.states[f"latch/{A}"].state == [9.0]
    assert [len([target for target in output if target.instance == "latch"]) for output in outcome.targets] == [
        0,
        0,
        1,
        1,
        1,
        0,
        0,
        0,
        1,
        1,
        1,
        1,
    ]


@pytest.mark.parametrize("fault", [ValueError("no"), RecursionError(), TypeError()])
def test_a_start_that_raises_silences_its_own_leg(install: Callable[..., None], fault: Exception) -> None:
    def start(_params: Params) -> State:
        raise fault

    install(sound, start=start)
    outcome = run(desk(), [bar(number) for number in range(8)])
    assert of_latch(outcome.states) == [(0, "FAULT")]
    assert {target.instance for target in outcome.targets[-1]} == {"trend"}


@pytest.mark.parametrize("answer", [None, "x", float("nan"), float("inf"), -1, 0, 10**9])
def test_a_lookback_that_is_none_is_refused_with_the_desk_file(install: Callable[..., None], answer: object) -> None:
    install(sound, lookback=lambda _params: answer)
    with pytest.raises(BadInput, match="latch"):
        desk()


def test_a_lookback_that_raises_is_refused_with_its_line(install: Callable[..., None]) -> None:
    install(sound, lookback=lambda params: params.nothing)
    with pytest.raises(BadInput, match=rf"lookback of strategy latch: .*{HERE}, line \d+: AttributeError"):
        desk()


CHANGES: dict[str, dict[str, Any]] = {
    "timeframe": {"timeframe": "5m"},
    "params": {"params": {"n": 3}},
}


@pytest.mark.parametrize("changed", CHANGES)
def test_a_state_of_other_code_or_params_starts_afresh_and_says_so(install: Callable[..., None], changed: str) -> None:
    install(sound)
    before = run(desk(), [bar(number) for number in range(20)])
    fold = Fold(desk(**CHANGES[changed]), "v")
    fold.restore(before.windows, before.snapshot)
    (state,) = [change for _, change in fold.changes() if change.instance == "latch"]
    assert state.code is LegCode.STARTED_AFRESH
    assert fold.changes() == []


@pytest.mark.parametrize(
    "step",
    [
        lambda _params, state, bars: (state, 1.0 if bars.close[bars.now] > bars.close[bars.now - 1] else 0.0),
        lambda _params, state, bars: (state, 0.5 if bars.close[bars.now] > bars.close[bars.now - 2] else 0.0),
    ],
)
def test_a_step_of_other_code_starts_afresh_on_the_bars_that_are_kept(
    install: Callable[..., None], step: Callable[..., Any]
) -> None:
    install(sound)
    before = run(desk(), [bar(number) for number in range(20)])
    install(step)
    after = run(desk(), [bar(20), bar(21)], before)
    assert of_latch(after.states) == [(0, "STARTED_AFRESH"), (1, "OK")]
    assert {target.instance for target in after.targets[0]} == {"latch", "trend"}


def test_a_state_of_another_shape_starts_afresh_and_stops_nobody(install: Callable[..., None]) -> None:
    install(sound)
    before = run(desk(), [bar(number) for number in range(20)])
    install(lambda _params, state, _bars: (state, 1.0), Wider)
    after = run(desk(), [bar(20)], before)
    assert of_latch(after.states) == [(0, "STARTED_AFRESH")]
    assert after.snapshot.states[f"latch/{A}"].state == [0.0, 0.0]


def test_the_same_code_goes_on_whatever_its_comments(install: Callable[..., None]) -> None:
    def step(_params: Params, state: State, bars: Bars) -> tuple[State, float]:
        # Written elsewhere, and longer.
        return state, 1.0 if bars.close[bars.now] > bars.close[bars.now - 2] else 0.0

    install(sound)
    before = run(desk(), [bar(number) for number in range(20)])
    install(step)
    assert of_latch(run(desk(), [bar(20)], before).states) == []


def test_a_longer_lookback_asks_for_the_bars_that_it_needs_and_nobody_folds_a_bar_twice(
    install: Callable[..., None],
) -> None:
    def count(_params: Params, state: State, _bars: Bars) -> tuple[State, float]:
        return State(state.side + 1.0), 1.0

    install(count)
    first = [series(name, BARS[name][26:31]) for name in (A, B)]
    before = run(desk(), [first, *(bar(number) for number in range(31, 40))])
    longer = desk("1m", {"n": 25})
    after = run(longer, [bar(40)], before)
    assert of_latch(after.states)[0][1] == "STARTED_AFRESH"
    (gap,) = after.gaps
    assert gap == Gap(A, "1m", BARS[A][40].closes_at_s - 26 * 60, BARS[A][40].closes_at_s)
    history = [stretch(A, BARS[A], 14, 41)]
    filled = run(longer, [history, bar(41)], after)
    assert filled.snapshot.states[f"latch/{A}"].seen == 28
    assert filled.snapshot.states[f"trend/{A}"].seen == 16
    assert {(target.instance, target.instrument) for target in filled.targets[1]} == {
        ("latch", A),
        ("trend", A),
        ("trend", B),
    }


def test_a_gap_that_no_venue_fills_is_stepped_over_in_the_end_and_told(install: Callable[..., None]) -> None:
    install(sound)
    before = run(desk(), [bar(number) for number in range(10)])
    late = [bar(number, A) for number in range(12, 14 + HOLE_S // 60)]
    after = run(desk(), late, before)
    assert len(after.gaps) == HOLE_S // 60
    assert [bool(target) for target in after.targets] == [False] * (HOLE_S // 60) + [True, True]
    codes = of_latch(after.states)
    assert codes[-2:] == [(HOLE_S // 60, "MISSING_BARS"), (HOLE_S // 60 + 1, "OK")]


def rank(_params: Params, state: State, bars: Universe) -> tuple[State, float]:
    return state, float(bars.count) + bars.me / 10 + bars.close[bars.me][bars.now] * 0.0


def test_a_universe_goes_on_without_an_instrument_that_has_no_bars_any_more_and_takes_it_back(
    install: Callable[..., None],
) -> None:
    install(rank, bars=Universe)
    tested = desk("1m", None, A, B)
    gone = range(10, 20)
    messages = [bar(number, *((A,) if number in gone else (A, B))) for number in range(25)]
    messages[20] = [stretch(A, BARS[A], 20, 21), series(B, BARS[B][20:21], BARS[B][9].closes_at_s)]
    outcome = run(tested, messages)
    weights = [
        {target.instrument: target.weight for target in output if target.instance == "latch"}
        for output in outcome.targets
    ]
    assert weights[9] == {A: 2.0, B: 2.1}
    assert weights[10 : 10 + MISSED_BARS] == [{}] * MISSED_BARS
    assert weights[10 + MISSED_BARS : 20] == [{A: 1.0}] * (10 - MISSED_BARS)
    assert weights[20:22] == [{A: 1.0}] * 2
    assert weights[22:] == [{A: 2.0, B: 2.1}] * 3
    assert of_latch(outcome.states) == [
        (0, "WARMING_UP"),
        (0, "WARMING_UP"),
        (2, "OK"),
        (2, "OK"),
        (10 + MISSED_BARS, "MISSING_BARS"),
        (10 + MISSED_BARS, "MISSING_BARS"),
        (20, "OK"),
        (20, "WARMING_UP"),
        (22, "OK"),
    ]
