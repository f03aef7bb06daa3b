"""The library keeps every run, ranks and compares them, and counts what was tried."""

import json
import multiprocessing
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fanfold.cli.main import main
from fanfold.errors import BadInput, NothingThere
from fanfold.research.library import LOOSE_MAX, RunLibrary, RunStamp, RunsWanted
from fanfold.research.sweeping.trial_rows import table_of

ROOT = Path(__file__).resolve().parents[2]
DESK = ["--desk", str(ROOT / "desk.toml")]


def row(**fields: Any) -> dict[str, Any]:
    return {"trial": 0, "strategy": "sma_cross", "params": "{}", "instruments": "BTC/USDT", "timeframe": "1m",
            "since": 1_000, "until": 2_000, **fields}  # fmt: skip


def filled(folder: Path, count: int) -> tuple[RunLibrary, list[dict[str, Any]]]:
    """A library of so many runs of a trial each, and their rows."""
    library, dice, rows = RunLibrary(folder), random.Random(5), []
    for number in range(count):
        market = dice.choice(["BTC/USDT", "ETH/USDT,SOL/USDT"])
        fields = row(strategy=dice.choice(["sma_cross", "breakout"]), sharpe=dice.choice([None, dice.gauss(0, 1)]),
                     drawdown=dice.random(), params=json.dumps({"n": number % 7}), since=dice.randrange(2_000),
                     until=2_000 + dice.randrange(2_000), instruments=market)  # fmt: skip
        library.keep(RunStamp(f"run-{number:04}", "sweep", number), table_of([fields]))
        rows.append(fields)
    return library, rows


def count(library: RunLibrary, *what: Any) -> int:
    return len(library.tried(*what))


def test_runs_are_ranked_and_filtered_as_a_list_of_python_is(tmp_path: Path) -> None:
    library, rows = filled(tmp_path, 3 * LOOSE_MAX + 5)
    assert len(list((tmp_path / "runs").iterdir())) < LOOSE_MAX
    newest = library.runs(RunsWanted(rows_max=3))["run"].to_pylist()
    assert newest == [f"run-{len(rows) - place:04}" for place in (1, 2, 3)]
    crosses = [each for each in rows if each["strategy"] == "sma_cross"]
    best = sorted((each["sharpe"] for each in crosses if each["sharpe"] is not None), reverse=True)
    assert library.runs(RunsWanted("sma_cross", rank="sharpe"))["sharpe"].to_pylist() == best
    falls = library.runs(RunsWanted(rank="drawdown"))["drawdown"].to_pylist()
    assert falls == sorted(each["drawdown"] for each in rows)
    assert library.runs(RunsWanted(kind="verdict")).num_rows == 0


def test_trials_are_the_configurations_on_the_same_data(tmp_path: Path) -> None:
    library, rows = filled(tmp_path, 150)
    assert count(library, "sma_cross", ["BTC/USDT"], 0, 10_000) == 7
    assert count(library, "sma_cross", ["BTC/USDT"], 4_001, 10_000) == 0
    assert count(library, "pairs", ["BTC/USDT"], 0, 10_000) == 0
    at_the_time = [each for each in rows if each["since"] <= 1_000 <= each["until"]]
    tried = [each for each in at_the_time if each["strategy"] == "breakout" and "SOL/USDT" in each["instruments"]]
    expected = {each["params"] for each in tried}
    assert count(library, "breakout", ["SOL/USDT", "XRP/USDT"], 1_000, 1_000) == len(expected)
    library.keep(RunStamp("refused", "sweep"), table_of([row(params='{"n":99}', error="refused")]))
    assert count(library, "sma_cross", ["BTC/USDT"], 0, 10_000) == 7
    assert count(RunLibrary(tmp_path / "none"), "sma_cross", ["BTC/USDT"], 0, 10_000) == 0


def test_a_run_that_is_kept_twice_is_there_once(tmp_path: Path) -> None:
    library, _ = filled(tmp_path, LOOSE_MAX)
    assert [path.name.startswith("joined-") for path in (tmp_path / "runs").iterdir()] == [True]
    library.keep(RunStamp("run-0003", "sweep", 3), library.rows_of("run-0003"))
    assert library.rows_of("run-0003").num_rows == 1
    assert library.runs(RunsWanted()).num_rows == LOOSE_MAX


def test_edited_code_with_the_same_params_is_another_trial(tmp_path: Path) -> None:
    library = RunLibrary(tmp_path)
    for number, code in enumerate(["first", "first", "second"]):
        library.keep(RunStamp(f"run-{number}", "back-test", number), table_of([row(code=code)]))
    assert count(library, "sma_cross", ["BTC/USDT"], 0, 10_000) == 2


def test_configurations_that_a_walk_trained_on_count_and_are_no_runs(tmp_path: Path) -> None:
    library = RunLibrary(tmp_path)
    rows = [row(params=json.dumps({"n": number % 3}), since=since) for number, since in enumerate([0, 0, 0, 900, 900])]
    library.keep_tried("walk-1", table_of([*rows, row(params='{"n":9}', error="refused")]))
    assert count(library, "sma_cross", ["BTC/USDT"], 0, 10_000) == 3
    assert count(library, "sma_cross", ["BTC/USDT"], 0, 500) == 3
    assert count(library, "sma_cross", ["ETH/USDT"], 0, 10_000) == 0
    with pytest.raises(NothingThere):
        library.runs(RunsWanted())


