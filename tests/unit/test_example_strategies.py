"""The ten example strategies: fifteen lines at most, the lookback they need, stored and resumed as they were."""

import ast
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from fanfold.errors import BadInput
from fanfold.indicators import Adx, Macd, adx, atr, ema, macd, settling
from fanfold.market.bars import Bar, Series
from fanfold.signals.legs import Leg
from fanfold.signals.stepping import step_all
from fanfold.strategy import contract, folder, reach, states
from fanfold.strategy.bars import Bars, Universe
from fanfold.strategy.contract import Strategy
from fanfold.strategy.states import NoState
from fanfold.strategy.window import Window
from support.core_desk import A

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples/strategies"
# The bars that each reads before now, or that its averages need to settle.
LOOKBACKS = {
    "bollinger_reversion": 19,
    "ema_cross": settling(50, 2),
    "macd_cross": settling(26 + 9, 2),
    "pair_spread": 99,
    "rotation": 24,
    "rsi_dip": settling(14, 1),
    "stochastic_turn": 14 + 3 + 3 - 3,
    "supertrend_follow": settling(10, 1),
    "turtle": 20,
    "vwap_reversion": 59,
}


@pytest.fixture(autouse=True)
def _examples() -> Iterator[None]:
    folder.use(EXAMPLES)
    yield
    folder.use(None)


def lines(text: str) -> int:
    """Lines of code, without blank ones and the docstring."""
    doc = ast.parse(text).body[0]
    assert doc.end_lineno is not None
    return len([line for line in text.splitlines()[doc.end_lineno :] if line.strip()])


def test_each_example_is_fifteen_lines_at_most_as_the_readme_says() -> None:
    counted = {file.stem: lines(file.read_text()) for file in EXAMPLES.glob("*.py")}
    assert set(counted) == set(LOOKBACKS)
    assert max(counted.values()) <= 15
    assert "Strategies are fifteen lines" in (ROOT / "README.md").read_text()
    decision = (ROOT / "docs/decisions/0039-the-short-form-of-a-strategy.md").read_text()
    for name, count in counted.items():
        assert f"| `{name}` | {before(name)} | {count} |" in decision


def before(name: str) -> int:
    """Lines of the same strategy with a State of its own numbers, `start` and `lookback` written out."""
    text, bound = (EXAMPLES / f"{name}.py").read_text(), contract.bind(name, {}, 2 if name == "pair_spread" else 1)
    fields = len(list(states.numbers(bound.start(bound.params))))
    own = len(bound.state._fields) + 1 if "class State" in text else 0  # type: ignore[attr-defined]
    return lines(text) - own + (fields + 1 if fields else 2) + 4


@pytest.mark.parametrize("name", LOOKBACKS)
def test_its_lookback_is_traced(name: str) -> None:
    assert contract.bind(name, {}, 2).lookback == LOOKBACKS[name]


class Params(NamedTuple):
    n: int = 20


def both(params: Params, state: Adx, bars: Bars) -> tuple[Adx, float]:
    state, strength, _, _ = adx(state, bars, n=params.n)
    return state, strength + bars.close[bars.now - 700]


def called(params: Params, state: NoState, bars: Bars) -> tuple[NoState, float]:
    return state, averaged(bars, params.n) + float(bars.volume[bars.now - 3])


def averaged(bars: Bars, n: int) -> float:
    return ema(0.0, bars.close, bars.now, n)[1] + atr(0.0, bars, 2)


def test_the_furthest_read_and_the_slowest_average_count() -> None:
    assert reach.lookback(both, Params(20), Adx(), None) == 700  # type: ignore[arg-type]
    assert reach.lookback(both, Params(60), Adx(), None) == settling(60, 0.75)  # type: ignore[arg-type]
    assert reach.lookback(called, Params(20), NoState(), None) == settling(20, 2)  # type: ignore[arg-type]


