"""A run that is continued goes on with what it began with, or is refused with what differs."""

from pathlib import Path
from typing import Any

import pytest

from fanfold.errors import BadInput
from fanfold.local import continuing, run_plan, state_directory
from fanfold.local.continuing import Continued
from fanfold.local.run_plan import RunOptions
from fanfold.strategy import folder as strategies
from fanfold.venues import replay

ROOT = Path(__file__).resolve().parents[2]
START = 1_767_225_600
TRADED = 40


def asking(folder: Path, **changes: Any) -> RunOptions:
    """The options of a run on the folder's desk file."""
    return RunOptions(**{"desk": folder / "desk.toml"} | changes)


def bars(path: Path, minutes: int, close: float = 100.5) -> Path:
    rows = [f"{START + n * 60},100.25,101.0,99.0,{close if n == 20 else 100.5},12.5" for n in range(minutes)]
    path.write_text("\n".join(["time,open,high,low,close,volume", *rows]) + "\n")
    return path


def traded(folder: Path, **changes: Any) -> Path:
    """A state directory in which a run traded 40 minutes."""
    (folder / "desk.toml").write_text((ROOT / "desk.toml").read_text())
    options = asking(folder, **{"minutes": TRADED} | changes)
    assert options.desk is not None
    params = run_plan.params(options.param)
    plan = run_plan.plan(options.desk, options.data, options.strategy, params, options.since, None, options.minutes)
    state = folder / "state"
    with state_directory.begin(state, plan.desk, continuing.request_of(options, plan), overwrite=False):
        replay.write(state / state_directory.RECORDINGS, plan.recordings)
        state_directory.write_progress(state, plan.start + (TRADED - 1) * 60)
    return state


def going_on(state: Path, **changes: Any) -> Continued:
    """The rest of a run that is continued with these options."""
    return continuing.continued(state, asking(state.parent, **{"desk": None} | changes))


def on_a_file(folder: Path, minutes: int = 120, **changes: Any) -> Path:
    data = [str(bars(folder / "BTCUSDT-1m.csv", minutes))]
    return traded(folder, **{"data": data, "strategy": "sma_cross", "param": ["fast=2", "slow=5"]} | changes)


def test_options_that_are_not_repeated_are_remembered(tmp_path: Path) -> None:
    plan, request = going_on(on_a_file(tmp_path), minutes=5)
    assert list(plan.desk.strategies) == ["sma_cross"]
    assert plan.desk.strategies["sma_cross"].params == {"fast": "2", "slow": "5"}
    assert plan.desk.venues["market"].symbols == ["BTC/USDT"]
    assert (plan.start, plan.until) == (START + (TRADED + 1) * 60, START + (TRADED + 5) * 60)
    assert request.until == plan.until
    assert plan.recordings == []


def test_a_killed_run_continues_to_its_planned_end(tmp_path: Path) -> None:
    assert going_on(on_a_file(tmp_path, minutes=90)).plan.until == START + 90 * 60
    (seeded := tmp_path / "seeded").mkdir()
    plan = going_on(traded(seeded, minutes=90)).plan
    assert plan.until - plan.start == (90 - TRADED - 1) * 60


def test_repeating_the_same_options_is_accepted(tmp_path: Path) -> None:
    state = on_a_file(tmp_path)
    again = {"desk": tmp_path / "desk.toml", "data": [str(tmp_path / "BTCUSDT-1m.csv")], "strategy": "sma_cross",
             "param": ["fast=2"]}  # fmt: skip
    assert going_on(state, **again).plan.desk == going_on(state).plan.desk


def test_a_file_that_grew_is_the_same_file(tmp_path: Path) -> None:
    state = on_a_file(tmp_path)
    bars(tmp_path / "BTCUSDT-1m.csv", 150)
    plan = going_on(state, minutes=100).plan
    assert plan.until == START + 140 * 60
    assert [recording.count for recording in plan.recordings] == [150]


def test_other_figures_in_the_file_are_refused_with_the_first_bar_that_differs(tmp_path: Path) -> None:
    state = on_a_file(tmp_path)
    bars(tmp_path / "BTCUSDT-1m.csv", 120, close=100.75)
    with pytest.raises(
        BadInput,
        match=(
            r"differs \(changed since: .*BTCUSDT-1m\.csv\): BTC/USDT at 2026-01-01 00:21 was "
            r"100\.25/101\.00/99\.00/100\.50 and is 100\.25/101\.00/99\.00/100\.75"
        ),
    ):
        going_on(state)