def test_several_processes_keep_and_read_at_once(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.starmap(kept_and_read, [(tmp_path, number) for number in range(2)])
    assert RunLibrary(tmp_path).runs(RunsWanted()).num_rows == 2 * LOOSE_MAX + 1
    assert not list(tmp_path.glob("**/*.unfinished"))


def kept_and_read(folder: Path, process: int) -> None:
    library = RunLibrary(folder)
    for number in range(LOOSE_MAX):
        library.keep(RunStamp(f"run-{process}-{number}", "back-test", number), table_of([row()]))
        library.keep(RunStamp("of-both", "back-test", number), table_of([row()]))
        assert library.runs(RunsWanted(kind="back-test")).num_rows > number


def test_a_file_that_another_process_joins_is_not_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library, _ = filled(tmp_path, 3)
    listed = Path.glob

    def joined_then(folder: Path, pattern: str) -> Any:
        files = list(listed(folder, pattern))
        if folder.name != "runs":
            return files
        monkeypatch.setattr(Path, "glob", listed)
        rows = pa.concat_tables([pq.read_table(file) for file in files])
        pq.write_table(rows, folder / "joined-elsewhere.parquet")
        for file in files:
            file.unlink()
        return files

    library.runs(RunsWanted())
    monkeypatch.setattr(Path, "glob", joined_then)
    assert library.rows_of("run-0001").num_rows == 1


def test_tags_come_and_go(tmp_path: Path) -> None:
    library, _ = filled(tmp_path, 4)
    library.tag("run-0002", "candidate")
    library.tag("run-0002", "best-of.may")
    assert library.runs(RunsWanted(tag="candidate"))["run"].to_pylist() == ["run-0002"]
    assert library.runs(RunsWanted(tag="candidate"))["tags"].to_pylist() == [["best-of.may", "candidate"]]
    library.untag("run-0002", "candidate")
    assert library.tags_of("run-0002") == ["best-of.may"]
    for tag in ("", "a b", "../x", ".hidden"):
        with pytest.raises(BadInput, match="is no tag"):
            library.tag("run-0002", tag)
    with pytest.raises(BadInput, match="has no tag"):
        library.untag("run-0002", "candidate")
    with pytest.raises(NothingThere, match="did you mean `run-0002`"):
        library.tag("run-002", "x")


@pytest.mark.parametrize("damaged", [b"", b"no rows", None])
def test_a_file_that_cannot_be_read_is_named_and_stops_no_run(
    damaged: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library, _ = filled(tmp_path, 2)
    odd = tmp_path / "runs" / "mine.parquet"
    if damaged is None:
        pq.write_table(pa.table({"a": [1]}), odd)
    else:
        odd.write_bytes(damaged)
    assert main(["research", "runs", "--library", str(tmp_path)]) == 2
    assert f"{odd} is damaged, or no file of a library" in capsys.readouterr().err
    with pytest.raises(BadInput, match=r"mine\.parquet is damaged"):
        library.tried("sma_cross", ["BTC/USDT"], 0, 10_000)
    # Runs are kept and joined beside it, and it stays as it is.
    filled(tmp_path, LOOSE_MAX + 2)
    assert len(list((tmp_path / "runs").iterdir())) < LOOSE_MAX
    odd.unlink()
    assert set(library.runs(RunsWanted())["run"].to_pylist()) == {f"run-{place:04}" for place in range(LOOSE_MAX + 2)}


def test_what_is_not_there_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["research", "runs", "--library", str(tmp_path)]) == 3
    assert "has no runs yet" in capsys.readouterr().err
    library, _ = filled(tmp_path, 1)
    with pytest.raises(BadInput, match="`sharpe`"):
        library.runs(RunsWanted(rank="sharp"))


def test_commands_keep_what_they_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FANFOLD_LIBRARY", str(tmp_path))
    for fast in ("5", "10"):
        words = ["backtest", "sma_cross", *DESK, "--minutes", "300", "--param", f"fast={fast}", "--tag", f"f{fast}"]
        assert main(words) == 0
    capsys.readouterr()
    assert main(["research", "runs", "--rank", "total_return", "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)["runs"]
    assert first["total_return"] >= second["total_return"]
    assert {tuple(first["tags"]), tuple(second["tags"])} == {("f5",), ("f10",)}
    assert json.loads(first["params"])["slow"] == 100
    assert main(["research", "runs", "--compare", first["run"], second["run"]]) == 0
    text = capsys.readouterr().out
    assert first["run"] in text
    assert "params" in text
    assert "instruments" not in text
    assert main(["research", "tag", first["run"], "candidate"]) == 0
    assert "candidate" in capsys.readouterr().out
    assert main(["research", "runs", "--tag", "candidate"]) == 0
    assert capsys.readouterr().out.startswith("1 runs")
    assert main(["verdict", "sma_cross", "--permutations", "19", "--json"]) in {0, 1}
    # Those of the back-tests, and its own.
    assert json.loads(capsys.readouterr().out)["trials"] == 3
    assert main(["verdict", "sma_cross", "--permutations", "19", "--trials", "9", "--json"]) in {0, 1}
    assert json.loads(capsys.readouterr().out)["trials"] == 9
    assert main(["research", "runs", "--kind", "verdict"]) == 0
    assert "checks" in capsys.readouterr().out
