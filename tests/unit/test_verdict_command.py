"""`fanfold verdict` says of a strategy what was measured, whether it passes, and what to change."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fanfold.cli.commands import verdict as command
from fanfold.cli.exit_codes import Exit
from fanfold.cli.main import main
from fanfold.errors import BadInput
from fanfold.research import verdicts
from fanfold.research.bias_lab import judging
from fanfold.research.bias_lab.evidence import EvidenceTerms
from fanfold.strategy import folder
from support import planted_biases, planted_edges
from support.own_strategy import ALWAYS_LONG

OPENS = planted_biases.START
FAST: dict[str, Any] = {"permutations": 39}
ALL = [
    "rules", "look-ahead", "warm-up", "start phase", "repainting", "survivorship", "permutation",
    "probabilistic Sharpe", "deflated Sharpe", "overfitting", "superior ability", "costs", "plateau",
]  # fmt: skip


@pytest.fixture(autouse=True)
def strategies(tmp_path: Path) -> Iterator[Path]:
    own = tmp_path / "strategies"
    own.mkdir()
    planted_biases.write(own, "next_close")
    yield own
    folder.use(None)


def csv(path: Path, closes: np.ndarray, length: int = 60, shift: int = 0) -> str:
    """Write bars by the times of their opens."""
    opens = np.concatenate([closes[:1], closes[:-1]])
    rows = [
        f"{OPENS + length * number + shift},"
        f"{opened:.2f},{max(opened, close) + 5:.2f},{min(opened, close) - 5:.2f},{close:.2f},7"
        for number, (opened, close) in enumerate(zip(opens, closes, strict=True))
    ]
    path.write_text("\n".join(["open_time,open,high,low,close,volume", *rows]) + "\n")
    return str(path)


def trending(count: int = 3_000, seed: int = 3) -> np.ndarray:
    return 50_000 * np.exp(np.cumsum(np.random.default_rng(seed).standard_normal(count) * 0.002 +
                                     np.where(np.arange(count) // 100 % 2, -0.0015, 0.0015)))  # fmt: skip


def test_a_look_ahead_is_named_with_what_to_change(tmp_path: Path, strategies: Path):
    file = csv(tmp_path / "BTCUSDT-1m.csv", planted_biases.walk(2_000, 3))
    answer = command.command(str(strategies / "next_close.py"), data=[file], **FAST)
    assert answer.exit is Exit.FAILED
    lines = list(answer.blocks)
    place = next(number for number, line in enumerate(lines) if line.startswith("FAILED look-ahead"))
    assert "cuts change decisions before them" in lines[place]
    assert lines[place + 1] == "  Read single bars, no further than bars.now, and count from there."
    assert [finding["name"] for finding in answer.document["findings"]] == ALL
    assert "look-ahead" in answer.document["summary"]


@pytest.mark.parametrize(
    ("weight", "why"),
    [
        ("1.0 / (bars.close[bars.now] != 50_000)", "it raised: own.py:24: ZeroDivisionError: division by zero"),
        ("float('nan') if bars.close[bars.now] == 50_000 else 1.0", "it wants a weight that is no finite number"),
        ("float({'a': [bars.now]}['b' if bars.close[bars.now] == 50_000 else 'a'][0] > 0)",
         "it raised, or wanted no finite number"),
    ],
    ids=["raises", "no number", "raises where numba cannot compile it"],
)  # fmt: skip
def test_a_step_that_says_nothing_at_bars_of_the_data_breaks_a_rule(
    weight: str, why: str, tmp_path: Path, strategies: Path
) -> None:
    (strategies / "own.py").write_text(ALWAYS_LONG.replace("state, 1.0", f"state, {weight}"))
    closes = np.full(2_000, 70_000.0) + np.arange(2_000) % 7
    closes[1_200:1_203] = 50_000
    file = csv(tmp_path / "BTCUSDT-1m.csv", closes)
    answer = command.command(str(strategies / "own.py"), data=[file], **FAST)
    lines = list(answer.blocks)
    place = next(number for number, line in enumerate(lines) if line.startswith("FAILED rules"))
    assert lines[place] == f"FAILED rules: it says nothing at 3 of 1,997 bars, first at 2026-01-01 20:01: {why}"
    assert lines[place + 1] == f"  See `fanfold strategy check own --strategies {strategies}` with --data."


@pytest.mark.parametrize(
    ("weight", "costs"),
    [
        ("0.0", ["not measured costs: it trades nothing on this data", "  Let it trade."]),
        ("0.0 if bars.close[bars.now] < bars.close[bars.now - 1] else -1.0",
         ["it breaks even at 0.0 bp", "  It loses without costs, too: change the idea."]),
    ],
    ids=["never trades", "loses without costs"],
)  # fmt: skip
def test_advice_on_costs_is_for_what_costs_take(
    weight: str, costs: list[str], tmp_path: Path, strategies: Path
) -> None:
    (strategies / "own.py").write_text(ALWAYS_LONG.replace("state, 1.0", f"state, {weight}"))
    file = csv(tmp_path / "BTCUSDT-1m.csv", 50_000 * 1.0005 ** np.arange(2_000) + np.arange(2_000) % 5)
    answer = command.command(str(strategies / "own.py"), data=[file], **FAST)
    lines = list(answer.blocks)
    place = next(number for number, line in enumerate(lines) if " costs: " in line)
    assert (costs[0] in lines[place], lines[place + 1]) == (True, costs[1])
    assert ("not measured permutation: it trades nothing on this data" in lines) == (weight == "0.0")


def test_bars_of_a_longer_timeframe_are_made_of_those_of_the_files(tmp_path: Path):
    file = csv(tmp_path / "BTCUSDT-1m.csv", planted_biases.walk(3_000, 3))
    answer = command.command("sma_cross", data=[file], param=["fast=5", "slow=20"], timeframe="5m", **FAST)
    assert answer.document["bars"] == 600
    assert main(["verdict", "sma_cross", "--data", file, "--timeframe", "7 moons"]) == 2


def test_a_strategy_with_an_edge_passes_and_the_tear_sheet_can_say_so():
    bars = planted_biases.recorded(trending())
    terms = EvidenceTerms(cost=0.0002, trials=2, permutations=59, seed=1)
    heard: list[str] = []
    reached = judging.of_market("sma_cross", {"fast": 5, "slow": 40}, judging.market_of([bars]), terms, heard.append)
    assert reached.passed, reached.summary
    assert reached.summary == "all 13 checks passed"
    assert heard[:3] == ["compile", "rules", "look-ahead"]
    on_sheet = judging.on_tear_sheet(reached)
    assert on_sheet.passed
    assert len(on_sheet.findings) == 13
    assert on_sheet.findings[0].startswith("passed: rules: ")


def test_the_answer_is_the_same_each_time_and_json_on_demand(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = csv(tmp_path / "BTCUSDT-1m.csv", planted_biases.walk(1_500, 4))
    words = ["verdict", "sma_cross", "--data", file, "--permutations", "19", "--trials", "3", "--json"]
    texts = []
    for _ in range(2):
        assert main(words) == Exit.FAILED
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]
    document = json.loads(texts[0])
    assert document["trials"] == 3
    assert document["passed"] is False
    permutation = next(finding for finding in document["findings"] if finding["name"] == "permutation")
    assert permutation["outcome"] == "not measured"
    assert permutation["change"] == "Give --permutations 60."


def test_longer_bars_and_another_download_are_compared(tmp_path: Path):
    closes = planted_biases.walk(3_000, 5)
    minutes = csv(tmp_path / "BTCUSDT-1m.csv", closes)
    early = csv(tmp_path / "BTCUSDT-1h.csv", closes[59::60], 3_600, -3_600)
    later = closes.copy()
    later[100] *= 1.001
    (tmp_path / "again").mkdir()
    again = csv(tmp_path / "again" / "BTCUSDT-1m.csv", later)
    answer = command.command("sma_cross", data=[minutes, early], again=[again], **FAST)
    repainting = next(finding for finding in answer.document["findings"] if finding["name"] == "repainting")
    assert "the 1h bars of BTC/USDT bear the time of their open" in repainting["measured"]
    assert "1 of 3,000 closes of BTC/USDT differ between two downloads" in repainting["measured"]


def test_the_seeded_market_stands_in_for_data():
    answer = command.command("pairs", permutations=19)
    assert answer.document["instruments"] == ["BTC/USDT", "ETH/USDT"]
    assert answer.document["bars"] == verdicts.SEEDED_MINUTES


@pytest.mark.parametrize(
    ("param", "count", "words"),
    [
        (["fast=200"], 2_000, "fast is 200"),
        (["slow=900"], 1_000, "warms up over 899 bars"),
        (["fats=3"], 2_000, "fats"),
    ],
)
def test_what_cannot_be_judged_is_refused(tmp_path: Path, param: list[str], count: int, words: str):
    file = csv(tmp_path / "BTCUSDT-1m.csv", planted_biases.walk(count, 3))
    with pytest.raises(BadInput, match=words):
        command.command("sma_cross", data=[file], param=param, **FAST)


def test_instruments_without_a_common_time_are_refused(tmp_path: Path):
    first = csv(tmp_path / "BTCUSDT-1m.csv", planted_biases.walk(300, 3))
    other = csv(tmp_path / "ETHUSDT-1m.csv", planted_biases.walk(300, 3), shift=86_400)
    hours = csv(tmp_path / "SOLUSDT-1h.csv", planted_biases.walk(300, 3), 3_600)
    with pytest.raises(BadInput, match="no close in common"):
        command.command("pairs", data=[first, other], **FAST)
    with pytest.raises(BadInput, match="SOL/USDT has no bars of 1m"):
        command.command("sma_cross", data=[first, hours], **FAST)


def test_a_step_that_numba_cannot_compile_is_judged_on_fewer_bars(strategies: Path):
    text = planted_biases.TEMPLATE.format(
        lookback="params.n",
        bars="Bars",
        body="    return state, float(str(bars.close[now] > bars.open[now - 3]) == 'True')",
    )
    (strategies / "odd.py").write_text(text)
    folder.use(strategies)
    bars = planted_biases.recorded(planted_biases.walk(1_200, 3))
    terms = EvidenceTerms(cost=0.001, trials=1, permutations=59, seed=1)
    reached = judging.of_market("odd", {}, judging.market_of([bars]), terms, lambda _name: None)
    assert not reached.compiled
    permutation = next(finding for finding in reached.findings if finding.name == "permutation")
    assert f"of {judging.PLAIN_PERMUTATIONS} markets" in permutation.measured
    assert next(finding for finding in reached.findings if finding.name == "look-ahead").outcome == "passed"


def test_of_strategies_without_an_edge_few_are_significant():
    """The whole calibration is `make bench-verdict`."""
    calls = np.mean([planted_edges.without_edge(seed, 39) for seed in range(200)], axis=0)
    by_name = dict(zip(planted_edges.Calls._fields, calls.tolist(), strict=True))
    assert 0.01 <= by_name["permutation"] <= 0.1
    assert 0.01 <= by_name["sharpe"] <= 0.1
    assert by_name["deflated"] <= 0.1


def test_a_planted_edge_is_significant():
    calls = np.mean([planted_edges.with_edge(seed, 39) for seed in range(20)], axis=0)
    assert calls.min() >= 0.9


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"permutations": -1}, "permutations is -1"),
        ({"trials": 0}, "trials is 0"),
        ({"seed": -3}, "seed is -3"),
        ({"cost_bps": -50}, "costs less than nothing"),
        ({"cost_bps": float("nan")}, "cost_bps is nan"),
        ({"timeframe": "1m"}, "1m bars cannot be made of 1h bars"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, options: dict, reason: str):
    file = csv(tmp_path / "BTCUSDT-1h.csv", planted_biases.walk(2_000, 3), 3_600)
    with pytest.raises(BadInput, match=reason):
        verdicts.verdict("momentum", file, **options)


@pytest.mark.parametrize(("trials", "markets"), [(1, 199), (9, 199), (16, 320), (80, 1_000)])
def test_there_are_as_many_permutations_as_the_trials_need(tmp_path: Path, trials: int, markets: int):
    file = csv(tmp_path / "BTCUSDT-1m.csv", trending(2_000))
    reached = verdicts.verdict("sma_cross", file, trials=trials)
    measured = next(finding for finding in reached.findings if finding.name == "permutation")
    if trials == 80:
        assert measured.change == "Give --permutations 1600."
    else:
        assert f"of {markets} markets" in measured.measured