def test_an_indicator_that_cannot_know_asks_for_the_lookback(tmp_path: Path) -> None:
    text = (EXAMPLES / "macd_cross.py").read_text().replace("Macd, macd", "Vwap, session_vwap").replace("Macd", "Vwap")
    text = text.replace("state, line, signal = macd(", "state, line = session_vwap(state, bars)  # ").replace(
        "signal else", "1 else"
    )
    (tmp_path / "daily.py").write_text(text)
    folder.use(tmp_path)
    with pytest.raises(BadInput, match=r"daily: session_vwap needs the bars of a day, so write lookback"):
        contract.bind("daily", {}, 1)


def test_equal_instruments_share_no_more_than_the_whole() -> None:
    strategy = contract.bind("rotation", {"top": 1}, 4)
    column = [[100.0 + at for at in range(30)] for _ in range(4)]
    weights = [
        strategy.step(strategy.params, NoState(), Universe(29, me, 4, range(30), *[column] * 5))[1] for me in range(4)
    ]
    assert weights == [1.0, 0.0, 0.0, 0.0]


def test_the_legs_of_a_pair_trade_together_or_not_at_all() -> None:
    assert [name for name in LOOKBACKS if contract.is_bundle(name)] == ["pair_spread"]


def bars(count: int) -> list[Bar]:
    closes = [10_000 + 9 * abs(at % 60 - 30) + (at * at * 37) % 31 for at in range(count)]
    return [
        Bar(60 * (at + 1), before, max(before, close) + 2, min(before, close) - 2, close, 100 + at % 7)
        for at, (before, close) in enumerate(pairwise([closes[0], *closes]))
    ]


def leg_of(strategy: Strategy) -> Leg:
    return Leg("own", "main", strategy, A, 0, ("1m", (A,)))


@pytest.mark.parametrize("name", sorted(set(LOOKBACKS) - {"rotation", "pair_spread"}))
def test_a_leg_continues_from_what_was_stored_as_if_it_had_never_stopped(name: str) -> None:
    strategy = contract.bind(name, {}, 1)
    window, whole, parted = Window((A,), "1m", strategy.lookback), leg_of(strategy), leg_of(strategy)
    window.offer(0, Series(instrument=A, timeframe="1m", price_scale=2, volume_scale=2, after=0, bars=[]), bars(500))
    weights = set()
    while window.advance():
        step_all([whole, parted], window)
        assert not whole.fault
        assert (whole.state, whole.wanted) == (parted.state, parted.wanted)
        stored = msgspec.msgpack.encode(parted.snapshot())
        parted = leg_of(strategy)
        assert parted.resume(msgspec.msgpack.decode(stored, type=type(whole.snapshot())))
        weights.add(whole.wanted and whole.wanted.weight)
    assert len(weights) > 1


@pytest.mark.parametrize(
    ("returned", "fault"),
    [
        ("State(1.0, 0.0)", "field 'rsi' of State is 1.0; it must be Rsi"),
        ("State((1.0, True), 0.0)", "field 'rsi.loss' of State is True; it must be a number"),
        ("State(Rsi(1.0, 2**70), 0.0)", "field 'rsi.loss' of State is an integer of 71 bits"),
    ],
)
def test_a_state_of_another_shape_silences_its_leg(tmp_path: Path, returned: str, fault: str) -> None:
    text = (EXAMPLES / "rsi_dip.py").read_text().replace("return State(rsi, weight)", f"return {returned}")
    (tmp_path / "odd.py").write_text(text + "\n\ndef lookback(_params: Params) -> int:\n    return 1\n")
    folder.use(tmp_path)
    leg = leg_of(contract.bind("odd", {}, 1))
    leg.step(Bars(1, [60] * 2, *[[1.0] * 2] * 5), 60)
    assert fault in leg.fault
    assert leg.state is None


def test_the_fields_of_an_inner_state_are_part_of_the_shape() -> None:
    class State(NamedTuple):
        side: float
        macd: Macd = Macd()

    fields = [name for name, _ in states.shape(State)]
    assert fields == ["side", "macd", "macd.fast", "macd.slow", "macd.signal"]
    assert states.zeros(State) == (0.0, Macd())
    assert states.restore(State, [1.0, 2.0, 3.0, 4.0]) == (1.0, (2.0, 3.0, 4.0))
    assert states.shape(type(macd(Macd(), [1.0, 2.0], 1, 2, 3, 4)[0]))[0][0] == "fast"
