"""A strategy's faults are found before it trades, with file, line and cure."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from fanfold.cli.main import main
from fanfold.errors import BadInput
from fanfold.local import run_plan, universe
from fanfold.strategy import checking, contract, folder, loading
from support.own_strategy import ALWAYS_LONG

EXAMPLES = Path(__file__).resolve().parents[2] / "examples/strategies"
BARS = "time,open,high,low,close,volume\n" + "".join(
    f"{1_767_225_600 + at * 60},100.0,101.0,99.0,{100 + at % 2}.0,5.5\n" for at in range(120)
)


def giving(weight: str, before: str = "") -> str:
    return ALWAYS_LONG.replace("    return state, 1.0", f"    {before}\n    return state, {weight}")


WRONG = {
    "the next bar": (giving("bars.close[bars.now + 1] / 1e9"), r"own\.py:\d+: it reads bars\.close 1 bars past now"),
    "the last of the list": (giving("bars.close[-1] / 1e9"), r"own\.py:\d+: it reads bars\.close\[-1\]; count from"),
    "a slice": (giving("sum(bars.close[-3:]) / 1e9"), r"own\.py:\d+: it takes a slice of bars\.close"),
    "an array's method": (
        giving("bars.close.mean() / 1e9"),
        r"own\.py:\d+: it asks for bars\.close\.mean; read single bars",
    ),
    "the whole column": (giving("max(bars.high) / 1e9"), r"own\.py:\d+: it reads bars\.high|len\(bars"),
    "its length": (giving("len(bars.low) / 1e9"), r"own\.py:\d+: it asks for len\(bars\.low\)"),
    "beyond the lookback": (
        giving("bars.volume[bars.now - 9] / 1e9"),
        r"reads bars\.volume 9 bars before now, and its lookback is 3; let lookback\(params\) return 9",
    ),
    "None": (ALWAYS_LONG.replace("return state, 1.0", "return None"), r"`step` returned None; it must return the next"),
    "a weight alone": (
        giving("1.0").replace("return state, 1.0", "return 1.0"),
        r"`step` returned 1\.0; it must return the next state and a weight",
    ),
    "NaN": (giving("float('nan')"), r"the weight is nan; it must be a finite number"),
    "too much": (giving("2.0"), r"the weight is 2\.0; it must be from -1 to 1"),
    "a text": (giving("'long'"), r"the weight is 'long'; it must be a number, no str"),
    "a fault late": (
        giving("1.0", "1 / (bars.time[bars.now] // 60 - 355)"),
        r"own\.py:\d+: ZeroDivisionError.*at bar 52",
    ),
    "chance": (
        giving("random.random()").replace("from typing", "import random\nfrom typing"),
        r"own\.py:\d+: it uses `random` of random; use nothing but",
    ),
    "the clock": (
        giving("time.time() / 1e12").replace("from typing", "import time\nfrom typing"),
        r"own\.py:\d+: it uses `time` of time",
    ),
    "a function of a clock": (
        giving("now() / 1e12").replace("from typing", "from time import time as now\nfrom typing"),
        r"own\.py:\d+: it uses `now` of time",
    ),
    "a file": (giving("float(bool(open('/dev/null')))"), r"own\.py:\d+: it calls `open`"),
    "a global": (
        giving("1.0", "global SEEN; SEEN = 1"),
        r"own\.py:\d+: it changes the global `SEEN`; keep it in State",
    ),
    "a list that grows": (
        giving("1.0 / len(SEEN)", "SEEN.append(1)") + "\n\nSEEN = []\n",
        r"own\.py:\d+: it changes `SEEN`, which outlives the bar",
    ),
}


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "strategies").mkdir()
    yield tmp_path / "strategies"
    folder.use(None)


@pytest.mark.parametrize("case", WRONG)
def test_a_forbidden_operation_of_a_strategy_is_named(own: Path, case: str, capsys: pytest.CaptureFixture[str]) -> None:
    text, says = WRONG[case]
    (own / "own.py").write_text(text)
    assert main(["strategy", "check", str(own / "own.py"), "--json"]) == 1
    (wrong, *_) = json.loads(capsys.readouterr().out)["wrong"]
    # The command that is advised finds the strategy from here.
    advised = f"strategy check own --strategies {own}`"
    with pytest.raises(BadInput, match=rf"^strategy own must not trade: .*({says}).*{advised}$"):
        checking.refuse("own", {}, 1)
    assert main(["strategy", "check", "own", "--strategies", str(own)]) == 1
    assert "\n" not in wrong


def test_a_run_refuses_a_strategy_that_fails_its_checks(
    own: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(own.parent)
    (own / "own.py").write_text(WRONG["the next bar"][0])
    (own.parent / "BTCUSDT-1m.csv").write_text(BARS)
    assert main(["run", "--state", "state", "--data", "BTCUSDT-1m.csv", "--strategy", "own"]) == 2
    assert "strategy own must not trade: own.py:" in capsys.readouterr().err
    assert not (own.parent / "state").exists()


WRONG_CALL = """from typing import NamedTuple

