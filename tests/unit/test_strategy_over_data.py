"""With --data a strategy is tried over those bars, too: what made-up bars do not reach is found there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fanfold.cli.main import main
from fanfold.market.bars import Bar, Series
from fanfold.market.recording import Recording
from fanfold.strategy import checking, contract, folder, samples
from support.own_strategy import ALWAYS_LONG

EXAMPLES = Path(__file__).resolve().parents[2] / "examples/strategies"
START = 1_772_323_200  # 2026-03-01, midnight UTC
COUNT = 400
# No made-up bar is so dear.
DEAR = "if bars.close[bars.now] > 60_000:"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "strategies").mkdir()
    yield tmp_path / "strategies"
    folder.use(None)


def recording(symbol: str = "BTC/USDT", shift: int = 0, count: int = COUNT, cycle: int = 7) -> Recording:
    bars = [
        Bar(
            *[START + (number + shift) * 60, *(6_700_000 + number % cycle + more for more in (0, 9, -9, 3)), number % 5]
        )
        for number in range(count)
    ]
    return Recording.of(Series(instrument=symbol, timeframe="1m", price_scale=2, volume_scale=1, after=0, bars=bars))


def written(own: Path, line: str) -> None:
    text = ALWAYS_LONG.replace("    return state, 1.0", f"    {DEAR}\n        {line}\n    return state, 1.0")
    (own / "own.py").write_text(text)
    folder.use(own)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("return state, 1e-9 / bars.volume[bars.now]", "zero (at the bar of BTC/USDT that closes 2026-03-01 00:05)"),
        ("return state, bars.close[bars.now + 1] / 1e9", "it reads bars.close 1 bars past now"),
        ("return state, bars.close[bars.now - 9] / 1e9", "it reads bars.close 9 bars before now"),
        ("return state, bars.time[bars.now + 1] * 0.0", "IndexError: list index out of range"),
        ("return state, 7.0", "the weight is 7.0; it must be from -1 to 1"),
    ],
)  # fmt: skip
def test_a_fault_that_only_real_bars_reach_is_found(own: Path, line: str, says: str) -> None:
    written(own, line)
    assert checking.check("own", {}).wrong == []
    (wrong,) = checking.check("own", {}, data=[recording()]).wrong
    assert says in wrong


def test_the_command_tries_the_bars_of_a_file_and_their_speed(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(own, "return state, 1.0 / bars.volume[bars.now]")
    data = own / "BTCUSDT.csv"
    rows = [f"{START + n * 60},67000,67001,66999,67000.5,{n % 5}.0" for n in range(COUNT)]
    data.write_text("\n".join(["time,open,high,low,close,volume", *rows]) + "\n")
    assert main(["strategy", "check", str(own / "own.py")]) == 0
    assert main(["strategy", "check", str(own / "own.py"), "--data", str(data)]) == 1
    printed = capsys.readouterr().out
    assert "WRONG own.py:26: ZeroDivisionError" in printed
    assert "that closes 2026-03-01 00:06" in printed


def test_a_universe_is_tried_over_the_times_that_all_files_have() -> None:
    bound = contract.bind("momentum", {"window": 3, "top": 1, "every": 2}, 2)
    (sample,) = samples.recorded(bound, [recording(), recording("ETH/USDT", shift=100)])
    assert (sample.name, len(sample.columns)) == ("BTC/USDT, ETH/USDT", 2)
    assert sample.bars == COUNT - 100 - bound.lookback
    assert sample.times[sample.position(0)] == START + (100 + bound.lookback) * 60
    assert [column[sample.position(0)] for column in sample.columns[1]][:1] == [67_000.0 + bound.lookback % 7 / 100]
    assert samples.recorded(bound, [recording()]) == []
    values = {"window": 3, "top": 1, "every": 2}
    assert checking.check("momentum", values, 2, data=[recording(), recording("ETH/USDT", shift=9)]).wrong == []


def test_each_file_is_a_sample_of_its_own_and_too_few_bars_are_none() -> None:
    bound = contract.bind("sma_cross", {"fast": 2, "slow": 50}, 1)
    tried = samples.recorded(bound, [recording(), recording("ETH/USDT"), recording("SOL/USDT", count=bound.lookback)])
    assert [sample.name for sample in tried] == ["BTC/USDT", "ETH/USDT"]


def test_the_newest_bars_of_a_long_file_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "RECORDED_BARS", 30)
    bound = contract.bind("sma_cross", {"fast": 2, "slow": 5}, 1)
    (sample,) = samples.recorded(bound, [recording()])
    assert (sample.bars, sample.times[-1]) == (30, START + (COUNT - 1) * 60)


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.py")), ids=lambda file: file.stem)
def test_the_examples_pass_over_bars_of_files(file: Path) -> None:
    folder.use(EXAMPLES)
    count = contract.instruments_of(file.stem) or 2
    # Of instruments that move alike each is the best.
    data = [recording(), recording("ETH/USDT", cycle=11)]
    assert checking.check(file.stem, {}, count, data=data).wrong == []
    folder.use(None)