def test_a_file_with_fewer_bars_is_refused(tmp_path: Path) -> None:
    state = on_a_file(tmp_path)
    bars(tmp_path / "BTCUSDT-1m.csv", 60)
    with pytest.raises(BadInput, match="BTC/USDT had 120 bars and has 60"):
        going_on(state)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"param": ["fast=3"]}, "strategies.sma_cross.params.fast was 2 and is 3"),
        ({"strategy": "breakout", "param": []}, "param 'fast' is unknown to breakout"),
        ({"since": START}, "--from is for a run that starts"),
    ],
)
def test_other_options_are_refused_with_the_difference(tmp_path: Path, changes: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        going_on(on_a_file(tmp_path), **changes)


def test_another_strategy_or_an_instrument_more_is_refused(tmp_path: Path) -> None:
    state = on_a_file(tmp_path, strategy="trend", param=[])
    with pytest.raises(BadInput, match=r"strategies\.reversion was not there and is there"):
        going_on(state, strategy="reversion")
    (other := tmp_path / "ETHUSDT-1m.csv").write_text((tmp_path / "BTCUSDT-1m.csv").read_text())
    with pytest.raises(BadInput, match=r"venues\.market\.symbols was BTC/USDT and is BTC/USDT, ETH/USDT"):
        going_on(state, data=[str(tmp_path / "BTCUSDT-1m.csv"), str(other)])


def test_a_file_does_not_follow_the_seeded_market(tmp_path: Path) -> None:
    data = [str(bars(tmp_path / f"{name}USDT-1m.csv", 120)) for name in ("BTC", "ETH", "SOL", "XRP")]
    with pytest.raises(BadInput, match=r"the data was the seeded market and is .*BTCUSDT"):
        going_on(traded(tmp_path), data=data)


def test_an_edited_desk_file_is_refused_with_the_key_and_one_with_other_comments_is_not(tmp_path: Path) -> None:
    state = traded(tmp_path)
    desk = tmp_path / "desk.toml"
    desk.write_text("# mine\n" + desk.read_text())
    assert going_on(state, minutes=2).plan.desk
    desk.write_text(desk.read_text().replace("cash = 100_000", "cash = 200_000"))
    with pytest.raises(BadInput, match=r"desk\.toml\): accounts\.main\.cash was 100000 and is 200000"):
        going_on(state)


def test_a_strategy_whose_code_changed_is_refused(tmp_path: Path) -> None:
    state = traded(tmp_path)
    request = state_directory.read_request(state)
    (path,) = [name for name in request.sha256 if name.endswith("breakout.py")]
    request.sha256[path] = "0" * 64
    state_directory.write_request(state, request)
    with pytest.raises(BadInput, match=r"the strategy in .*breakout\.py is another one"):
        going_on(state)


def test_a_live_run_is_not_continued(tmp_path: Path) -> None:
    state = traded(tmp_path)
    request = state_directory.read_request(state)
    state_directory.write_request(state, state_directory.RunRequest(desk=request.desk, live="binance"))
    with pytest.raises(BadInput, match="time moved on at its exchange, binance; start a new one"):
        going_on(state)


def with_its_own(folder: Path) -> tuple[Path, Path]:
    """A run that traded a strategy of its own, which imports a neighbour; its state, and the folder."""
    own = folder / "own"
    own.mkdir()
    shipped = (ROOT / "shared/fanfold/strategies/sma_cross.py").read_text()
    (own / "mine.py").write_text(
        shipped.replace("\n\nclass Params", "\nfrom sizes import SIZE  # noqa\n\n\nclass Params", 1)
    )
    (own / "sizes.py").write_text("SIZE = 1\n")
    strategies.use(own)
    return on_a_file(folder, strategy="mine"), own


@pytest.mark.parametrize("name", ["mine.py", "sizes.py"])
def test_a_changed_file_of_a_strategy_of_its_own_is_refused(tmp_path: Path, name: str) -> None:
    state, own = with_its_own(tmp_path)
    strategies.use(None)
    assert list(going_on(state, minutes=5).plan.desk.strategies) == ["mine"]
    with (own / name).open("a") as file:
        file.write("# another\n")
    with pytest.raises(BadInput, match=rf"the strategy in {own / name} is another"):
        going_on(state)
    strategies.use(None)


def test_another_folder_of_strategies_is_refused(tmp_path: Path) -> None:
    state, own = with_its_own(tmp_path)
    assert going_on(state, strategies=own, minutes=5).request.strategies == str(own)
    with pytest.raises(BadInput, match=rf"the strategies were in {own} and are in {tmp_path}"):
        going_on(state, strategies=tmp_path)
    assert state_directory.desk_of_run(state).strategies["mine"].strategy == "mine"
    own.rename(tmp_path / "elsewhere")
    for again in (state_directory.desk_of_run, going_on):
        with pytest.raises(BadInput, match=rf"trades strategies of {own}, which is not there any more"):
            again(state)
    strategies.use(None)


def test_a_run_that_began_late_leaves_out_the_same_bars_again(tmp_path: Path) -> None:
    days = 6 * 1_440
    state = on_a_file(tmp_path, minutes=days, since=START + 5 * 86_400 + 60, until=None)
    bars(tmp_path / "BTCUSDT-1m.csv", days + 90)
    plan = going_on(state, minutes=5).plan
    assert plan.start == START + 5 * 86_400 + (TRADED + 1) * 60
    (grown,) = plan.recordings
    assert grown.closes_at_s(0) == START + 3 * 86_400
    bars(tmp_path / "BTCUSDT-1m.csv", days, close=100.75)
    assert going_on(state).plan.recordings == []