from fanfold.indicators import atr
from fanfold.strategies import Bars, NoState


class Params(NamedTuple):
    n: int = 3


def step(params: Params, state: NoState, bars: Bars) -> tuple[NoState, float]:
    return state, atr(0.0, bars, bars.now, params.n)
"""


def test_a_wrong_call_of_an_indicator_names_the_line_and_what_it_takes(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (own / "own.py").write_text(WRONG_CALL)
    assert main(["strategy", "check", str(own / "own.py")]) == 2
    assert re.search(r"own\.py, line 12: TypeError: atr\(state, bars, n\): too many", capsys.readouterr().err)


@pytest.mark.parametrize("name", ["breakout", "mean_reversion", "momentum", "pairs", "sma_cross"])
def test_the_shipped_strategies_pass(name: str) -> None:
    checked = checking.check(name, {}, contract.instruments_of(name) or 1, iter((1.0, 2.0)).__next__)
    assert (checked.wrong, checked.doubtful) == ([], [])
    assert checked.bars_per_second == 240


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.py")), ids=lambda file: file.stem)
def test_the_examples_pass(file: Path) -> None:
    assert main(["strategy", "check", str(file)]) == 0
    folder.use(None)


def test_operations_that_may_differ_on_another_processor_are_noted(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = giving("log(bars.close[bars.now]) / 1e9 + 2.0 ** -bars.close[bars.now]")
    (own / "own.py").write_text(text.replace("from typing", "from math import log\nfrom typing"))
    assert main(["strategy", "check", "own", "--strategies", str(own)]) == 0
    assert "note: own.py: `step` uses log, **, which may give other digits" in capsys.readouterr().out


def test_too_few_bars_to_warm_up_are_named(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = own / "BTCUSDT-1m.csv"
    data.write_text(BARS)
    words = ["strategy", "check", str(EXAMPLES / "ema_cross.py"), "--data", str(data)]
    assert main(words) == 1
    assert "WRONG it needs 352 bars, and the data of BTC/USDT has 120" in capsys.readouterr().out
    assert main([*words, "--param", "slow=15"]) == 0


def test_a_new_strategy_is_written_once_and_is_sound(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--strategies", str(own)]
    assert main(["strategy", "new", "my_dip", *words]) == 0
    assert main(["strategy", "check", "my_dip", *words]) == 0
    for name, says in (("my_dip", "exists already"), ("pairs", "of a shipped strategy"), ("1x", "is no name"),
                       ("a-b", "is no name"), ("../x", "is no name"), ("_x", "is no name")):  # fmt: skip
        capsys.readouterr()
        assert main(["strategy", "new", name, *words]) == 2
        assert says in capsys.readouterr().err
    assert [file.name for file in own.glob("*.py")] == ["my_dip.py"]


@pytest.mark.parametrize(("name", "says"), [("gone.py", "there is no file"), ("a-b.py", "cannot be a strategy")])
def test_a_file_that_is_no_strategy_is_refused(
    own: Path, name: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (own / "a-b.py").write_text(ALWAYS_LONG)
    assert main(["strategy", "check", str(own / name)]) == 2
    assert says in capsys.readouterr().err


def test_init_writes_a_desk_that_is_valid_and_never_overwrites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(tmp_path / "mine")]) == 0
    monkeypatch.chdir(tmp_path / "mine")
    assert main(["desk", "check"]) == 0
    capsys.readouterr()
    assert main(["backtest", "dips", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accounts"]["main"]["metrics"]["fills"] > 0
    Path("desk.toml").write_text("")
    assert main(["init"]) == 2
    assert "desk.toml exists already" in capsys.readouterr().err
    assert Path("desk.toml").read_text() == ""
    folder.use(None)


def test_what_to_do_next_can_be_pasted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "my desk")]) == 0
    assert f"next: cd '{tmp_path}/my desk' && fanfold desk check, then fanfold run\n" in capsys.readouterr().out


def planned(data: Path, strategy: str, **params: str) -> run_plan.RunPlan:
    return run_plan.plan(Path("desk.toml"), [str(data)], strategy, params, None, None, None)


def test_a_strategy_on_data_needs_no_desk_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ETHEUR-1m.csv").write_text(BARS)
    plan = run_plan.plan(
        Path("desk.toml"), ["ETHEUR-1m.csv"], "breakout", {"atr": "5"}, None, None, None, cash=Decimal(1000)
    )
    assert list(plan.desk.strategies["breakout"].instruments) == ["ETH/EUR"]
    assert plan.desk.accounts["main"].currency == "EUR"
    assert "there is no desk.toml: a built-in desk trades" in plan.notes[0]
    with pytest.raises(BadInput, match=r"there is no desk\.toml; .*fanfold init"):
        run_plan.plan(Path("desk.toml"), ["ETHEUR-1m.csv"], None, {}, None, None, None)


def test_a_strategy_on_the_seeded_market_needs_no_desk_file_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plan = run_plan.plan(Path("desk.toml"), [], "sma_cross", {}, None, None, 20)
    traded = plan.desk.strategies["sma_cross"].instruments
    assert list(traded) == [recording.instrument for recording in plan.recordings]
    assert len(traded) > 1
    # All of its instruments together are all cash: the limits have to leave room for that.
    assert plan.desk.limits["main"].gross_max == plan.desk.limits["main"].net_max == universe.EXPOSURE_OF_ALL_CASH
    with pytest.raises(BadInput, match=r"there is no desk\.toml; .*fanfold init"):
        run_plan.plan(Path("desk.toml"), [], None, {}, None, None, 20)


def test_a_desk_file_that_is_named_has_to_be_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ETHEUR-1m.csv").write_text(BARS)
    missing = tmp_path / "mistyped" / "desk.toml"
    words = ["--data", str(tmp_path / "ETHEUR-1m.csv"), "--strategy", "breakout", "--desk", str(missing)]
    assert main(["--state", str(tmp_path / "state"), "run", *words]) == 2
    assert f"there is no {missing}; name the desk file with --desk" in capsys.readouterr().err


def test_only_what_trades_is_told_and_a_short_warm_up_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "BTCUSDT-1m.csv").write_text(BARS)
    (tmp_path / "desk.toml").write_text((EXAMPLES.parents[1] / "desk.toml").read_text())
    notes = planned(Path("BTCUSDT-1m.csv"), "breakout").notes
    assert not [note for note in notes if note.startswith(("trend", "reversion", "rotation", "spread"))]
    assert "breakout will not trade: it needs 198 bars of 1m, and there are 120" in notes
    assert not [note for note in planned(Path("BTCUSDT-1m.csv"), "breakout", atr="5").notes if "will not trade" in note]


UNIVERSE = ALWAYS_LONG.replace("Bars", "Universe")
OF_ALL = {
    "a fault of another leg": ("1.0 / (bars.me - 2) / 9", r"own\.py:\d+: ZeroDivisionError"),
    "a read past now of another leg": (
        "bars.close[bars.me][bars.now + (bars.me == 3)] / 1e9",
        r"it reads bars\.close 1 bars past now",
    ),
    "more than its equity": ("0.5", r"its weights of 4 instruments add up to 2 at bar 4; at most 1 in all"),
}


@pytest.mark.parametrize("case", OF_ALL)
def test_every_leg_of_a_universe_is_tried(own: Path, case: str, capsys: pytest.CaptureFixture[str]) -> None:
    weight, says = OF_ALL[case]
    (own / "own.py").write_text(UNIVERSE.replace("return state, 1.0", f"return state, {weight}"))
    assert main(["strategy", "check", str(own / "own.py"), "--json"]) == 1
    wrong = " ".join(json.loads(capsys.readouterr().out)["wrong"])
    assert re.search(says, wrong), wrong


def test_an_error_in_quiet_markets_is_noted(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (own / "own.py").write_text(giving("0.0 / bars.volume[bars.now]"))
    assert main(["strategy", "check", str(own / "own.py")]) == 0
    out = capsys.readouterr().out
    assert "note: over bars without volume or movement it raises: own.py:" in out
    assert "ZeroDivisionError" in out


ENDLESS = "while True:\n        pass"
HANGS = {
    "in step": giving("1.0", ENDLESS),
    "in lookback": ALWAYS_LONG.replace("return params.n", ENDLESS),
    "at import": ALWAYS_LONG + "\n\nwhile True:\n    pass\n",
    "in step, traced": giving("1.0", ENDLESS).replace("def lookback", "def unused"),
}


@pytest.mark.parametrize("case", HANGS)
def test_an_endless_step_is_ended_and_named_with_its_line(
    own: Path, case: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(loading, "LIMIT_S", 0.2)
    monkeypatch.setattr(checking, "LIMIT_S", 0.2)
    (own / "own.py").write_text(HANGS[case])
    assert main(["strategy", "check", str(own / "own.py")]) in (1, 2)
    printed = "".join(capsys.readouterr())
    assert "TimeoutError: it does not end within 0.2 s" in printed
    assert re.search(r"own\.py(:|, line )\d+", printed)


# Bars that are stepped over with columns that are not guarded, as from the second walk on; 240 are a walk.
COUNTED = giving(
    "1.0", "if type(bars.close) is list:\n        WALKED.append(1)\n    if len(WALKED) > {bars}:\n        {then}"
)
COUNTED += "\n\nWALKED = []\n"


def test_a_fault_that_only_comes_after_the_first_walk_is_named(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (own / "own.py").write_text(COUNTED.format(bars=100, then='raise ValueError("late")'))
    assert main(["strategy", "check", str(own / "own.py")]) == 1
    assert re.search(r"WRONG own\.py:\d+: ValueError: late \(at bar 101\)", capsys.readouterr().out)


def test_a_step_that_ends_too_late_is_not_called_nondeterministic(
    own: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checking, "LIMIT_S", 1.0)
    (own / "own.py").write_text(COUNTED.format(bars=300, then=ENDLESS.replace("    pass", "        pass")))
    assert main(["strategy", "check", str(own / "own.py")]) == 1
    printed = capsys.readouterr().out
    assert "TimeoutError: it does not end within 1 s" in printed
    assert "another result" not in printed


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (giving("max(bars.high) / 1e9").replace("def lookback", "def unused"), "it reads a whole column"),
        (giving("sum(bars.low[1:]) / 1e9").replace("def lookback", "def unused"), "it takes a slice of a column"),
        (giving("bars.low.mean() / 1e9").replace("def lookback", "def unused"), "it asks a column for mean"),
        (ALWAYS_LONG.replace("return params.n", "return 2.5"), "lookback of strategy own returned 2.5"),
    ],
)
def test_a_strategy_that_cannot_be_traced_is_named(
    own: Path, text: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (own / "own.py").write_text(text)
    assert main(["strategy", "check", str(own / "own.py")]) == 2
    assert says in capsys.readouterr().err
