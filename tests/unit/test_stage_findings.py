"""What a deploy wants and does not find is said before it begins, with what gives it."""

from pathlib import Path

import pytest

from fanfold.console import stage_findings, stage_names
from fanfold.console.stage_findings import refuse_recordings
from fanfold.refusals import BadInput

DESK = Path(__file__).resolve().parents[2] / "desk.toml"


def real(folder: Path) -> Path:
    path = folder / "desk.toml"
    path.write_text(DESK.read_text().replace('kind = "replay"', 'exchange = "binance"\nkind = "ccxt"', 1))
    return path


def test_a_desk_that_plays_recordings_is_not_deployed_to_an_account(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"venues market play recordings.*exchange"):
        refuse_recordings(DESK, {})
    refuse_recordings(DESK, {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"})
    refuse_recordings(real(tmp_path), {})


def test_without_a_region_everything_but_the_account_is_looked_at(tmp_path: Path) -> None:
    found = {one.name: one for one in stage_findings.stage_findings("live", real(tmp_path), {})}
    assert set(stage_names.settings("live")) <= found.keys()
    assert found["FANFOLD_ALARM_EMAIL"].fix == "export FANFOLD_ALARM_EMAIL=..."
    assert found["venues"].fix == ""
    assert "AWS_REGION" in found["account"].found
    assert "bootstrap" not in found


def test_settings_that_are_all_there_are_one_finding(tmp_path: Path) -> None:
    given = dict.fromkeys(stage_names.settings("dev"), "x")
    found = {one.name: one for one in stage_findings.stage_findings("dev", real(tmp_path), given)}
    assert found["settings"].fix == ""
    assert not stage_names.settings("dev").keys() & found.keys()


def test_a_stage_that_there_is_not_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no stage prod"):
        stage_findings.stage_findings("prod", real(tmp_path), {})
