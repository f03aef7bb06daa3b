"""`fanfold backtest --html` writes a page and its numbers, and says what stopped an account."""

import json
from pathlib import Path

import pytest

from fanfold.cli.main import main
from fanfold.research import backtest

ROOT = Path(__file__).resolve().parents[2]


def ran(*words: str) -> int:
    return main(["backtest", "sma_cross", "--desk", str(ROOT / "desk.toml"), "--minutes", "300", *words])


def embedded(page: Path) -> object:
    """Return the document that a page holds."""
    text = page.read_text(encoding="utf-8")
    return json.loads(text.split('id="sheet">')[1].split("</script>")[0])


def test_the_page_and_the_file_beside_it_have_the_same_numbers(tmp_path, capsys):
    page = tmp_path / "sheet.html"
    assert ran("--html", str(page)) == 0
    assert f"tear sheet    {page}" in capsys.readouterr().out
    beside = json.loads((tmp_path / "sheet.json").read_text())
    assert beside == embedded(page)
    assert beside["title"] == "sma_cross"


def test_the_verdict_stands_on_top_where_it_was_asked_for(tmp_path, capsys):
    page = tmp_path / "sheet.html"
    assert ran("--html", str(page), "--verdict") == 0
    verdict = json.loads((tmp_path / "sheet.json").read_text())["verdict"]
    assert verdict["passed"] in (True, False)
    assert [line for line in verdict["findings"] if "look-ahead" in line]
    assert "checks" in verdict["summary"]
    capsys.readouterr()
    assert ran("--verdict") == 2
    assert "name its file with --html" in capsys.readouterr().err
    desk = ["backtest", "--desk", str(ROOT / "desk.toml"), "--minutes", "60"]
    assert main([*desk, "--html", str(page), "--verdict"]) == 2
    assert "a verdict is of one strategy" in capsys.readouterr().err


def test_programs_are_told_where_the_pages_are(tmp_path, capsys):
    assert ran("--html", str(tmp_path / "a.html"), "--json") == 0
    assert json.loads(capsys.readouterr().out)["tear_sheets"] == [str(tmp_path / "a.html")]
    assert ran("--json") == 0
    assert json.loads(capsys.readouterr().out)["tear_sheets"] == []


def test_the_same_run_writes_the_same_bytes(tmp_path):
    for name in ("one.html", "two.html"):
        assert ran("--html", str(tmp_path / name)) == 0
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


@pytest.mark.parametrize(
    ("name", "reason"), [("sheet.json", "name it .html"), ("nowhere/sheet.html", "there is no folder")]
)
def test_a_page_that_cannot_be_is_refused_before_the_back_test(tmp_path, capsys, monkeypatch, name, reason):
    monkeypatch.setenv("FANFOLD_LIBRARY", str(tmp_path / "library"))
    assert ran("--html", str(tmp_path / name)) == 2
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "library").exists()


def strict_desk(directory: Path) -> Path:
    """Write a desk that a fall of a tenth of a percent keeps from entries."""
    text = (ROOT / "desk.toml").read_text()
    desk = directory / "desk.toml"
    desk.write_text(text.replace("drawdown_max = 0.2", "drawdown_max = 0.001"))
    assert desk.read_text() != text
    return desk


def test_a_drawdown_that_stopped_an_account_is_named_with_its_cure(tmp_path, capsys):
    desk = strict_desk(tmp_path)
    assert main(["backtest", "sma_cross", "--desk", str(desk), "--minutes", "3000"]) == 0
    out = capsys.readouterr().out
    refused = backtest("sma_cross", desk=desk, minutes=3_000).account.refusals.to_pylist()
    of_drawdown = [row["at"] for row in refused if row["code"] == "DRAWDOWN"]
    since = min(of_drawdown).strftime("%Y-%m-%d %H:%M")
    assert f"drawdown_max of main refused {len(of_drawdown):,} entries from {since} on" in out
    assert "--ignore-loss-limits trades on" in out
    assert main(["backtest", "sma_cross", "--desk", str(desk), "--minutes", "3000", "--ignore-loss-limits"]) == 0
    assert "stopped" not in capsys.readouterr().out


def test_a_strategy_of_the_folder_beside_is_tested_as_a_run_trades_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "desk.toml").write_text((ROOT / "desk.toml").read_text())
    assert main(["strategy", "new", "mine"]) == 0
    capsys.readouterr()
    assert main(["backtest", "mine", "--minutes", "300"]) == 0
    assert "mine trades with all cash of main" in capsys.readouterr().out
