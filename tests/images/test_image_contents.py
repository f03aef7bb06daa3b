"""The files that the build lays out for each image: its service, and the parts of fanfold that it uses, whole."""

import ast
from pathlib import Path

import pytest

from fanfold import desk
from fanfold.deployment import SERVICES
from fanfold.errors import BadInput
from fanfold.strategy import folder
from fanfold_dev.images import layout
from support.running import ROOT

CCXT = ("market-data", "execution")
HTTP = ("execution", "signal", "risk", "audit")


@pytest.fixture(params=SERVICES)
def task(request, tmp_path):
    """A service's name, and its /var/task."""
    layout.lay_out_task(request.param, ROOT, tmp_path)
    return request.param, tmp_path


def first_party(path: Path, task: Path) -> set[str]:
    """The modules of fanfold and of the service that a file imports as it is loaded."""
    tree = ast.parse(path.read_text())
    names = {f"{node.module}" for node in tree.body if isinstance(node, ast.ImportFrom)}
    return {name for name in names if (task / name.partition(".")[0]).is_dir()}


def test_every_top_level_import_is_in_the_image(task):
    _, folder = task
    for path in folder.rglob("*.py"):
        for name in first_party(path, folder):
            imported = folder / name.replace(".", "/")
            assert imported.is_dir() or imported.with_suffix(".py").is_file(), f"{path} imports {name}"


def test_only_its_own_parts_are_in_an_image(task):
    service, folder = task
    assert sorted(entry.name for entry in folder.iterdir()) == sorted(
        ["desk.json", "fanfold", "strategies", f"{service.replace('-', '_')}_service"]
    )
    parts = {entry.name for entry in (folder / "fanfold").iterdir() if entry.is_dir()}
    assert parts & {"cli", "cost", "importers", "local", "research", "simulation", "stages"} == set()
    assert ("venues" in parts) == (service in CCXT)
    # Those that answer the HTTP API have it.
    assert ("api" in parts) == (service in HTTP)
    assert (folder / "fanfold" / "aws" / "s3" / "lake.py").exists() == (service == "audit")
    assert not (folder / "fanfold" / "aws" / "client" / "boto3_client.py").exists()


def test_the_desk_that_is_baked_in_is_the_repositorys(task):
    shipped = desk.parse((ROOT / "desk.toml").read_text())
    assert desk.dump(desk.load((task[1] / "desk.json").read_bytes(), "desk.json")) == desk.dump(shipped)


def test_the_desks_own_strategies_lie_beside_the_desk(tmp_path, monkeypatch):
    """A desk in an image finds the strategy files that it names, and nothing else of their folder."""
    own, into = tmp_path / "own", tmp_path / "task"
    (own / "my_desk").mkdir(parents=True)
    shipped = (ROOT / "shared" / "fanfold" / "strategies" / "sma_cross.py").read_text()
    for name in ("mine.py", "my_desk/trend.py", "notes.txt", ".secret.py"):
        (own / name).write_text(shipped)
    text = (ROOT / "desk.toml").read_text()
    (tmp_path / "desk.toml").write_text(text.replace('"sma_cross"', '"my_desk.trend"'))
    monkeypatch.setenv("FANFOLD_DESK", str(tmp_path / "desk.toml"))
    with pytest.raises(BadInput, match=r"strategy 'my_desk\.trend' is unknown"):
        layout.lay_out_task("signal", ROOT, into)
    monkeypatch.setenv("FANFOLD_STRATEGIES", str(own))
    (tmp_path / "unmeant.toml").write_text((tmp_path / "desk.toml").read_text().replace("tick = 0.01", "tick = 0.03"))
    monkeypatch.setenv("FANFOLD_DESK", str(tmp_path / "unmeant.toml"))
    with pytest.raises(BadInput, match=r"line \d+: .*`tick` is 0\.03"):
        layout.lay_out_task("signal", ROOT, into)
    monkeypatch.setenv("FANFOLD_DESK", str(tmp_path / "desk.toml"))
    layout.lay_out_task("signal", ROOT, into)
    laid = {str(path.relative_to(into / "strategies")) for path in (into / "strategies").rglob("*") if path.is_file()}
    assert laid == {"mine.py", "my_desk/trend.py"}
    folder.use(into / "strategies")
    assert desk.load((into / "desk.json").read_bytes(), "desk.json").strategies["trend"].strategy == "my_desk.trend"
    assert "STRATEGIES=/var/task/strategies" in (ROOT / "docker" / "base.Dockerfile").read_text()
    folder.use(None)


def test_an_unknown_service_is_named(tmp_path):
    with pytest.raises(BadInput, match="fees"):
        layout.lay_out("fees", ROOT, tmp_path)
