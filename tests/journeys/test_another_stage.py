"""The commands about a stage are about the one that is named: a stage of some days, deployed beside no local one."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fanfold import desk
from fanfold.cli.main import main
from fanfold.local import launcher
from fanfold.local.driver import DeskRun, environment, start_desk
from fanfold.local.launcher import REGION, Cloud
from fanfold.venues import replay
from support.desk_fixture import skip_without_node
from support.packaged_stages import DIGEST, SERVICES
from support.trading import planned

STAGE = "try-1"
MINUTES = 20
SETTINGS = {
    "FANFOLD_PROFILE": "embedded", "FANFOLD_REMOVE_AFTER": "2026-03-04", "FANFOLD_BUCKET_PREFIX": f"fanfold-{STAGE}",
    "FANFOLD_IMAGES": "000000000000.dkr.ecr.eu-west-1.amazonaws.com/fanfold",
} | {f"FANFOLD_DIGEST_{service.upper().replace('-', '_')}": DIGEST for service in SERVICES}  # fmt: skip


@pytest.fixture(scope="module")
def stage(tmp_path_factory) -> Iterator[Cloud]:
    """The stage, in which a desk has traded."""
    skip_without_node()
    state, plan = tmp_path_factory.mktemp("stage"), planned(MINUTES)
    replay.write(state / "recordings", plan.recordings)
    (state / "desk.json").write_bytes(desk.dump(plan.desk))
    with pytest.MonkeyPatch.context() as patch, start_desk(state, environment(state, live=False)) as cloud:
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        launcher.deploy(cloud, lambda _name: None, STAGE)
        run = DeskRun(cloud, state, STAGE)
        run.set_clock(plan.start - 60)
        run.open_accounts(list(plan.desk.accounts))
        run.replay(range(plan.start, plan.until + 1, 60), 0.0, lambda _now: None, lambda: False)
        run.finish()
        yield cloud


@pytest.mark.parametrize("words", [
    ["status"], ["positions"], ["orders"], ["trades"], ["signals"], ["audit", "verify"], ["dead-letters", "list"],
    ["query", "SELECT count(*) AS bars FROM bars"],
], ids=lambda words: words[0])  # fmt: skip
def test_a_command_asks_the_stage_that_is_named(stage: Cloud, words: list[str], tmp_path: Path, monkeypatch, capsys):
    account = {"AWS_ENDPOINT_URL": stage.endpoint, "AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": "000000000000",
               "AWS_SECRET_ACCESS_KEY": "secret", "XDG_CACHE_HOME": str(tmp_path)}  # fmt: skip
    for name, value in account.items():
        monkeypatch.setenv(name, value)
    assert main([*words, "--stage", STAGE, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)
