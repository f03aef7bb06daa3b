"""Requirements that a deploy does not find are named before it begins, with the command that provides them."""

from pathlib import Path
from typing import Any

import pytest

from fanfold.aws.client.call import AwsFault
from fanfold.errors import BadInput
from fanfold.local import container_tool
from fanfold.stages import findings, names
from fanfold.stages.account import account_findings
from fanfold.stages.findings import bars_period_s, key_needed, refuse_live, refuse_recordings
from fanfold.strategy import folder

DESK = Path(__file__).resolve().parents[2] / "desk.toml"

LIVE = """
[venues.market]
kind = "ccxt"
exchange = "binance"
symbols = ["BTC/USDT"]
[accounts.main]
venue = "market"
mode = "live"
currency = "USDT"
cash = 1000
[limits.main]
order_notional_max = 100
position_notional_max = 500
[instruments."BTC/USDT"]
base = "BTC"
quote = "USDT"
tick = 0.01
lot = 0.00001
notional_min = 5
as_of = "2026-03-01"
source = "test"
"""


def real(folder: Path) -> Path:
    path = folder / "desk.toml"
    path.write_text(DESK.read_text().replace('kind = "replay"', 'exchange = "binance"\nkind = "ccxt"', 1))
    return path


def test_a_desk_that_plays_recordings_is_not_deployed_to_an_account(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"venues market play recordings.*exchange"):
        refuse_recordings(DESK, {})
    refuse_recordings(DESK, {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"})
    refuse_recordings(real(tmp_path), {})


def test_bars_are_missed_by_the_shortest_bars_of_the_desk(tmp_path: Path) -> None:
    coarse = tmp_path / "desk.toml"
    coarse.write_text(DESK.read_text().replace('= "1m"', '= "1h"').replace('= "5m"', '= "1h"'))
    assert (bars_period_s(DESK, {}), bars_period_s(coarse, {})) == (60, 3_600)


def test_live_accounts_are_deployed_to_live_only_at_the_venue_that_it_names(tmp_path: Path) -> None:
    traded = tmp_path / "live.toml"
    traded.write_text(LIVE)
    for named in ("other", ""):
        with pytest.raises(BadInput, match=r"accounts main are live.*FANFOLD_LIVE_VENUE"):
            refuse_live("live", traded, {"FANFOLD_LIVE_VENUE": named})
    refuse_live("live", traded, {"FANFOLD_LIVE_VENUE": "market"})
    refuse_live("dev", traded, {})


def test_a_deploy_to_live_names_the_accounts_that_need_a_key(tmp_path: Path) -> None:
    traded = tmp_path / "live.toml"
    traded.write_text(LIVE)
    assert key_needed("live", traded, {}).startswith("accounts main wait for the venue's key")
    assert (key_needed("dev", traded, {}), key_needed("live", DESK, {})) == ("", "")


def test_a_deploy_reads_the_strategies_that_go_into_the_images(tmp_path: Path) -> None:
    """A desk with a strategy of its own is read with the folder that `make` exports, and refused without it."""
    own, traded = tmp_path / "own", real(tmp_path)
    own.mkdir()
    (own / "mine.py").write_text((DESK.parent / "shared/fanfold/strategies/sma_cross.py").read_text())
    traded.write_text(traded.read_text().replace('"sma_cross"', '"mine"'))
    with pytest.raises(BadInput, match="strategy 'mine' is unknown"):
        refuse_recordings(traded, {})
    refuse_recordings(traded, {"FANFOLD_STRATEGIES": str(own)})
    looked_at = {finding.name: finding for finding in findings.stage_findings("dev", traded, {})}
    assert "strategy 'mine' is unknown" in looked_at["venues"].found
    folder.use(None)


def test_a_desk_that_cannot_be_meant_is_not_deployed(tmp_path: Path) -> None:
    traded = real(tmp_path)
    traded.write_text(traded.read_text().replace("taker_bps = 10", "taker_bps = 0.001"))
    with pytest.raises(BadInput, match=r"line \d+: \[accounts\.main\] `taker_bps` is 0\.001; it is in basis points"):
        refuse_recordings(traded, {})


def test_without_a_region_everything_but_the_account_is_looked_at(tmp_path: Path) -> None:
    by_name = {finding.name: finding for finding in findings.stage_findings("live", real(tmp_path), {})}
    assert set(names.settings("live")) <= by_name.keys()
    assert by_name["FANFOLD_ALARM_EMAIL"].fix == "export FANFOLD_ALARM_EMAIL=..."
    assert by_name["venues"].fix == ""
    assert "AWS_REGION" in by_name["account"].found
    assert "bootstrap" not in by_name


def test_settings_that_are_all_there_are_one_finding(tmp_path: Path) -> None:
    settings = dict.fromkeys(names.settings("dev"), "x")
    by_name = {finding.name: finding for finding in findings.stage_findings("dev", real(tmp_path), settings)}
    assert by_name["settings"].fix == ""
    assert not names.settings("dev").keys() & by_name.keys()


def test_an_unknown_stage_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no stage prod"):
        findings.stage_findings("prod", real(tmp_path), {})


class Account:
    """An account that has what it is told to have: stacks, buckets, images; and room for so many functions."""

    def __init__(self, *there: str, room: int = 10) -> None:
        self._there = there
        self._room = room

    def __call__(self, _service: str, operation: str, parameters: Any) -> dict[str, Any]:
        if operation == "GetAccountSettings":
            return {"AccountLimit": {"ConcurrentExecutions": self._room}}
        images = [image["imageDigest"] for image in parameters.get("imageIds", [])]
        if not {parameters.get("StackName"), parameters.get("Bucket"), *images} & set(self._there):
            raise AwsFault("NotFound", "there is none", 404)
        return {}


def test_a_missing_part_of_an_account_is_named_with_the_command_that_creates_it() -> None:
    digests = {"FANFOLD_DIGEST_RISK": "sha256:1", "FANFOLD_DIGEST_AUDIT": "sha256:2"}
    settings = {"FANFOLD_BUCKET_PREFIX": "acme-live"} | digests
    account = Account("fanfold-bootstrap", "acme-live-deployment", "sha256:1", room=5)
    fixes = {finding.name: finding.fix for finding in account_findings(account, "live", settings)}
    assert fixes == {
        "bootstrap": "", "bounds": "make bootstrap STAGE=live", "artefacts": "", "risk image": "",
        "audit image": "make push-images", "concurrency": "ask Service Quotas for more concurrent executions of Lambda",
    }  # fmt: skip


def test_a_complete_account_has_no_finding() -> None:
    account = Account("fanfold-bootstrap", "fanfold-bootstrap-pr", "fanfold-dev-deployment")
    assert [finding for finding in account_findings(account, "pr-12", {}) if finding.fix] == []


def test_a_builder_that_does_not_answer_is_not_said_to_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docker").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    container_tool.docker_answers.cache_clear()
    (images,) = [finding for finding in findings.stage_findings("dev", DESK, {}) if finding.name == "images"]
    container_tool.docker_answers.cache_clear()
    assert "no docker daemon answers" in images.found
    assert images.fix
