"""A run starts from the stacks that an earlier run deployed, and from those alone."""

import json
from pathlib import Path

import pytest
from test_runs import run, said

from fanfold.local import deployment_cache, launcher, packaging
from fanfold.local.driver import environment, start_desk
from support.desk_fixture import ROOT, skip_without_node

STACKS = ("cloudformation", "dynamodb", "iam", "lambda", "scheduler", "sns", "sqs", "ssm", "stepfunctions")


@pytest.fixture
def stored(tmp_path, monkeypatch) -> Path:
    """An empty cache."""
    monkeypatch.setattr(deployment_cache, "FOLDER", tmp_path / "cache")
    return tmp_path / "cache"


def names(document: object) -> object:
    """The keys of a document of the emulator, at any depth, without its values: ids and times differ."""
    if isinstance(document, dict):
        return {key: names(value) for key, value in document.items()}
    return [names(value) for value in document] if isinstance(document, list) else None


def test_the_stored_aws_starts_as_the_deploy_left_it(stored, tmp_path):
    skip_without_node()
    first, second = tmp_path / "first", tmp_path / "second"
    for state in (first, second):
        state.mkdir()
    assert not deployment_cache.copy_to(first)
    with start_desk(first, environment(first, live=False)) as cloud:
        launcher.deploy(cloud, lambda _name: None)
        deployment_cache.store(cloud, first)
        deployed = launcher.check(cloud)
    assert deployment_cache.copy_to(second)
    with start_desk(second, environment(second, live=False)) as cloud:
        assert launcher.check(cloud) == deployed
    for service in STACKS:
        kept, copied = (
            json.loads((state / "aws/services" / f"{service}.json").read_text()) for state in (first, second)
        )
        assert names(kept) == names(copied), service
    (kept,) = (path for path in stored.iterdir() if path.is_dir())
    damaged = kept / "services" / "lambda.json"
    damaged.write_text(damaged.read_text()[:-1])
    assert not deployment_cache.copy_to(tmp_path / "third")
    assert not kept.exists()


def test_a_run_says_whether_it_deployed_and_trades_the_same(tmp_path):
    skip_without_node()
    runs = [said(tmp_path / name, *run("--minutes", "3")) for name in ("one", "other")]
    assert [code for code, _ in runs] == [0, 0]
    assert "starts from the stacks that were deployed before" in runs[1][1]
    traded = [said(tmp_path / name, "orders", "--json")[1] for name in ("one", "other")]
    assert json.loads(traded[0]) == json.loads(traded[1])


@pytest.mark.parametrize("name", ["serverless.yml", "services/risk/serverless.yml", "shared/stacks/account/new.yml"])
def test_a_change_of_any_file_of_the_stacks_is_another_deploy(tmp_path, monkeypatch, name):
    monkeypatch.setattr(packaging, "repository_root", lambda: tmp_path)
    for made in (
        "serverless.yml",
        "package-lock.json",
        "services/risk/serverless.yml",
        "shared/stacks/account/old.yml",
    ):
        (tmp_path / made).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / made).write_text("before")
    before = packaging.fingerprint()
    (tmp_path / name).write_text("after")
    assert packaging.fingerprint() != before


def test_a_change_of_a_setting_is_another_deploy(monkeypatch):
    before = deployment_cache._name()
    monkeypatch.setenv("FANFOLD_PROFILE", "another")
    assert deployment_cache._name() != before


@pytest.mark.parametrize("name", sorted(deployment_cache.NOT_OF_STACKS))
def test_a_change_outside_the_stacks_is_the_same_deploy(monkeypatch, name):
    monkeypatch.delenv(name, raising=False)
    before = deployment_cache._name()
    # As `make run` exports them.
    monkeypatch.setenv(name, "")
    assert deployment_cache._name() == before
    stacks = [ROOT / "serverless.yml", *ROOT.glob("services/*/*.yml"), *(ROOT / "shared/stacks").rglob("*.*")]
    assert not [path for path in stacks if name in path.read_text()]


def test_only_the_newest_deploys_are_cached(stored):
    for number in range(7):
        folder = stored / f"{number:016}"
        folder.mkdir(parents=True)
    deployment_cache._remove_the_oldest(stored)
    assert len(list(stored.iterdir())) == deployment_cache.STORED_MAX
