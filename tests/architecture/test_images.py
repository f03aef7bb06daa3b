"""The modules that each image loads: measured in fresh interpreters, because one import anywhere is enough."""

import json
import os
import subprocess
import sys

import pytest
from source_tree import ROOT

from fanfold import desk
from fanfold.simulation import market
from fanfold.venues import replay

HEAVY = {
    "pandas",
    "pyarrow",
    "numpy",
    "numba",
    "duckdb",
    "boto3",
    "botocore",
    "ccxt",
    "rich",
    "sqlglot",
    "ministack",
    "apprise",
    "nacl",
    "pynacl",
}
# What to build, besides importing the handler: every verb that the service runs for a message.
BUILD = {
    "market-data": "wiring.process().poller, [*map(wiring.process().source, wiring.runtime().desk.venues)]",
    "signal": "process = wiring.process()\nfrom fanfold.signals.fold import Fold\n"
    "[(process.runner(venue), Fold(wiring.runtime().desk, venue)) for venue in wiring.runtime().desk.venues]",
    "risk": "wiring.process().risk",
    "execution": "[*map(wiring.process().verbs, wiring.runtime().desk.venues)]",
    "audit": "wiring.process().record([])",
    "alerts": "process = wiring.process()\n(wiring.edge(), process.sender, process.channels, process._chat)",
}
VARIABLES = (
    "STAGE", "FAULTS_TABLE", "DEAD_LETTERS", "BARS_TOPIC", "BARS_REQUESTED_TOPIC", "TARGETS_TOPIC", "ORDERS_TOPIC",
    "EXECUTIONS_TOPIC", "LEDGER_TABLE", "FOLDS_TABLE", "CURSORS_TABLE", "PAPER_BOOK_TABLE", "VIEWS_TABLE",
    "LAKE_BUCKET", "AUDIT_BUCKET", "ALERTS_TABLE", "CHANNELS_PARAMETER",
)  # fmt: skip
LAKE = "wiring.process().lake"
# Heavy libraries that an image holds for what it does rarely; any other image lacks them.
HELD = {"market-data": {"ccxt"}, "signal": set(), "risk": set(), "execution": {"ccxt"}, "audit": {"pyarrow"},
        "research": {"numba", "numpy", "pyarrow"}, "alerts": {"apprise", "pynacl"}}  # fmt: skip


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A function's environment, with the shipped desk and recordings for it."""
    folder = tmp_path_factory.mktemp("image")
    shipped = desk.parse((ROOT / "desk.toml").read_text())
    (folder / "desk.json").write_bytes(desk.dump(shipped))
    replay.write(folder / "recordings", market.market(7, list(shipped.instruments), 3, 1_767_225_600))
    aws = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
    files = {"DESK": str(folder / "desk.json"), "RECORDINGS": str(folder / "recordings")}
    return {**dict.fromkeys(VARIABLES, "none"), **aws, **files}


def loaded(service: str, build: str, environment: dict[str, str]) -> set[str]:
    """The heavy libraries that a fresh interpreter has loaded after it imported the handler and built something."""
    package = service.replace("-", "_") + "_service"
    code = (
        f"import json, sys\nfrom {package} import handler, wiring\n{build}\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    path = os.pathsep.join(map(str, (ROOT / "shared", ROOT / "services" / service)))
    environment = environment | {"PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return HEAVY & set(json.loads(done.stdout))


@pytest.mark.parametrize("service", BUILD)
def test_importing_a_service_loads_no_heavy_library(service: str, environment: dict[str, str]) -> None:
    assert loaded(service, BUILD[service], environment) == set()


@pytest.mark.parametrize("service", BUILD)
def test_importing_needs_no_environment(service: str) -> None:
    assert loaded(service, "", {}) == set()


def test_only_the_lake_loads_pyarrow(environment: dict[str, str]) -> None:
    assert "pyarrow" in loaded("audit", LAKE, environment)


def held(requirements: str) -> set[str]:
    """The heavy libraries among pinned requirements."""
    lines = [line for line in requirements.splitlines() if line and not line.startswith((" ", "#", "-"))]
    return HEAVY & {line.partition("==")[0] for line in lines}


@pytest.mark.parametrize("service", HELD)
def test_an_image_holds_only_what_its_service_needs(service: str) -> None:
    assert held((ROOT / "docker" / f"requirements-{service}.txt").read_text()) == HELD[service]


def test_a_library_too_many_is_reported() -> None:
    assert held("# Pinned.\nmsgspec==0.22.0 \\\n    --hash=sha256:00\npandas==2.0\n") == {"pandas"}


def test_a_heavy_library_is_reported(environment: dict[str, str]) -> None:
    assert loaded("risk", "import boto3", environment) >= {"boto3", "botocore"}
